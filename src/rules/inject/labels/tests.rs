use super::*;
use crate::rules::Reason;

#[test]
fn labels_are_merged_into_a_map() {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let ours = Labels::from_iter([label("a", "1"), label("q\"", "\n")]);
    for (map, wanted) in [
        ("", r#"{"a":"1","q\"":"\n"}"#),
        (" null ", r#"{"a":"1","q\"":"\n"}"#),
        ("{}", r#"{"a":"1","q\"":"\n"}"#),
        ("{ }", r#"{"a":"1","q\"":"\n" }"#),
        (r#"{"b" : "2" }"#, r#"{"b" : "2","a":"1","q\"":"\n" }"#),
        (r#"{"\u0061":null,"q\u0022":"x","A":"y"}"#, r#"{"\u0061":"1","q\u0022":"\n","A":"y"}"#),
        (r#"{"a":"x","a":"y","q\"":""}"#, r#"{"a":"1","a":"1","q\"":"\n"}"#),
    ] {
        assert_eq!(merged(map, &ours).unwrap(), wanted, "{map}");
    }
    for (key, refused) in
        [("a=", true), ("a=x", true), ("\\u0061=x", true), ("a", false), ("ab=c", false)]
    {
        let merged = merged(&format!(r#"{{"{key}":"x"}}"#), &ours);
        assert_eq!(
            merged.is_err_and(|refusal| refusal.reason == Reason::LabelKey),
            refused,
            "{key}"
        );
    }
    for bad in [r#"{"b":1}"#, r#"{"b":["x"]}"#, "[]", r#""x""#, "{", "{}x", r#"{"\ud800":""}"#] {
        assert!(merged(bad, &ours).is_err(), "{bad}");
    }
}
