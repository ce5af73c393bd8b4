use super::*;

#[test]
fn messages_are_printable() {
    assert_eq!(escaped("a ~\"100%\"\n\u{e4}"), "a ~\"100%25\"%0A%C3%A4");
}
