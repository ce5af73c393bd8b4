use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::engine::route;
use crate::proxy::{ListenerSettings, Session, Step, Verdict};
use crate::rules::reply::Replies;
use crate::rules::{Forced, Profile};

/// Rewrites `a` to `bcd`, and leaves out what has an `x`.
fn rewrite() -> Rewrite {
    Arc::new(|document: &[u8]| {
        let text = str::from_utf8(document).unwrap();
        (text.contains(['a', 'x']))
            .then(|| if text.contains('x') { Vec::new() } else { text.replace('a', "bcd").into() })
    })
}

fn session(operation: &str) -> Session {
    let (method, path) = operation.split_once(' ').unwrap();
    let mut replies = Replies::default();
    assert!(replies.rewrite(route(method, path.as_bytes()), rewrite()));
    let profile = Profile { replies, ..Profile::default() };
    let mut session =
        Session::new(Rc::new(ListenerSettings { profile, ..ListenerSettings::default() }));
    session.connected();
    session
}

fn gets(lane: &mut Lane, bytes: &[u8]) {
    lane.room(1 << 16)[..bytes.len()].copy_from_slice(bytes);
    lane.received(bytes.len());
}

/// Lets everything leave on a lane that can.
fn left(lane: &mut Lane) -> String {
    let mut bytes = Vec::new();
    while !lane.leaving().is_empty() {
        let leaving = lane.leaving().to_vec();
        lane.left(leaving.len());
        bytes.extend(leaving);
    }
    String::from_utf8(bytes).unwrap()
}

/// Advances until nothing happens any more; returns what the client has got, and the verdict and status
/// if the exchange has ended.
fn advance(session: &mut Session) -> (String, Option<(Verdict, Option<u16>)>) {
    let mut ended = None;
    let mut got = String::new();
    loop {
        let step = session.advance(Instant::now());
        let moved = [left(session.up()), left(session.down())];
        got += &moved[1];
        match step {
            Step::Report(outcome) => ended = Some((outcome.verdict, outcome.status)),
            Step::Wait | Step::Close if moved.concat().is_empty() => return (got, ended),
            _ => {}
        }
    }
}

/// Plays one exchange, with the response in two pieces.
fn exchange(operation: &str, response: &[u8], cut: usize, ends: bool) -> (String, Option<u16>) {
    let mut session = session(operation);
    let request = format!("{operation} HTTP/1.1\r\nHost: d\r\n\r\n");
    gets(session.up(), request.as_bytes());
    advance(&mut session);
    let (first, second) = response.split_at(cut);
    gets(session.down(), first);
    let (mut got, ended) = advance(&mut session);
    let mut ended = ended.map(|(_, status)| status);
    gets(session.down(), second);
    if ends {
        session.daemon_ended();
    }
    let (rest, last) = advance(&mut session);
    got += &rest;
    ended = ended.or(last.map(|(_, status)| status));
    (got, ended.flatten())
}

#[test]
fn a_response_is_rewritten_whole_wherever_it_is_cut() {
    for (head, body) in [
        ("Content-Length: 4\r\nX: a\r\n", "[aa]"),
        ("Transfer-Encoding: chunked\r\nX: a\r\n", "1\r\n[\r\n3;e=x\r\naa]\r\n0\r\n\r\n"),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
        for cut in 0..=response.len() {
            let got = exchange("GET /containers/json", response.as_bytes(), cut, false);
            let wanted = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX: a\r\n\r\n[bcdbcd]".to_owned();
            assert_eq!(got, (wanted, Some(200)), "{cut}");
        }
    }
}

#[test]
fn lines_are_rewritten_wherever_they_are_cut() {
    let chunks = "5\r\n{a}\n{\r\n1\r\nx\r\n6\r\n}\n{c}\n\r\n3\r\n{a}\r\n0\r\n\r\n";
    let raw = "{a}\n{x}\n{c}\n{a}";
    for (head, body, wanted) in [
        (
            "Transfer-Encoding: chunked\r\n",
            chunks,
            "6\r\n{bcd}\n\r\n4\r\n{c}\n\r\n5\r\n{bcd}\r\n0\r\n\r\n",
        ),
        // Until the connection ends.
        ("", raw, "{bcd}\n{c}\n{bcd}"),
        ("Content-Length: 15\r\n", raw, "{bcd}\n{c}\n{bcd}"),
    ] {
        let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}");
        let wanted = format!("HTTP/1.1 200 OK\r\n{head}\r\n{wanted}");
        for cut in 0..=response.len() {
            let got = exchange("GET /events", response.as_bytes(), cut, head.is_empty());
            assert_eq!(got, (wanted.clone(), Some(200)), "{cut} {head}");
        }
    }
}

#[test]
fn a_line_leaves_as_soon_as_it_is_complete() {
    let mut session = session("GET /events");
    gets(session.up(), b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
    advance(&mut session);
    gets(
        session.down(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{a}\n\r\n3\r\n{a}",
    );
    let (got, ended) = advance(&mut session);
    assert!(got.ends_with("\r\n\r\n6\r\n{bcd}\n\r\n"), "{got}");
    assert_eq!(ended, None);
}

#[test]
fn errors_and_other_operations_pass_as_they_came() {
    let response = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\naa";
    let got = exchange("GET /containers/json", response.as_bytes(), 5, false);
    assert_eq!(got, (response.to_owned(), Some(500)));
    let mut replies = Replies::default();
    assert!(!replies.rewrite(route("GET", b"/images/get"), rewrite()));
}

#[test]
fn a_response_that_cannot_be_rewritten_is_not_passed() {
    let too_long = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    let cut_short = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\naa";
    let bad = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n";
    for (response, words) in [
        (too_long, "the daemon's is longer"),
        (cut_short, "the daemon hung up"),
        (bad, "the daemon's response is malformed"),
    ] {
        let (got, status) = exchange("GET /containers/json", response.as_bytes(), 20, true);
        assert!(got.starts_with("HTTP/1.1 502 ") && got.contains(words), "{got}");
        assert_eq!(status, Some(502));
    }
}

#[test]
fn a_line_without_an_end_cuts_the_connection() {
    let mut session = session("GET /events");
    gets(session.up(), b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
    advance(&mut session);
    gets(session.down(), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
    let (mut got, mut ended) = (String::new(), None);
    for _ in 0..=LINE_LIMIT / 1000 + 1 {
        if ended.is_some() {
            break;
        }
        gets(session.down(), &[b'.'; 1000]);
        let (more, end) = advance(&mut session);
        got += &more;
        ended = end;
    }
    assert!(got.ends_with("\r\n\r\n"), "{got}");
    assert_eq!(ended, Some((Verdict::Forwarded(Forced::NOTHING), Some(200))));
}
