use super::*;

#[test]
fn help_lists_every_flag_within_the_width() {
    let help = help(None);
    for flag in FLAGS {
        let mut words = flag.names.iter().chain(&flag.variable);
        assert!(words.all(|word| help.contains(word)), "{:?}", flag.names);
    }
    for line in help.lines() {
        assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
    }
}

#[test]
fn the_help_of_a_command_has_its_flags() {
    let reap = COMMANDS.iter().find(|command| command.word == "reap").unwrap();
    let help = help(Some(reap));
    assert!(help.contains("dockerd-ci-proxy reap --label KEY=VALUE... [flags]\n      Remove "));
    for (flag, is_there) in [("--older-than", true), ("--timeout", false), ("--map-path", false)] {
        assert_eq!(help.contains(&format!("\n  {flag} ")), is_there, "{flag}");
    }
}

#[test]
fn words_are_wrapped_at_the_width() {
    assert_eq!(wrapped("  ", ""), Vec::<String>::new());
    assert_eq!(wrapped("  ", "a  b"), ["  a b"]);
    let long = "x".repeat(WIDTH);
    assert_eq!(wrapped("", &format!("a {long} b")), ["a", &long, "b"]);
}
