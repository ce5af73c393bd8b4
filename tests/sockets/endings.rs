//! Ends of connections, by each side, in each state and way: the other side gets the last bytes and the end at
//! once, and no connection leaks.

use std::io::{ErrorKind, Write};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::ends::{End, noise};
use super::lab::{ATTACH, CHUNKED, LOGS, Lab, PING, PONG, UPGRADED};
use super::proxy::until;

const UPLOAD: &str =
    "PUT /containers/x/archive HTTP/1.1\r\nHost: d\r\nContent-Length: 1000000\r\n\r\n";
const CHUNKED_UPLOAD: &str =
    "PUT /containers/x/archive HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n";
const CREATE: &str = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 1000\r\n\r\n{";
const CHUNK: &str = "5\r\nhello\r\n";

/// Brings a client and its daemon connection into a state.
type Bring = fn(&Lab) -> (End, End);

/// The states in which a client or daemon can disconnect. The client has not read the daemon's bytes yet.
const STATES: [(&str, Bring); 8] = [
    ("before a request", Lab::pair),
    ("in a request head", |lab| {
        let (mut client, daemon) = lab.pair();
        client.sends("GET /_ping HT");
        (client, daemon)
    }),
    ("in a body that is collected", |lab| {
        let (mut client, daemon) = lab.pair();
        client.sends(CREATE);
        (client, daemon)
    }),
    ("behind a request", |lab| lab.asked(LOGS)),
    ("in an upload", |lab| {
        let (mut client, mut daemon) = lab.asked(UPLOAD);
        client.sends("abc");
        daemon.gets("abc");
        (client, daemon)
    }),
    ("in a response", |lab| {
        let (client, mut daemon) = lab.asked(LOGS);
        daemon.sends(CHUNKED);
        daemon.sends(CHUNK);
        (client, daemon)
    }),
    ("in a tunnel", |lab| {
        let (client, mut daemon) = lab.asked(ATTACH);
        daemon.sends(UPGRADED);
        (client, daemon)
    }),
    ("between requests", |lab| {
        let (client, mut daemon) = lab.asked(PING);
        daemon.sends(PONG);
        (client, daemon)
    }),
];

/// A client closes with unread bytes, which is a reset, or reads first: the daemon connection ends at once in
/// both cases.
#[test]
fn a_client_that_vanishes_takes_its_daemon_connection_along() {
    let lab = Lab::new();
    for (state, bring) in STATES {
        let (client, mut daemon) = bring(&lab);
        drop(client);
        eprintln!("{state}");
        daemon.is_closed();
        let (mut client, mut daemon) = bring(&lab);
        if matches!(state, "in a response" | "in a tunnel" | "between requests") {
            client.gets("HTTP/1.1 ");
            client.gets_head();
        }
        drop(client);
        daemon.is_closed();
    }
}

/// The daemon disconnects, with and without unread bytes of the client.
#[test]
fn a_daemon_that_vanishes_leaves_its_last_bytes_and_an_end() {
    let lab = Lab::new();
    let chunked = format!("{CHUNKED}{CHUNK}");
    let wanted = |state| match state {
        "behind a request" | "in an upload" => Some(""),
        "in a response" => Some(chunked.as_str()),
        "in a tunnel" => Some(UPGRADED),
        "between requests" => Some(PONG),
        _ => None,
    };
    for (state, bring) in STATES {
        eprintln!("{state}");
        for unread in ["", "unread"] {
            let (mut client, daemon) = bring(&lab);
            let Some(wanted) = wanted(state) else { continue };
            if matches!(state, "in an upload" | "in a tunnel") {
                client.sends(unread);
            }
            drop(daemon);
            client.gets(wanted);
            client.is_half_closed();
            client.half_closes();
            client.is_closed();
        }
    }
}

/// An unused daemon connection that ends is replaced, and the client does not notice.
#[test]
fn an_unused_daemon_connection_that_ends_is_not_missed() {
    let lab = Lab::new();
    let (mut client, daemon) = lab.pair();
    client.sends("GET /_ping HT");
    drop(daemon);
    client.sends("TP/1.1\r\nHost: d\r\n\r\n");
    let mut daemon = lab.accept();
    daemon.gets(PING);
    daemon.half_closes();
    client.is_half_closed();
}

#[test]
fn a_half_close_is_passed_on_as_one() {
    let lab = Lab::new();
    // By the client, in a tunnel: the daemon continues.
    let (mut client, mut daemon) = lab.tunnel();
    client.sends("last input");
    client.half_closes();
    daemon.gets("last input");
    daemon.is_half_closed();
    daemon.sends("output");
    client.gets("output");
    daemon.half_closes();
    client.gets_end();
    client.is_closed();
    // By the daemon, in a tunnel: the client continues.
    let (mut client, mut daemon) = lab.tunnel();
    daemon.sends("last output");
    daemon.half_closes();
    client.gets("last output");
    client.is_half_closed();
    client.sends("input");
    daemon.gets("input");
    client.half_closes();
    daemon.gets_end();
    daemon.is_closed();
    // By the client, after a request.
    let (mut client, mut daemon) = lab.asked(LOGS);
    client.half_closes();
    daemon.is_half_closed();
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
}

#[test]
fn a_refused_upload_does_not_keep_the_client_from_reading_why() {
    let lab = Lab::new();
    let length = 20 * 1024 * 1024;
    let (mut client, _daemon) = lab.pair();
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n"
    ));
    // The client sends everything before it reads the answer.
    client.sends(vec![b' '; length]);
    client.half_closes();
    assert!(client.gets_head().starts_with("HTTP/1.1 413 "));
    assert!(client.gets_rest().ends_with(b"this one is longer\"}\n"));
}

