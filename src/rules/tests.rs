use super::*;
use crate::engine::route;
use crate::http::head;

#[test]
fn strictness_lets_only_known_operations_pass() {
    let strict = Injection { strict: true, ..Injection::default() };
    for (line, known) in [
        ("GET /v1.41/info", true),
        ("GET /v5.0.0/libpod/info", true),
        ("GET /v1.99/frobnicate", false),
        ("BREW /info", false),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let text = format!("{line} HTTP/1.1\r\nHost: d\r\n\r\n");
        let request = head::request(text.as_bytes()).unwrap();
        let operation = route(method, path.as_bytes());
        let wanted = if known { Ok(Plan::Pass) } else { Err(unknown()) };
        assert_eq!(plan(&strict, operation, &request), wanted, "{line}");
        assert_eq!(plan(&Injection::default(), operation, &request), Ok(Plan::Pass), "{line}");
    }
}

#[test]
fn every_spelling_that_go_takes_for_a_form_is_seen() {
    for form in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded ; charset=utf-8",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded\u{a0}",
        "\u{2003}application/x-www-form-urlencoded",
        "appl\u{130}cation/x-www-form-urlencoded",
    ] {
        assert!(may_be_form(form.as_bytes()), "{form}");
    }
    for other in ["", "application/x-tar", "application/tar", "text/plain; charset=utf-8"] {
        assert!(!may_be_form(other.as_bytes()), "{other}");
    }
}
