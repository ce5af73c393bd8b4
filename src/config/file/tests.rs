use super::*;

#[test]
fn syntax_errors_are_reported_once_per_line() {
    let source = Source::new("c.toml", "a = 1\nb = = x y\n[c\nd = 0660\na = 2\n");
    let faults = source.parse().unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
    assert_eq!(lines, ["c.toml:2:5", "c.toml:3:3", "c.toml:5:1"]);
    assert!(faults.iter().all(|fault| !fault.why.is_empty()));
}

#[test]
fn columns_count_characters() {
    let source = Source::new("c.toml", "# ä\n\"ää\" = 1");
    assert_eq!(source.place(&(12..13)), "c.toml:2:6");
    assert_eq!(source.place(&(900..901)), "c.toml:2:9");
}

#[test]
fn messages_of_the_parser_have_the_words_that_they_need() {
    let text = "a = b\nc = 01\nd = { e = 1 }\nd.f = 2\ng = 1\ng = 2\n[h]\n[h]\n";
    let faults = Source::new("c", text).parse().unwrap_err();
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let wanted = [
        "c:1:5: a string needs quotes, like \"text\"",
        "c:2:5: a number cannot begin with 0; a string like a file mode needs quotes",
        "c:4:1: a table in braces is complete; write this entry inside of the braces",
        "c:6:1: the key \"g\" is there twice; expected one key or table of this name",
        "c:8:2: the key \"h\" is there twice; expected one key or table of this name",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn names_of_tables_in_each_other_are_joined_by_dots_until_they_end() {
    let text = "a.b.c = 1\n\"x.y\" = 2\na.\"d.e\" = { f = 3 }\na.g = {}\n";
    let table = Source::new("c", text).parse().unwrap();
    let names = |ends: &dyn Fn(&str) -> bool| {
        let list = joined(&table, ends).into_iter();
        list.map(|(name, at, _)| (name, at.start)).collect::<Vec<_>>()
    };
    let wanted = [("a.b.c", 4), ("x.y", 10), ("a.d.e.f", 32), ("a.g", 42)];
    assert_eq!(names(&|_| false), wanted.map(|(name, at)| (name.to_owned(), at)));
    let wanted = [("a.b", 2), ("x.y", 10), ("a.d.e", 22), ("a.g", 42)];
    let ends = |name: &str| name.contains('.');
    assert_eq!(names(&ends), wanted.map(|(name, at)| (name.to_owned(), at)));
}
