use super::*;

fn passes(test: &Test, form: Form, written: &str) -> bool {
    let value = Value { at: 0, text: Cow::Borrowed(written), kind: ValueKind::Set };
    test.passes(form, &value)
}

fn one(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

#[test]
fn equal_values_have_many_spellings() {
    for (form, of_rule, spellings) in [
        (
            Form::Capability,
            "SYS_ADMIN",
            &["sys_admin", "CAP_SYS_ADMIN", "cap_Sys_Admin", "\u{17f}ys_admin"][..],
        ),
        (Form::Capability, "cap_all", &["ALL", "all", "CAP_ALL"]),
        (Form::AnyCase, "npipe", &["NPIPE", "Npipe"]),
        (Form::Security, "seccomp=unconfined", &["seccomp:unconfined"]),
        (Form::Members, "DeviceRequests", &["devicerequests", "DEVICEREQUEST\u{17f}"]),
    ] {
        for spelling in spellings {
            assert!(passes(&Test::In(one(of_rule)), form, spelling), "{spelling}");
            assert!(passes(&Test::Prefix(one(of_rule)), form, spelling), "{spelling}");
            assert!(!passes(&Test::NotIn(one(of_rule)), form, spelling), "{spelling}");
        }
    }
    assert!(!passes(&Test::In(one("host")), Form::Text, "HOST"));
    assert!(!passes(&Test::In(one("label")), Form::Keys, "LABEL"));
}

#[test]
fn a_number_that_is_none_passes_each_test_of_numbers() {
    for text in ["1e3", "1.5", "9223372036854775808", "x", "8000-9000"] {
        for test in [Test::Above(1), Test::Below(1), Test::Missing, Test::Set] {
            assert!(passes(&test, Form::Number, text), "{text}");
        }
    }
    assert!(passes(&Test::Missing, Form::Bytes, "-0"));
    assert!(passes(&Test::Above(10), Form::Number, "11"));
    assert!(!passes(&Test::Above(10), Form::Number, "10"));
    assert!(!passes(&Test::Above(10), Form::Number, "-1"));
    assert!(passes(&Test::Above(10), Form::Bytes, "-1"));
    assert!(passes(&Test::Below(0), Form::Number, "-1"));
    assert!(!passes(&Test::Missing, Form::Text, "1e3"));
}

#[test]
fn values_of_the_operator_pass_no_test() {
    for kind in [ValueKind::Operators, ValueKind::Unset, ValueKind::EmptyList] {
        let value = Value { at: 0, text: Cow::Borrowed("host"), kind };
        for test in [Test::Set, Test::In(one("host")), Test::NotIn(one("x")), Test::Above(1)] {
            assert!(!test.passes(Form::Text, &value));
        }
        let is_missing = kind != ValueKind::Operators;
        assert_eq!(Test::Missing.passes(Form::Text, &value), is_missing);
        assert_eq!(Test::EmptyList.passes(Form::Text, &value), kind == ValueKind::EmptyList);
    }
}
