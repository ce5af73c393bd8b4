use super::*;
use std::rc::Rc;
use std::time::Instant;

use crate::proxy::{Lane, ListenerSettings, Session, Upstream};

fn session() -> Session {
    let upstream = Rc::new(Upstream { socket: "/d".to_owned(), ..Upstream::default() });
    let settings = ListenerSettings { answers: true, upstream, ..ListenerSettings::default() };
    Session::new(Rc::new(settings))
}

fn gets(lane: &mut Lane, bytes: &[u8]) {
    lane.room(1 << 16)[..bytes.len()].copy_from_slice(bytes);
    lane.received(bytes.len());
}

fn leaves(lane: &mut Lane) -> String {
    let leaving = lane.leaving().to_vec();
    lane.left(leaving.len());
    String::from_utf8(leaving).unwrap()
}

fn advance(session: &mut Session) -> Step {
    session.advance(Instant::now())
}

const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n";

fn query(ready: Option<Readiness>) -> Step {
    Step::Answer(Query { request: REQUEST.to_vec(), ready })
}

/// A session whose daemon is to be asked, up to the connection to it.
fn asks() -> Session {
    let mut session = session();
    gets(session.up(), REQUEST);
    assert_eq!(advance(&mut session), query(None));
    session.answered(Answer::AskDaemon);
    assert_eq!(advance(&mut session), Step::Dial);
    session
}

/// The same, once the request has left for the daemon.
fn pings() -> Session {
    let mut session = asks();
    session.connected();
    assert_eq!(advance(&mut session), Step::Wait);
    assert!(leaves(session.up()).starts_with("GET /_ping HTTP/1.1\r\n"));
    assert_eq!((session.deadline(), advance(&mut session)), (Deadline::Pong, Step::Wait));
    session
}

/// The reason why the daemon is not ready.
fn unready(session: &mut Session) -> String {
    match advance(session) {
        Step::Answer(Query { ready: Some(Err(why)), .. }) => why,
        step => panic!("{step:?}"),
    }
}

#[test]
fn a_response_ends_the_connection_and_needs_no_daemon() {
    let mut session = session();
    assert_eq!((advance(&mut session), session.deadline()), (Step::Wait, Deadline::Query));
    gets(session.up(), &REQUEST[..9]);
    assert_eq!(advance(&mut session), Step::Wait);
    gets(session.up(), &REQUEST[9..]);
    assert_eq!(advance(&mut session), query(None));
    session.answered(Answer::Response(b"hello".to_vec()));
    assert_eq!((advance(&mut session), session.deadline()), (Step::Wait, Deadline::Reader));
    assert_eq!(leaves(session.down()), "hello");
    assert_eq!(advance(&mut session), Step::Close);
}

#[test]
fn what_is_malformed_or_too_long_is_for_the_shell() {
    let long = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; QUERY_LIMIT]].concat();
    for request in [b"\x01".as_slice(), &long[..QUERY_LIMIT]] {
        let mut session = session();
        gets(session.up(), request);
        assert!(matches!(advance(&mut session), Step::Answer(_)));
    }
    // Of what is too long no more is held.
    assert_eq!(session().up_limit(), QUERY_LIMIT);
}

#[test]
fn a_client_that_leaves_or_takes_too_long_is_let_go() {
    let mut left = session();
    gets(left.up(), &REQUEST[..9]);
    left.client_ended();
    assert_eq!(advance(&mut left), Step::Close);
    let mut slow = session();
    assert_eq!(slow.expired(Instant::now()), Step::Close);
    assert_eq!(advance(&mut slow), Step::Close);
}

#[test]
fn the_daemon_is_asked_when_the_answer_depends_on_it() {
    let mut session = pings();
    gets(session.down(), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nO");
    assert_eq!(advance(&mut session), Step::Wait);
    gets(session.down(), b"K");
    assert_eq!(advance(&mut session), query(Some(Ok(()))));
    session.answered(Answer::Response(b"ready".to_vec()));
    assert_eq!(advance(&mut session), Step::Wait);
    assert_eq!(leaves(session.down()), "ready");
    assert_eq!(advance(&mut session), Step::Close);
}

#[test]
fn a_daemon_that_is_not_ready_is_described() {
    for (response, ends, wanted) in [
        ("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", false, "with status 500"),
        ("HTTP/1.1 200 OK\r\n", true, "hung up"),
        ("", true, "hung up"),
        ("\u{7f}", false, "malformed"),
        (&("HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(PONG_LIMIT)), false, "too long"),
    ] {
        let mut session = pings();
        let all = response.len().min(session.down_limit());
        gets(session.down(), &response.as_bytes()[..all]);
        if ends {
            session.daemon_ended();
        }
        let why = unready(&mut session);
        assert!(why.contains(wanted), "{why}");
    }
    let mut late = pings();
    assert_eq!(late.expired(Instant::now()), Step::Wait);
    assert_eq!(unready(&mut late), "the daemon did not answer /_ping in 2 seconds");
    for (why, wanted) in [
        (Unreachable::Missing, "the daemon at /d is away: no such file or directory"),
        (Unreachable::Slow, "the daemon at /d is away: its queue is full"),
    ] {
        let mut session = asks();
        session.away(Away { socket: "/d".to_owned(), why });
        assert_eq!(unready(&mut session), wanted);
        session.answered(Answer::Response(b"away".to_vec()));
        assert_eq!(advance(&mut session), Step::Wait);
        assert_eq!(leaves(session.down()), "away");
        assert_eq!(advance(&mut session), Step::Close);
    }
}
