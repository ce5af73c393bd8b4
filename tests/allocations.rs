//! Allocations of the core: none for an exchange on a kept connection.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::rc::Rc;
use std::time::Instant;

use allocation_counter::{AllocationInfo, measure};
use dockerd_ci_proxy::buffer::Pool;
use dockerd_ci_proxy::engine::fields::{Section, find};
use dockerd_ci_proxy::engine::shapes::{CONTAINER, Place};
use dockerd_ci_proxy::proxy::{Lane, ListenerSettings, Session, Step};
use dockerd_ci_proxy::rules::{How, Inject, Profile, Value};

#[path = "support/mod.rs"]
mod support;

use support::bodies::edited;
use support::player::profile;

const PING: &str = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\
    User-Agent: Docker-Client/24.0.7 (linux)\r\n\r\n";
const PONG: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Length: 2\r\n\
    Content-Type: text/plain; charset=utf-8\r\nServer: Docker/24.0.7 (linux)\r\n\r\nOK";
const LOGS: &str = "GET /v1.43/containers/c0ffee/logs?stdout=1 HTTP/1.1\r\nHost: docker\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
    5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

/// A connection of the core, driven like the shell does: buffers are lent for a turn.
struct Connection {
    session: Session,
    pool: Pool,
    now: Instant,
}

impl Connection {
    fn new() -> Self {
        let settings = ListenerSettings { profile: profile(), ..ListenerSettings::default() };
        let mut session = Session::new(Rc::new(settings));
        session.connected();
        Self { session, pool: Pool::default(), now: Instant::now() }
    }

    /// Makes one exchange, whose bytes must be forwarded completely.
    fn exchange(&mut self, request: &str, response: &str) {
        let limit = self.session.up_limit();
        receive(self.session.up(), &mut self.pool, limit, request);
        self.advance();
        send(self.session.up(), &mut self.pool, request.len());
        let limit = self.session.down_limit();
        receive(self.session.down(), &mut self.pool, limit, response);
        self.advance();
        send(self.session.down(), &mut self.pool, response.len());
        self.advance();
        assert!(self.session.is_idle());
    }

    fn advance(&mut self) {
        loop {
            match self.session.advance(self.now) {
                Step::Wait => return,
                Step::Report(_) => {}
                _ => panic!("the core wants something else"),
            }
        }
    }

    /// Measures the allocations of an exchange after the first of its kind.
    fn measured(&mut self, request: &str, response: &str) -> AllocationInfo {
        self.exchange(request, response);
        measure(|| self.exchange(request, response))
    }
}

fn receive(lane: &mut Lane, pool: &mut Pool, limit: usize, bytes: &str) {
    lane.lend(pool);
    lane.room(limit)[..bytes.len()].copy_from_slice(bytes.as_bytes());
    lane.received(bytes.len());
}

fn send(lane: &mut Lane, pool: &mut Pool, wanted: usize) {
    assert_eq!(lane.leaving().len(), wanted);
    lane.left(wanted);
    lane.reclaim(pool);
}

#[test]
fn an_exchange_on_a_kept_connection_asks_for_no_memory() {
    let mut connection = Connection::new();
    assert_eq!(connection.measured(PING, PONG).count_total, 0);
    assert_eq!(connection.measured(LOGS, CHUNKED).count_total, 0);
}

/// Each key is compared with each field of a container create, and unescaped once.
#[test]
fn keys_with_escapes_do_not_hold_up_others() {
    const KEYS: usize = 1000;
    let members: Vec<_> = (0..KEYS).map(|n| format!(r#""\u0061{n}":0"#)).collect();
    let body = format!("{{{}}}", members.join(","));
    let profile = profile();
    let rewritten = measure(|| {
        edited(&profile, &CONTAINER, body.as_bytes()).unwrap();
    });
    assert!(rewritten.count_total < 10 * KEYS as u64, "{rewritten:?}");
}

/// Entries of the operator are borrowed, and so are the client's unless they have escapes.
#[test]
fn entries_of_the_operator_are_not_copied() {
    let variables: Vec<_> = (0..100).map(|n| format!("\"CLIENT_{n}=x\"")).collect();
    for client in [variables.join(","), format!("\"\\u0041=\",{}", variables.join(","))] {
        let body = format!(r#"{{"Env":[{client}]}}"#);
        let counted = |entries: usize| {
            let env = (0..entries).map(|n| format!("OPERATOR_{n}=x")).collect();
            let at = Place::Field(find(Section::Container, "Env").unwrap());
            let value = Value::List(env);
            let rule = Inject { at, how: How::Append, value, from: String::new() };
            let profile = Profile { inject: [rule].into_iter().collect(), ..profile() };
            measure(|| drop(edited(&profile, &CONTAINER, body.as_bytes()).unwrap())).count_total
        };
        // The list of changes grows.
        assert!(counted(100) < counted(1) + 5, "{} and {}", counted(100), counted(1));
    }
}

#[test]
fn what_is_counted_is_what_is_asked_for() {
    assert_eq!(measure(|| drop(vec![1, 2, 3])).count_total, 1);
}
