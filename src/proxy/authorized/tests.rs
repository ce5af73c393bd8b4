use std::time::Instant;

use super::*;
use crate::proxy::{HostFact, Lane, ListenerSettings, Session, Step};
use crate::rules::authz::{Plugin, verdict};
use crate::rules::facts::HostQuestion;
use crate::rules::{AnonymousVolumes, Injections, Label, Profile};

fn session() -> Session {
    let plugin = Plugin { name: "x".to_owned(), responses: true, from: String::new() };
    let label = [Label { key: "a".to_owned(), value: "b".to_owned() }];
    let profile = Profile {
        authz: Some(Arc::new(Authz::of(vec![plugin]))),
        inject: Injections::forced(&label, &[], None, None),
        anonymous_volumes: AnonymousVolumes::Label,
        ..Profile::default()
    };
    let settings = ListenerSettings { profile, ..ListenerSettings::default() };
    let mut session = Session::new(Rc::new(settings));
    session.connected();
    session
}

fn gets(lane: &mut Lane, bytes: &str) {
    lane.room(1 << 16)[..bytes.len()].copy_from_slice(bytes.as_bytes());
    lane.received(bytes.len());
}

fn left(lane: &mut Lane) -> String {
    let bytes = lane.leaving().to_vec();
    lane.left(bytes.len());
    String::from_utf8(bytes).unwrap()
}

/// Advances to the question to plugins, before which nothing is sent.
fn asked(session: &mut Session) -> Authorization {
    let step = session.advance(Instant::now());
    let Step::Ask(HostQuestion::Authorize(question)) = step else { panic!("{step:?}") };
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert_eq!((left(session.up()), left(session.down())), (String::new(), String::new()));
    *question
}

fn creates(session: &mut Session, body: &str) {
    let length = body.len();
    let head = format!("POST /containers/create HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    gets(session.up(), &(head + body));
}

#[test]
fn plugins_are_asked_even_if_the_daemon_will_refuse() {
    let mut session = session();
    creates(&mut session, r#"{"Image":"missing"}"#);
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert!(left(session.up()).starts_with("GET /images/missing/json"));
    gets(session.down(), "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    let question = asked(&mut session);
    assert_eq!(
        (question.method, &*question.plugins),
        ("AuthZPlugin.AuthZReq", &["x".to_owned()][..])
    );
    session.found(HostFact::Authorized(Ok(())));
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert!(left(session.up()).contains("POST /containers/create"));
}

#[test]
fn nothing_is_ordered_for_a_request_that_is_denied() {
    let mut session = session();
    creates(&mut session, r#"{"HostConfig":{"Binds":["v:/v"]}}"#);
    loop {
        match session.advance(Instant::now()) {
            Step::Ask(HostQuestion::Authorize(_)) => break,
            Step::Ask(HostQuestion::Paths(_)) => session.found(HostFact::Paths(Vec::new())),
            step => panic!("{step:?}"),
        }
    }
    let denied = verdict("x", br#"{"Msg":"no"}"#);
    session.found(HostFact::Authorized(denied));
    let Step::Report(outcome) = session.advance(Instant::now()) else { panic!("not over") };
    assert_eq!((outcome.status, outcome.sent), (Some(403), 0));
    assert!(left(session.down()).contains("authorization denied by plugin x: no"));
}

#[test]
fn a_response_waits_for_its_decision() {
    for decision in [Ok(()), verdict("x", br#"{"Msg":"no"}"#)] {
        let allows = decision.is_ok();
        let mut session = session();
        gets(session.up(), "GET /info HTTP/1.1\r\nHost: d\r\n\r\n");
        asked(&mut session);
        session.found(HostFact::Authorized(Ok(())));
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        assert!(left(session.up()).starts_with("GET /info "));
        gets(
            session.down(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        );
        let question = asked(&mut session);
        assert_eq!(question.method, "AuthZPlugin.AuthZRes");
        assert!(question.message.contains(r#""ResponseStatusCode":200,"ResponseBody":"e30=""#));
        session.found(HostFact::Authorized(decision));
        session.advance(Instant::now());
        let got = left(session.down());
        if allows {
            assert_eq!(got, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        } else {
            assert!(got.starts_with("HTTP/1.1 403 ") && got.contains("plugin x: no"), "{got}");
        }
    }
}
