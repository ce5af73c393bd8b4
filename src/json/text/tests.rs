use super::*;

fn is_value(text: &str) -> bool {
    let mut scan = Scanner::of(text);
    scan.value() == Some(text) && scan.is_at_end()
}

/// Returns `true` if `serde_json` accepts the text.
fn is_value_to_serde(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn each_change(value: &str, seen: &mut dyn FnMut(&str)) {
    for (at, old) in value.char_indices() {
        let (before, rest) = value.split_at(at);
        let behind = &rest[old.len_utf8()..];
        seen(before);
        seen(&[before, behind].concat());
        for new in " \t\x0c\0{}[]:,\"\\/-+.0123eEnutlx\u{7f}\u{e4}".chars() {
            seen(&format!("{before}{new}{behind}"));
            seen(&format!("{before}{new}{rest}"));
            seen(&format!("{value}{new}"));
        }
    }
}

const VALUES: &[&str] = &[
    "0",
    "-0",
    "-1.50e+07",
    "1E-2",
    "12",
    "null",
    "true",
    "false",
    r#""""#,
    "\"\u{e4}\u{2028}\u{7f}\"",
    r#""\"\\\/\b\f\n\r\t\u00fF\ud800""#,
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[1,2]",
    "[ [ ] , { } ]",
    r#"{"a":{"b":[{"c":null},[]],"d":{}} , "a" : -1}"#,
    r#"[{"a":[[{}]]},"]}"]"#,
];

#[test]
fn values_are_parsed_to_their_end() {
    for value in VALUES {
        assert!(is_value(value) && is_value_to_serde(value), "{value}");
    }
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    assert!(is_value(&deep));
    assert!(!is_value(&deep[1..]) && !is_value(&deep[..deep.len() - 1]));
}

/// Tries each value with each character removed, replaced and inserted, once and twice, and cut at
/// each place.
#[test]
fn values_are_accepted_exactly_as_by_serde_json() {
    let mut judged = 0;
    let mut judge = |text: &str| {
        // Surrounding blanks are the caller's responsibility.
        if text.trim_matches([' ', '\t', '\r', '\n']) == text {
            assert_eq!(is_value(text), is_value_to_serde(text), "{text:?}");
            judged += 1;
        }
    };
    for value in VALUES {
        each_change(value, &mut |changed| {
            judge(changed);
            if changed.len() < value.len() {
                each_change(changed, &mut judge);
            }
        });
    }
    assert!(judged > 200_000);
}
