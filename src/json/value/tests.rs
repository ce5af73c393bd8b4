use super::*;

#[test]
fn keys_are_matched_as_go_matches_them() {
    for key in ["Labels", "labels", "LABELS", "Label\u{17f}"] {
        assert!(is_field(key, "Labels"), "{key}");
    }
    assert!(is_field("networ\u{212a}mode", "NetworkMode"));
    assert!(is_field("\u{17f}ource", "Source"));
    for key in ["Label", "Labelss", "L\u{e4}bels", "Labels ", "\u{17f}abels", "\u{212a}", ""] {
        assert!(!is_field(key, "Labels"), "{key}");
    }
}

#[test]
fn an_object_has_a_limit_of_members() {
    let object = |members: usize| format!("{{{}}}", vec!["\"\":1"; members].join(","));
    assert!(Found::read("", &object(MEMBERS)).is_ok());
    let larger = object(MEMBERS + 1);
    let refused = Found::read("", &larger).unwrap_err();
    assert_eq!(refused, Error::ManyMembers(MEMBERS));
}

#[test]
fn errors_in_the_inner_object_equal_those_in_the_document() {
    let many = format!("{{{}}}", vec!["\"\":1"; MEMBERS + 1].join(","));
    let escape = r#"{"\ud800":1}"#.to_owned();
    let refused = |value: &str| {
        let document = format!(r#"{{"a":{value}}}"#);
        let Found::Object(mut top) = Found::document(&document, Some("A")).unwrap() else {
            panic!("{document}")
        };
        top.object_along("a").unwrap_err()
    };
    assert_eq!(refused(&many), Error::ManyMembers(MEMBERS));
    assert!(matches!(refused(&escape), Error::NotJson(_)));
}

#[test]
fn objects_may_be_as_deep_as_they_like() {
    for key in ["", "a"] {
        let deep = format!(r#"{{"{key}":"#).repeat(1 << 18) + "1" + &"}".repeat(1 << 18);
        assert!(Found::document(&deep, None).is_ok());
        assert!(Found::document(&deep, Some(key)).is_ok());
    }
}

#[test]
fn the_inner_object_equals_one_parsed_later() {
    for (document, later) in [
        (r#"{"b":1,"A":{"c":2}}"#, r#"{"c":2}"#),
        (r#"{"\u0061":{"c":2}}"#, r#"{"c":2}"#),
        (r#"{"a" : { } }"#, "{ }"),
    ] {
        let Found::Object(mut top) = Found::document(document, Some("a")).unwrap() else {
            panic!("{document}")
        };
        let Found::Object(inner) = top.object_along("a").unwrap() else { panic!("{document}") };
        assert_eq!((inner.text, inner.members.len()), (later, later.matches(':').count()));
    }
}
