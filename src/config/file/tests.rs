use super::*;

#[test]
fn syntax_errors_are_reported_once_per_line() {
    let source = Source { path: "c.toml", text: "a = 1\nb = = x y\n[c\nd = 0660\na = 2\n" };
    let faults = source.parse().unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
    assert_eq!(lines, ["c.toml:2:5", "c.toml:3:3", "c.toml:5:1"]);
    assert!(faults.iter().all(|fault| !fault.why.is_empty()));
}

#[test]
fn columns_count_characters() {
    let source = Source { path: "c.toml", text: "# ä\n\"ää\" = 1" };
    assert_eq!(source.place(&(12..13)), "c.toml:2:6");
    assert_eq!(source.place(&(900..901)), "c.toml:2:9");
}
