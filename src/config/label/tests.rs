use super::*;

#[test]
fn a_key_ends_at_the_first_equals_sign() {
    let label = label_pair("ci.job=a=b").unwrap();
    assert_eq!((label.key.as_str(), label.value.as_str()), ("ci.job", "a=b"));
    assert_eq!(label_pair("empty=").unwrap().value, "");
}

#[test]
fn unusable_labels_are_refused() {
    assert_eq!(label_pair("job"), Err(Invalid::NoEquals("job".into())));
    assert_eq!(label_pair("=1"), Err(Invalid::EmptyKey));
    for text in ["a\0=b", "a=b\r", "a=b\nLABEL c=d"] {
        assert_eq!(label_pair(text), Err(Invalid::LineBytes(text.into())));
    }
    for key in ["a b", " a", "a ", "a\tb", " ", "a\u{a0}b"] {
        let blank = Err(Invalid::BlankInKey(key.into()));
        assert_eq!(label_pair(&format!("{key}=1")), blank);
    }
    assert_eq!(label_pair("a= b c ").unwrap().value, " b c ");
    let placeholder = Err(Invalid::PlaceholderInName("a.{uid}".into()));
    assert_eq!(label_pair("a.{uid}={uid}"), placeholder);
    assert!(matches!(label_pair("a={{.Node.Hostname}"), Err(Invalid::Template(_))));
    assert_eq!(label_pair("a{={uid:-=}").unwrap().value, "{uid:-=}");
}
