use super::*;

#[test]
fn platforms_are_read_as_go_reads_them_or_not_at_all() {
    for (document, ids) in [
        (r#"{"Platforms":[{"ID":"linux/amd64","Platform":{"os":"linux"}}]}"#, &["linux/amd64"][..]),
        (r#" {"x":1,"platforms":[{"id":"a\u002fb"}, {"ID":"c"}]} "#, &["a/b", "c"]),
    ] {
        assert_eq!(platforms(document.as_bytes()).unwrap(), ids, "{document}");
    }
    for odd in [
        "",
        "null",
        "{}",
        "[]",
        r#"{"Platforms":null}"#,
        r#"{"Platforms":[]}"#,
        r#"{"Platforms":{}}"#,
        r#"{"Platforms":[null]}"#,
        r#"{"Platforms":[{}]}"#,
        r#"{"Platforms":[{"ID":null}]}"#,
        r#"{"Platforms":[{"ID":1}]}"#,
        r#"{"Platforms":[{"ID":"\ud800"}]}"#,
        r#"{"Platforms":[{"ID":"a","id":"b"}]}"#,
        r#"{"Platforms":[{"ID":"a"}],"platforms":[{"ID":"b"}]}"#,
        r#"{"Platforms":[{"ID":"a"}]}x"#,
    ] {
        assert_eq!(platforms(odd.as_bytes()), None, "{odd}");
    }
    assert_eq!(platforms(b"{\"Platforms\":[{\"ID\":\"\xff\"}]}"), None);
}
