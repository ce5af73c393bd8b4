use super::*;

fn refused(content: &str) -> (Reason, String) {
    let refusal = verdict("x", content.as_bytes()).unwrap_err();
    (refusal.reason, refusal.to_string())
}

#[test]
fn only_allow_allows() {
    assert_eq!(verdict("x", br#"{"Allow":true,"Msg":"m","Err":"e"}"#), Ok(()));
    assert_eq!(verdict("x", br#"{"allow":true}"#), Ok(()));
    let denied =
        |text: &str| (Reason::AuthzDenied, format!("authorization denied by plugin x: {text}"));
    assert_eq!(refused(r#"{"Allow":false,"Msg":"no\nroot","Err":"e"}"#), denied("no root"));
    assert_eq!(refused(r#"{"Allow":null,"Err":"broken"}"#), denied("broken"));
    assert_eq!(refused("{}"), denied(""));
    assert_eq!(refused(r#"{"Allow":false,"Msg":"no\nroot"}"#), denied("no root"));
}

#[test]
fn what_cannot_be_understood_is_a_failure() {
    for content in [
        "",
        "[]",
        "null",
        "true",
        "{\"Allow\":1}",
        "{\"Allow\":true,\"allow\":false}",
        "{",
        "\u{feff}{}",
    ] {
        let (reason, text) = refused(content);
        assert_eq!(reason, Reason::AuthzFailed, "{content}");
        assert!(text.starts_with("plugin x failed with error: "), "{text}");
    }
    assert_eq!(verdict("x", b"\xff").unwrap_err().reason, Reason::AuthzFailed);
}

#[test]
fn an_activation_must_name_the_interface() {
    assert_eq!(activation(br#"{"Implements":["VolumeDriver","authz"]}"#), Ok(()));
    for content in ["{}", r#"{"Implements":["authzx"]}"#, r#"{"Implements":null}"#, "[]", "x"] {
        assert!(activation(content.as_bytes()).is_err(), "{content}");
    }
}

#[test]
fn other_statuses_have_the_text_of_the_plugin() {
    assert_eq!(no_answer("M", 500, br#"{"Err":"down"}"#), "M: down");
    assert_eq!(no_answer("M", 404, b"404 page not found\n"), "M: 404 page not found");
    assert_eq!(no_answer("M", 500, b""), "M: status 500");
}
