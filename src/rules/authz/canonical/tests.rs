use super::*;
use crate::engine::route;

fn create(body: &str) -> Result<String, Refusal> {
    let operation = route("POST", b"/containers/create");
    canonical(operation, body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn known_names_get_the_spelling_of_the_api() {
    for (body, expected) in [
        (
            r#"{ "hostconfig" : {"PRIVILEGED":true, "mounts":[{"type":"bind","SOURCE":"/"}]} }"#,
            r#"{"HostConfig":{"Privileged":true,"Mounts":[{"Type":"bind","Source":"/"}]}}"#,
        ),
        (r#"{"Ho\u0073tConfig":{"bind\u017f":["/:/h"]}}"#, r#"{"HostConfig":{"Binds":["/:/h"]}}"#),
        (r#"{"labels":{"Image":"a","image":"b"}}"#, r#"{"Labels":{"Image":"a","image":"b"}}"#),
        (
            r#"{"networkingconfig":{"endpointsconfig":{"Web":{"links":[]}}}}"#,
            r#"{"NetworkingConfig":{"EndpointsConfig":{"Web":{"Links":[]}}}}"#,
        ),
        (
            r#"{"Unknown":{"a":1.50,"A":"\u00e9"},"Tty":false}"#,
            r#"{"Unknown":{"a":1.50,"A":"\u00e9"},"Tty":false}"#,
        ),
        (" null ", "null"),
        (" \n", " \n"),
    ] {
        assert_eq!(create(body).as_deref(), Ok(expected));
    }
}

#[test]
fn the_canonical_form_is_its_own() {
    let once = create(r#"{"image":"x","hostconfig":{"binds":null}}"#).unwrap();
    assert_eq!(create(&once).as_deref(), Ok(&*once));
}

#[test]
fn names_that_occur_twice_are_refused() {
    for body in [
        r#"{"Image":"a","image":"b"}"#,
        r#"{"HostConfig":{"Binds":[],"bINDS":[]}}"#,
        r#"{"HostConfig":{"NewOption":1,"newoption":2}}"#,
        r#"{"Labels":{"a":"1","a":"2"}}"#,
        r#"{"Unknown":[{"a":1,"\u0061":2}]}"#,
    ] {
        assert_eq!(create(body).unwrap_err().reason, Reason::TwoMembers, "{body}");
    }
}

#[test]
fn other_texts_are_refused() {
    for body in ["{", "[1,]", "{} {}", "tru", "{\"a\":01}", "\u{feff}{}", "{\"a\":[{]}"] {
        assert_eq!(create(body).unwrap_err().reason, Reason::NotJson, "{body}");
    }
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(create(&deep(DEPTH)).is_ok());
    assert_eq!(create(&deep(DEPTH + 1)).unwrap_err().reason, Reason::TooMany);
    let operation = route("POST", b"/containers/create");
    assert_eq!(canonical(operation, b"\"\xff\"").unwrap_err().reason, Reason::NotJson);
}
