use super::*;

/// Returns what is written for a client's value that was read.
fn again(form: Form, given: &Given<'_>) -> Result<Vec<(String, String)>, Wanted> {
    form.read(given).map(|setting| form.write(&setting))
}

fn single(value: &str) -> Vec<(String, String)> {
    vec![(String::new(), value.to_owned())]
}

#[test]
fn a_value_is_written_as_it_was_read() {
    for (form, value) in [
        (Form::Text, "0-3"),
        (Form::Network("sandbox"), "none"),
        (Form::Number, "-7"),
        (Form::Positive, "7"),
        (Form::Flag, "1"),
        (Form::Flag, "0"),
        (Form::Presence, ""),
        (Form::ResolveMode, "pull"),
        (Form::Hosts, "Mirror:::1"),
        (Form::Map, r#"{"a":"\u0031","a b":null,"\"":""}"#),
        (Form::List, r#"[{"Name":"nofile","Soft":1e3,"x":[ ]},{"name":"n"}]"#),
        (Form::Csv, "Mirror=10.0.0.1,b=::1,,c"),
        (Form::Csv, ""),
    ] {
        assert_eq!(again(form, &[(b"", value.as_bytes())]), Ok(single(value)), "{form:?}");
    }
}

#[test]
fn spellings_of_the_same_value_become_one() {
    for (form, value, wanted) in [
        (Form::Number, "+07", "7"),
        (Form::Number, "", "0"),
        (Form::Flag, " No ", "0"),
        (Form::Flag, "none", "0"),
        (Form::Flag, "yes", "1"),
        (Form::ResolveMode, "local", "default"),
        (Form::Network("default"), "default", ""),
        (Form::Map, " null", "{}"),
        (Form::Map, "", "{}"),
        (Form::List, " [ ] ", "[]"),
        (Form::List, "null", "[]"),
    ] {
        assert_eq!(again(form, &[(b"", value.as_bytes())]), Ok(single(wanted)), "{form:?} {value}");
    }
    assert_eq!(again(Form::Positive, &[(b"", b"-1")]), Ok(Vec::new()));
    assert_eq!(again(Form::Presence, &[]), Ok(Vec::new()));
}

#[test]
fn entries_may_have_keys_of_their_own() {
    let given: &Given<'_> = &[(b"", b"a:1"), (b"", b"b:2")];
    let hosts = [single("a:1"), single("b:2")].concat();
    assert_eq!(again(Form::Hosts, given), Ok(hosts));
    let given: &Given<'_> = &[(b"A", b"1"), (b"B", b"")];
    let wanted = [("A", "1"), ("B", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(again(Form::Prefix, given), Ok(wanted.to_vec()));
    let last: &Given<'_> = &[(b"", b"x"), (b"", b"7")];
    assert_eq!(again(Form::Number, last), Ok(single("7")));
}

#[test]
fn a_value_that_cannot_be_read_is_reported() {
    for (form, value, wanted) in [
        (Form::Text, &b"\xff"[..], TEXT),
        (Form::Hosts, b"a:\xff", TEXT),
        (Form::Prefix, b"\xff", TEXT),
        (Form::Number, b"1g", NUMBER),
        (Form::Number, b"9223372036854775808", NUMBER),
        (Form::Positive, b" 1", NUMBER),
        (Form::Map, b"[]", MAP),
        (Form::Map, b"{", MAP),
        (Form::Map, br#"{"a":1}"#, MAP),
        (Form::List, b"{}", LIST),
        (Form::List, br#"["nofile=1"]"#, LIST),
        (Form::List, b"[null]", LIST),
        (Form::List, b"[{}]", LIST),
        (Form::List, br#"[{"Name":"a","name":"b"}]"#, LIST),
        (Form::Csv, br#""a=1",b"#, CSV),
        (Form::Csv, b"a=1\nb=2", CSV),
    ] {
        assert_eq!(form.read(&[(b"", value)]), Err(wanted), "{form:?} {}", value.escape_ascii());
    }
}
