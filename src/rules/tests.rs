use super::*;
use crate::engine::route;
use crate::http::head;

#[test]
fn strictness_lets_only_known_operations_pass() {
    let strict = Profile { strict: true, ..Profile::default() };
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
        let traits = Traits::of(&request);
        let asked = Asked { operation, target: request.target, traits, body: None };
        match judge(&strict, &asked, &Facts::default()) {
            Judgement::Pass { .. } => assert!(known, "{line}"),
            Judgement::Refuse(refusal) => assert!(!known && refusal == unknown(), "{line}"),
            judgement => panic!("{line}: {judgement:?}"),
        }
        let judgement = judge(&Profile::default(), &asked, &Facts::default());
        assert!(matches!(judgement, Judgement::Pass { .. }), "{line}: {judgement:?}");
    }
}

#[test]
fn every_spelling_that_go_reads_as_a_form_is_recognized() {
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

#[test]
fn a_volume_without_a_body_depends_on_the_daemons_version() {
    let head = b"POST /volumes/create HTTP/1.1\r\nHost: d\r\n\r\n";
    let request = head::request(head).unwrap();
    let operation = route("POST", b"/volumes/create");
    let traits = Traits::of(&request);
    let asked = Asked { operation, target: request.target, traits, body: None };
    let judged = |facts: &Facts| judge(&Profile::default(), &asked, facts);
    let judgement = judged(&Facts::default());
    let Judgement::Need { needs, draft: None } = judgement else { panic!("{judgement:?}") };
    assert_eq!(needs, [Need::Daemon(Question::Version)]);
    for (version, wanted) in [("1.42", "edit"), ("1.41", "pass"), ("x", "refuse")] {
        let mut facts = Facts::default();
        let head = format!("HTTP/1.1 200 OK\r\nApi-Version: {version}\r\n\r\n");
        let answer = facts::DaemonAnswer { status: 200, head: head.as_bytes(), content: b"OK" };
        let api = crate::engine::Api::default();
        assert_eq!(facts.learn(&Question::Version, answer, api), facts::Learned::News);
        let judgement = match judged(&facts) {
            Judgement::Edit(Edited { body: Some(body), .. }) if body == b"{}" => "edit",
            Judgement::Pass { .. } => "pass",
            Judgement::Refuse(refusal) if refusal == empty_body() => "refuse",
            judgement => panic!("{judgement:?}"),
        };
        assert_eq!(judgement, wanted, "{version}");
    }
}