/// A daemon answers a bad upload early and closes with most of it unread: the proxy's next write fails, and the
/// connection is reset after the answer.
#[test]
fn an_early_answer_is_delivered_whole() {
    let lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(UPLOAD);
    let body = noise(100_000);
    let mut writer = client.twin();
    let upload = thread::spawn(move || {
        // May fail once the proxy no longer waits for the client to read.
        let _ = writer.stream.write_all(&vec![b'x'; 1_000_000]);
        let _ = writer.stream.shutdown(std::net::Shutdown::Write);
    });
    daemon.gets("xxx");
    let head = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n";
    daemon.sends(head);
    daemon.sends(&body);
    drop(daemon);
    upload.join().unwrap();
    client.gets(head);
    client.gets(&body);
    client.gets_end();
}

/// After the client has gone the daemon's writes fail, as without a proxy, even if the daemon has not read the
/// client's bytes.
#[test]
fn a_daemon_that_does_not_read_still_learns_that_the_client_is_gone() {
    let lab = Lab::new();
    let (mut client, mut daemon) = lab.tunnel();
    let sent = client.fills(&noise(65536));
    drop(client);
    let deadline = Instant::now() + Duration::from_secs(10);
    let error = loop {
        assert!(Instant::now() < deadline, "the daemon speaks to nobody");
        if let Err(error) = daemon.stream.write(b"output\n") {
            break error;
        }
        sleep(Duration::from_millis(1));
    };
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    // The client's bytes are still there.
    assert_eq!(daemon.gets_rest().len(), sent);
}

/// The same for a daemon that waits for room, as Go programs do: it must get an event.
#[test]
fn a_daemon_that_waits_for_room_is_told_that_the_client_is_gone() {
    let lab = Lab::new();
    let (mut client, mut daemon) = lab.tunnel();
    client.fills(&noise(65536));
    daemon.fills(&noise(65536));
    assert!(!daemon.has_room());
    drop(client);
    daemon.awaits_room();
    assert_eq!(daemon.stream.write(b"output\n").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// The daemon has gone during an upload. A client that sends everything before it reads can still finish, and
/// gets the answer.
#[test]
fn a_client_can_send_its_chunks_to_a_daemon_that_is_gone() {
    let lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(CHUNKED_UPLOAD);
    let body = noise(2_000_000);
    daemon.sends(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()));
    let sent = daemon.fills(&body);
    drop(daemon);
    let chunk = ["8000\r\n", &"x".repeat(0x8000), "\r\n"].concat();
    for _ in 0..100 {
        client.sends(&chunk);
    }
    assert!(client.gets_head().starts_with("HTTP/1.1 200 OK"));
    assert_eq!(client.gets_rest().len(), sent);
}

/// The client disconnects while the proxy asks about the image: the container is still created, and nothing
/// leaks.
#[test]
fn a_client_that_vanishes_while_the_daemon_is_asked_has_its_request_delivered() {
    let lab = Lab::new();
    let body = r#"{"Image":"x"}"#;
    let head = format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    for answers in [true, false] {
        let (mut client, mut daemon) = lab.pair();
        client.sends(&head);
        client.sends(body);
        assert!(daemon.gets_head().starts_with("GET /images/x/json "));
        let files = lab.proxy.files();
        drop(client);
        if answers {
            // By now the proxy knows that the client has gone.
            ping(&lab);
            daemon.sends("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Os\":\"linux\"}");
            assert!(daemon.gets_head().starts_with("POST /containers/create "));
            daemon.gets(r#"{"Image":"x","Labels":{"ci.job":"7"}}"#);
            daemon.is_closed();
        } else {
            drop(daemon);
        }
        until("both are closed", || (lab.proxy.files() == files - 2).then_some(()));
    }
}

fn ping(lab: &Lab) {
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
}

/// A silent connection is not closed while a side waits; tested only for the short time of a test.
#[test]
fn a_client_that_lingers_is_closed_and_one_that_waits_is_not() {
    let lab = Lab::new();
    let (mut waits, mut daemon) = lab.tunnel();
    let (mut lingers, _unused) = lab.pair();
    lingers.sends("nonsense\r\n\r\n");
    assert!(lingers.gets_head().starts_with("HTTP/1.1 400 "));
    lingers.gets_rest();
    let start = Instant::now();
    until("it is closed", || {
        // An interruption does not extend a timeout.
        lab.proxy.signal(Signal::STOP);
        sleep(Duration::from_millis(50));
        lab.proxy.signal(Signal::CONT);
        lingers.has_hung_up().then_some(())
    });
    assert!(start.elapsed() > Duration::from_secs(4), "{:?}", start.elapsed());
    daemon.sends("still here");
    waits.gets("still here");
}
