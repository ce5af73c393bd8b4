//! Timeouts: only an incomplete head, and a client that does not close after the proxy's last bytes, have one. No
//! other silence of either side has, in any state.

#![allow(clippy::unwrap_used)] // a test may fail so

mod support;

use std::time::Duration;

use dockerd_ci_proxy::proxy::Deadline;
use support::player::{Pace, Player};

const CREATE: &str = "POST /containers/create HTTP/1.1\r\nContent-Length: 13\r\n\r\n";
const LOGS: &str = "GET /containers/x/logs?follow=1 HTTP/1.1\r\n\r\n";
const ATTACH: &str =
    "POST /containers/x/attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// An event.
#[derive(Clone, Copy)]
enum Does {
    Client(&'static str),
    Daemon(&'static str),
    ClientEnds,
    DaemonEnds,
    /// From now on neither side reads.
    NobodyReads,
}
use Does::{Client, ClientEnds, Daemon, DaemonEnds, NobodyReads};

/// Events before both sides fall silent, and the timeout then.
const STATES: &[(&str, &[Does], Deadline)] = &[
    ("nothing was asked", &[], Deadline::Endless),
    ("half a head", &[Client("GET /_ping HT")], Deadline::Head),
    (
        "half a head behind a request",
        &[Client("GET /_ping HTTP/1.1\r\n\r\nGET /_pi"), Daemon("HTTP/1.1 204 No Content\r\n\r\n")],
        Deadline::Head,
    ),
    (
        "half a head behind a request without an answer",
        &[Client("GET /_ping HTTP/1.1\r\n\r\nGET /_pi")],
        Deadline::Endless,
    ),
    (
        "between requests",
        &[Client("GET /_ping HTTP/1.1\r\n\r\n"), Daemon("HTTP/1.1 204 No Content\r\n\r\n")],
        Deadline::Endless,
    ),
    ("half a body that is collected", &[Client(CREATE), Client("{")], Deadline::Endless),
    (
        "the daemon is asked about the image",
        &[Client(CREATE), Client(r#"{"Image":"x"}"#)],
        Deadline::Endless,
    ),
    (
        "half an answer about the image",
        &[
            Client(CREATE),
            Client(r#"{"Image":"x"}"#),
            Daemon("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        ],
        Deadline::Endless,
    ),
    ("a request without an answer", &[Client(LOGS)], Deadline::Endless),
    ("the same, half-closed", &[Client(LOGS), ClientEnds], Deadline::Endless),
    (
        "half an upload",
        &[Client("POST /images/load HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")],
        Deadline::Endless,
    ),
    ("half a response head", &[Client(LOGS), Daemon("HTTP/1.1 200 O")], Deadline::Endless),
    (
        "a stream of chunks",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")],
        Deadline::Endless,
    ),
    (
        "a stream up to its end",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\n\r\nhi")],
        Deadline::Endless,
    ),
    (
        "a stream that nobody reads",
        &[Client(LOGS), NobodyReads, Daemon("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunread")],
        Deadline::Endless,
    ),
    ("a tunnel", &[Client(ATTACH), Daemon(UPGRADED)], Deadline::Endless),
    ("a raw tunnel", &[Client(ATTACH), Daemon("HTTP/1.1 200 OK\r\n\r\n")], Deadline::Endless),
    (
        "a tunnel that nobody reads",
        &[Client(ATTACH), Daemon(UPGRADED), NobodyReads, Client("in"), Daemon("out")],
        Deadline::Endless,
    ),
    (
        "a tunnel whose client has ended",
        &[Client(ATTACH), Daemon(UPGRADED), ClientEnds],
        Deadline::Endless,
    ),
    (
        "a tunnel whose daemon has ended",
        &[Client(ATTACH), Daemon(UPGRADED), DaemonEnds],
        Deadline::Endless,
    ),
    ("a refusal that nobody reads", &[NobodyReads, Client("nonsense\r\n\r\n")], Deadline::Endless),
    ("a refusal", &[Client("nonsense\r\n\r\n")], Deadline::Linger),
    (
        "a stream that has ended before its client",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\n\r\nhi"), DaemonEnds],
        Deadline::Endless,
    ),
];

const GRPC: &str = "POST /grpc HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const GRPC_UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS: &str = "\0\0\0\x04\0\0\0\0\0";
const HTTP2_PING: &str = "\0\0\x08\x06\0\0\0\0\0 silent ";

/// States that are silent for two hours, and bytes that each side sends afterwards, which must arrive.
const SILENT: &[(&str, &[Does], &str, &str)] = &[
    ("a tunnel", &[Client(ATTACH), Daemon(UPGRADED)], "in", "out"),
    ("a raw tunnel", &[Client(ATTACH), Daemon("HTTP/1.1 200 OK\r\n\r\n")], "in", "out"),
    ("a tunnel whose client has ended", &[Client(ATTACH), Daemon(UPGRADED), ClientEnds], "", "out"),
    (
        "a connection of BuildKit",
        &[Client(GRPC), Daemon(GRPC_UPGRADED), Client(PREFACE), Daemon(SETTINGS)],
        HTTP2_PING,
        HTTP2_PING,
    ),
    ("HTTP/2 from the first byte", &[Client(PREFACE), Daemon(SETTINGS)], HTTP2_PING, HTTP2_PING),
    (
        "a stream of chunks",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")],
        "",
        "4\r\nlate\r\n",
    ),
    ("a stream up to its end", &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\n\r\nhi")], "", "late"),
    ("a request without an answer", &[Client(LOGS)], "", "HTTP/1.1 200 OK\r\n\r\n"),
    (
        "half an upload",
        &[Client("POST /images/load HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")],
        "more",
        "HTTP/1.1 200 OK\r\n\r\n",
    ),
    ("between requests", &[], "GET /_ping HTTP/1.1\r\n\r\n", ""),
];

#[test]
fn two_hours_of_silence_end_nothing() {
    for (what, before, client, daemon) in SILENT {
        let mut player = Player::new(Pace::WHOLE);
        player.settle();
        for does in *before {
            happens(&mut player, *does);
        }
        let got = (player.client.got.clone(), player.daemon.got.clone());
        player.waits(Duration::from_hours(2));
        let silence = (player.client.got.clone(), player.daemon.got.clone());
        assert_eq!(silence, got, "{what}");
        happens(&mut player, Client(client));
        happens(&mut player, Daemon(daemon));
        assert_eq!(player.daemon.got, [&got.1, client.as_bytes()].concat(), "{what}");
        assert_eq!(player.client.got, [&got.0, daemon.as_bytes()].concat(), "{what}");
    }
}

#[test]
fn silence_in_a_head_is_answered() {
    let mut player = Player::new(Pace::WHOLE);
    player.settle();
    happens(&mut player, Client("GET /_ping HT"));
    player.waits(Duration::from_hours(2));
    assert!(player.client.got.starts_with(b"HTTP/1.1 400 "));
}

fn happens(player: &mut Player, does: Does) {
    match does {
        Client(bytes) => player.client.sends.extend(bytes.bytes()),
        Daemon(bytes) => player.daemon.sends.extend(bytes.bytes()),
        ClientEnds => player.client.ends = true,
        DaemonEnds => player.daemon.ends = true,
        NobodyReads => player.pace.write = 0,
    }
    player.settle();
}

#[test]
fn only_heads_and_lingering_clients_are_timed() {
    for (state, before, wanted) in STATES {
        let mut player = Player::new(Pace::WHOLE);
        player.settle();
        for does in *before {
            happens(&mut player, *does);
        }
        assert_eq!(player.deadline(), *wanted, "{state}");
    }
}

#[test]
fn what_is_timed_has_a_limit_and_the_rest_has_none() {
    assert_eq!(Deadline::Endless.limit(), None);
    for timed in [Deadline::Head, Deadline::Linger] {
        assert!(timed.limit().is_some());
    }
}
