//! Silent connections are not closed while other connections time out.

use std::time::{Duration, Instant};

use super::ends::End;
use super::lab::{CHUNKED, LOGS, Lab, PING, PONG};

const WAIT: &str = "POST /containers/x/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n";
const UPLOAD: &str = "POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\nhalf";
const CREATE: &str = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 13\r\n\r\n";
const BODY: &str = r#"{"Image":"x"}"#;
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

/// Brings a client and its daemon into a state in which both may be silent for hours.
type Falls = fn(&Lab) -> (End, End);

/// Continues from that state.
type Awakes = fn(&mut End, &mut End);

const QUIET: &[(&str, Falls, Awakes)] = &[
    ("a client that asks nothing yet", Lab::pair, ping),
    ("a client that asks nothing more", kept_alive, ping),
    (
        "a daemon that does not answer",
        |lab| lab.asked(WAIT),
        |client, daemon| {
            daemon.sends(PONG);
            client.gets(PONG);
        },
    ),
    ("a daemon that says nothing more", stream, |client, daemon| {
        daemon.sends("2\r\nhi\r\n0\r\n\r\n");
        client.gets("2\r\nhi\r\n0\r\n\r\n");
    }),
    (
        "a client that does not go on with an upload",
        |lab| lab.asked(UPLOAD),
        |client, daemon| {
            client.sends("+half");
            daemon.gets("+half");
            daemon.sends(PONG);
            client.gets(PONG);
        },
    ),
    ("a client that does not go on with a create", half_a_create, |client, daemon| {
        client.sends(&BODY[1..]);
        is_asked(daemon);
        answers(client, daemon);
    }),
    (
        "a daemon that is asked about an image",
        |lab| {
            let (mut client, mut daemon) = half_a_create(lab);
            client.sends(&BODY[1..]);
            is_asked(&mut daemon);
            (client, daemon)
        },
        answers,
    ),
    ("a tunnel", Lab::tunnel, |client, daemon| {
        client.sends("in");
        daemon.gets("in");
        daemon.sends("out");
        client.gets("out");
    }),
    (
        "a tunnel whose client has ended",
        |lab| {
            let (mut client, mut daemon) = lab.tunnel();
            client.half_closes();
            daemon.is_half_closed();
            (client, daemon)
        },
        |client, daemon| {
            daemon.sends("out");
            client.gets("out");
        },
    ),
];

fn ping(client: &mut End, daemon: &mut End) {
    client.sends(PING);
    daemon.gets(PING);
    daemon.sends(PONG);
    client.gets(PONG);
}

fn kept_alive(lab: &Lab) -> (End, End) {
    let (mut client, mut daemon) = lab.pair();
    ping(&mut client, &mut daemon);
    (client, daemon)
}

fn stream(lab: &Lab) -> (End, End) {
    let (mut client, mut daemon) = lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
    (client, daemon)
}

fn half_a_create(lab: &Lab) -> (End, End) {
    let (mut client, daemon) = lab.pair();
    client.sends(CREATE);
    client.sends(&BODY[..1]);
    (client, daemon)
}

fn is_asked(daemon: &mut End) {
    assert!(daemon.gets_head().starts_with("GET /images/x/json "));
}

fn answers(client: &mut End, daemon: &mut End) {
    daemon.sends("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Os\":\"linux\"}");
    assert!(daemon.gets_head().starts_with("POST /containers/create "));
    daemon.gets(r#"{"Image":"x","Labels":{"ci.job":"7"}}"#);
    daemon.sends(CREATED);
    client.gets(CREATED);
}

/// The timeout of this test is that of clients that do not close after a refusal, the only one that is short
/// enough. A head may take 5 minutes, see `tests/deadlines.rs`.
#[test]
fn what_is_quiet_stays_while_others_are_timed_out() {
    let lab = Lab::new();
    let mut quiet: Vec<(End, End)> = QUIET.iter().map(|(_, falls, _)| falls(&lab)).collect();
    let mut half_a_head = lab.pair();
    half_a_head.0.sends("GET /_ping HT");
    let mut lingers: Vec<End> = (0..20).map(|_| lab.pair().0).collect();
    let start = Instant::now();
    for client in &mut lingers {
        client.sends("nonsense\r\n\r\n");
        client.gets_head();
        client.gets_rest();
    }
    lingers.iter_mut().for_each(End::is_closed);
    assert!(start.elapsed() > Duration::from_secs(4), "{:?}", start.elapsed());
    for ((what, _, awakes), (client, daemon)) in QUIET.iter().zip(&mut quiet) {
        eprintln!("{what}");
        awakes(client, daemon);
    }
    half_a_head.0.sends("TP/1.1\r\nHost: d\r\n\r\n");
    half_a_head.1.gets(PING);
}
