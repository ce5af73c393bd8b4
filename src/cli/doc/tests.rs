use super::*;

#[test]
fn help_lists_every_flag_within_the_width() {
    let help = help();
    for flag in FLAGS {
        let mut words = flag.names.iter().chain(&flag.variable);
        assert!(words.all(|word| help.contains(word)), "{:?}", flag.names);
    }
    for line in help.lines() {
        assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
    }
}

#[test]
fn words_are_wrapped_at_the_width() {
    assert_eq!(wrapped("  ", ""), Vec::<String>::new());
    assert_eq!(wrapped("  ", "a  b"), ["  a b"]);
    let long = "x".repeat(WIDTH);
    assert_eq!(wrapped("", &format!("a {long} b")), ["a", &long, "b"]);
}
