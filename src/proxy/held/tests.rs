use std::rc::Rc;

use super::*;

use crate::proxy::collect::COLLECTED_TOTAL;
use crate::proxy::{Session, Step};
use crate::rules::{Injections, Label, Profile};

const BODY: usize = 128 * 1024;

/// A client that sends a volume create of this size; the status, if it has been answered.
fn creates(settings: &Rc<ListenerSettings>) -> (Session, Option<u16>) {
    let head =
        format!("POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: {BODY}\r\n\r\n");
    let body = format!("{{\"Name\":\"{}\"}}", "n".repeat(BODY - 11));
    let request = [head, body].concat();
    let mut session = Session::new(Rc::clone(settings));
    session.connected();
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        let limit = session.up_limit();
        let room = session.up().room(limit);
        let (some, behind) = rest.split_at(room.len().min(rest.len()));
        room[..some.len()].copy_from_slice(some);
        session.up().received(some.len());
        rest = behind;
        if let Some(status) = advance(&mut session) {
            return (session, Some(status));
        }
    }
    (session, None)
}

fn advance(session: &mut Session) -> Option<u16> {
    loop {
        match session.advance(Instant::now()) {
            Step::Wait => return None,
            Step::Report(outcome) => return outcome.status,
            _ => {}
        }
    }
}

#[test]
fn a_request_takes_room_until_it_has_left() {
    let labels = vec![Label { key: "a".into(), value: "b".into() }];
    let inject = Injections::forced(&labels, &[], None, None);
    let profile = Profile { inject, ..Profile::default() };
    let settings = Rc::new(ListenerSettings { profile, ..ListenerSettings::default() });
    let mut others = Share::of(&settings.shared.budget);
    others.hold(COLLECTED_TOTAL - 2 * BODY).unwrap();
    let (mut stuck, none) = creates(&settings);
    assert_eq!(none, None);
    assert_eq!(creates(&settings).1, Some(503));
    let all = stuck.up().leaving().len();
    assert!(all > BODY);
    stuck.up().left(all);
    assert_eq!(advance(&mut stuck), None);
    assert_eq!(creates(&settings).1, None);
}

/// One that is gone before its body is complete is reported as what it would have become.
#[test]
fn a_request_that_is_abandoned_is_reported_with_what_would_have_been_forced() {
    let label = Label { key: "a".into(), value: "b".into() };
    let inject = Injections::forced(&[label], &[], Some("/ci"), None);
    let profile = Profile { inject, ..Profile::default() };
    let settings = Rc::new(ListenerSettings { profile, ..ListenerSettings::default() });
    for (body, asks) in [("{", false), (r#"{"Image":"x"}"#, true)] {
        let mut session = Session::new(Rc::clone(&settings));
        session.connected();
        let head = "POST /containers/create HTTP/1.1\r\nContent-Length: 13\r\n\r\n";
        let request = [head, body].concat();
        session.up().room(1000)[..request.len()].copy_from_slice(request.as_bytes());
        session.up().received(request.len());
        assert_eq!(advance(&mut session), None);
        assert_eq!(session.up().leaving().starts_with(b"GET /images/x/json "), asks);
        let outcome = session.abandon(Instant::now()).unwrap();
        assert_eq!(outcome.verdict.name(), "labelled_and_moved", "{body}");
    }
}
