//! What is timed: a head that does not complete, and a client that does not close behind our last bytes.
//! Nothing else that either side does is, in any state, whoever is quiet.

#![allow(clippy::unwrap_used)] // a test may fail so

mod support;

use dockerd_ci_proxy::proxy::Patience;
use support::player::{Pace, Player};

const CREATE: &str = "POST /containers/create HTTP/1.1\r\nContent-Length: 13\r\n\r\n";
const LOGS: &str = "GET /containers/x/logs?follow=1 HTTP/1.1\r\n\r\n";
const ATTACH: &str =
    "POST /containers/x/attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
const UPGRADED: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

/// Something that happens.
#[derive(Clone, Copy)]
enum Does {
    Client(&'static str),
    Daemon(&'static str),
    ClientEnds,
    DaemonEnds,
    /// From now on neither side takes any bytes.
    NobodyReads,
}
use Does::{Client, ClientEnds, Daemon, DaemonEnds, NobodyReads};

/// What happened before both sides fell quiet, and what is timed then.
const STATES: &[(&str, &[Does], Patience)] = &[
    ("nothing was asked", &[], Patience::Endless),
    ("half a head", &[Client("GET /_ping HT")], Patience::Head),
    (
        "half a head behind a request",
        &[Client("GET /_ping HTTP/1.1\r\n\r\nGET /_pi"), Daemon("HTTP/1.1 204 No Content\r\n\r\n")],
        Patience::Head,
    ),
    (
        "half a head behind a request without an answer",
        &[Client("GET /_ping HTTP/1.1\r\n\r\nGET /_pi")],
        Patience::Endless,
    ),
    (
        "between requests",
        &[Client("GET /_ping HTTP/1.1\r\n\r\n"), Daemon("HTTP/1.1 204 No Content\r\n\r\n")],
        Patience::Endless,
    ),
    ("half a body that is collected", &[Client(CREATE), Client("{")], Patience::Endless),
    (
        "the daemon is asked about the image",
        &[Client(CREATE), Client(r#"{"Image":"x"}"#)],
        Patience::Endless,
    ),
    (
        "half an answer about the image",
        &[
            Client(CREATE),
            Client(r#"{"Image":"x"}"#),
            Daemon("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        ],
        Patience::Endless,
    ),
    ("a request without an answer", &[Client(LOGS)], Patience::Endless),
    ("the same, half-closed", &[Client(LOGS), ClientEnds], Patience::Endless),
    (
        "half an upload",
        &[Client("POST /images/load HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf")],
        Patience::Endless,
    ),
    ("half a response head", &[Client(LOGS), Daemon("HTTP/1.1 200 O")], Patience::Endless),
    (
        "a stream of chunks",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")],
        Patience::Endless,
    ),
    (
        "a stream up to its end",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\n\r\nhi")],
        Patience::Endless,
    ),
    (
        "a stream that nobody reads",
        &[Client(LOGS), NobodyReads, Daemon("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nunread")],
        Patience::Endless,
    ),
    ("a tunnel", &[Client(ATTACH), Daemon(UPGRADED)], Patience::Endless),
    ("a raw tunnel", &[Client(ATTACH), Daemon("HTTP/1.1 200 OK\r\n\r\n")], Patience::Endless),
    (
        "a tunnel that nobody reads",
        &[Client(ATTACH), Daemon(UPGRADED), NobodyReads, Client("in"), Daemon("out")],
        Patience::Endless,
    ),
    (
        "a tunnel whose client has ended",
        &[Client(ATTACH), Daemon(UPGRADED), ClientEnds],
        Patience::Endless,
    ),
    (
        "a tunnel whose daemon has ended",
        &[Client(ATTACH), Daemon(UPGRADED), DaemonEnds],
        Patience::Endless,
    ),
    ("a refusal that nobody reads", &[NobodyReads, Client("nonsense\r\n\r\n")], Patience::Endless),
    ("a refusal", &[Client("nonsense\r\n\r\n")], Patience::Linger),
    (
        "a stream that has ended before its client",
        &[Client(LOGS), Daemon("HTTP/1.1 200 OK\r\n\r\nhi"), DaemonEnds],
        Patience::Endless,
    ),
];

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
        assert_eq!(player.patience(), *wanted, "{state}");
    }
}

#[test]
fn what_is_timed_has_a_limit_and_the_rest_has_none() {
    assert_eq!(Patience::Endless.limit(), None);
    for timed in [Patience::Head, Patience::Linger] {
        assert!(timed.limit().is_some());
    }
}
