//! The time for which the proxy holds a request: from the arrival of its last inspected byte to the write to
//! the daemon's socket.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::rc::Rc;
use std::time::{Duration, Instant};

use dockerd_ci_proxy::buffer::Pool;
use dockerd_ci_proxy::proxy::{ListenerSettings, Session, Step};

#[path = "support/mod.rs"]
mod support;

use support::player::profile;

/// A core with a simulated clock.
struct Connection {
    session: Session,
    pool: Pool,
    start: Instant,
    now: Instant,
}

impl Connection {
    fn new() -> Self {
        let settings = ListenerSettings { profile: profile(), ..ListenerSettings::default() };
        let mut session = Session::new(Rc::new(settings));
        session.connected();
        let start = Instant::now();
        Self { session, pool: Pool::default(), start, now: start }
    }

    /// Sets the clock to this time after the start.
    fn at(&mut self, seconds: u64) {
        self.now = self.start + Duration::from_secs(seconds);
    }

    fn advance(&mut self) {
        while self.session.advance(self.now) != Step::Wait {}
    }

    fn client_sends(&mut self, bytes: &str) {
        let limit = self.session.up_limit();
        let lane = self.session.up();
        lane.lend(&mut self.pool);
        lane.room(limit)[..bytes.len()].copy_from_slice(bytes.as_bytes());
        lane.received(bytes.len());
        self.advance();
    }

    fn daemon_sends(&mut self, bytes: &str) {
        let limit = self.session.down_limit();
        let lane = self.session.down();
        lane.lend(&mut self.pool);
        lane.room(limit)[..bytes.len()].copy_from_slice(bytes.as_bytes());
        lane.received(bytes.len());
        self.advance();
    }

    /// Writes everything but the last `left` bytes to the daemon.
    fn daemon_takes_all_but(&mut self, left: usize) {
        while self.session.up().leaving().len() > left {
            let n = self.session.up().leaving().len() - left;
            self.session.up().left(n);
        }
        self.advance();
    }

    fn client_takes_all(&mut self) {
        while !self.session.down().leaving().is_empty() {
            let n = self.session.down().leaving().len();
            self.session.down().left(n);
        }
        self.advance();
    }

    /// Returns the arrival time, in seconds after the start, of a request that has just been written to the daemon.
    fn handed(&mut self) -> Option<u64> {
        let since = self.session.handed()?;
        Some(since.duration_since(self.start).as_secs())
    }
}

const PONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

#[test]
fn what_passes_counts_from_the_end_of_its_head_until_the_head_has_left() {
    let mut connection = Connection::new();
    connection.client_sends("POST /images/load HTTP/1.1\r\nContent-Le");
    connection.at(10);
    connection.client_sends("ngth: 4\r\n\r\nab");
    assert_eq!(connection.handed(), None);
    connection.at(12);
    connection.daemon_takes_all_but(3);
    assert_eq!(connection.handed(), None);
    connection.daemon_takes_all_but(2);
    assert_eq!(connection.handed(), Some(10));
    // Reported once; the body does not count.
    connection.at(20);
    connection.client_sends("cd");
    connection.daemon_takes_all_but(0);
    assert_eq!(connection.handed(), None);
    // The next request on the connection has its own time.
    connection.daemon_sends(PONG);
    connection.client_takes_all();
    connection.at(30);
    connection.client_sends("GET /_ping HTTP/1.1\r\n\r\n");
    connection.daemon_takes_all_but(0);
    assert_eq!(connection.handed(), Some(30));
}

#[test]
fn what_is_rewritten_counts_from_the_end_of_its_body_and_with_what_the_daemon_is_asked() {
    let mut connection = Connection::new();
    let body = r#"{"Image":"x"}"#;
    let head =
        format!("POST /containers/create HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.client_sends(&head);
    connection.at(10);
    connection.client_sends(&body[..5]);
    connection.at(20);
    connection.client_sends(&body[5..]);
    // The question about the image.
    assert!(connection.session.up().leaving().starts_with(b"GET /images/x/json "));
    connection.daemon_takes_all_but(0);
    assert_eq!(connection.handed(), None);
    connection.at(25);
    connection.daemon_sends("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Os\":\"linux\"}");
    assert_eq!(connection.handed(), None);
    connection.daemon_takes_all_but(1);
    assert_eq!(connection.handed(), None);
    connection.daemon_takes_all_but(0);
    assert_eq!(connection.handed(), Some(20));
}

#[test]
fn what_is_refused_was_not_handed_to_anybody() {
    let mut connection = Connection::new();
    connection.client_sends("POST /volumes/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]");
    connection.client_takes_all();
    assert_eq!(connection.handed(), None);
}
