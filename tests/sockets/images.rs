//! Remembered images: the proxy asks the daemon about an image again only if it may have changed.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::ends::End;
use super::lab::{CHUNKED, Lab, UPGRADED};

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const EVENT: &str = "2\r\n{}\r\n";

/// A client, its daemon, and the connection for events.
struct Stage {
    lab: Lab,
    client: End,
    daemon: End,
    events: End,
}

/// Connects a client of a daemon with this API version; returns both ends.
fn pair(lab: &Lab, version: &str) -> (End, End) {
    let ping = "HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
    let (mut client, mut daemon) = lab.asked(ping);
    let answer = format!("HTTP/1.1 200 OK\r\n{version}Content-Length: 0\r\n\r\n");
    daemon.sends(&answer);
    client.gets(&answer);
    (client, daemon)
}

/// Creates a container of an image with a volume; returns `true` if the proxy asked about the image.
fn creates(client: &mut End, daemon: &mut End, version: &str) -> bool {
    let body = r#"{"Image":"x"}"#;
    let length = body.len();
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let mut head = daemon.gets_head();
    let asked = head.starts_with("GET ");
    if asked {
        assert!(head.contains("/images/x/json HTTP/1.1\r\n"), "{head}");
        let answer = r#"{"Os":"linux","Config":{"Volumes":{"/v":{}}}}"#;
        let length = answer.len();
        daemon
            .sends(format!("HTTP/1.1 200 OK\r\n{version}Content-Length: {length}\r\n\r\n{answer}"));
        head = daemon.gets_head();
    }
    assert!(head.starts_with("POST /containers/create "), "{head}");
    let mount = r#"{"Type":"volume","Target":"/v","VolumeOptions":{"Labels":{"ci.job":"7","com.docker.volume.anonymous":""}}}"#;
    daemon.gets(format!(
        r#"{{"Image":"x","Labels":{{"ci.job":"7"}},"HostConfig":{{"Mounts":[{mount}]}}}}"#
    ));
    daemon.sends(CREATED);
    client.gets(CREATED);
    asked
}

const DOCKER: &str = "Api-Version: 1.51\r\n";

impl Stage {
    fn new() -> Self {
        let lab = Lab::new();
        let (mut client, mut daemon) = pair(&lab, DOCKER);
        assert!(creates(&mut client, &mut daemon, DOCKER));
        let events = listened(&lab);
        Self { lab, client, daemon, events }
    }

    /// Creates a container; returns `true` if the proxy asked about the image.
    fn asks(&mut self) -> bool {
        creates(&mut self.client, &mut self.daemon, DOCKER)
    }

    /// Fails unless the proxy asks about the image once, and then not again.
    fn asks_once(&mut self) {
        assert!(self.asks());
        assert!(!self.asks());
        assert!(!self.asks());
    }
}

/// Accepts the proxy's connection for events.
fn listened(lab: &Lab) -> End {
    let mut events = lab.accept();
    assert!(events.gets_head().starts_with("GET /events?since="));
    events.sends(CHUNKED);
    events
}

#[test]
fn an_image_is_asked_about_once() {
    let mut stage = Stage::new();
    stage.asks_once();
    // The same holds for other clients.
    let (mut client, mut daemon) = stage.lab.pair();
    assert!(!creates(&mut client, &mut daemon, DOCKER));
}

#[test]
fn an_image_is_asked_about_again_when_a_request_may_have_changed_it() {
    let mut stage = Stage::new();
    for request in [
        "POST /images/create?fromImage=x HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
        "POST /v1.51/images/y/tag?repo=x HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
        "DELETE /images/x HTTP/1.1\r\nHost: d\r\n\r\n",
        "POST /frobnicate HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n",
    ] {
        stage.asks_once();
        let (mut client, mut daemon) = stage.lab.asked(request);
        // Nothing is remembered while it runs.
        assert!(stage.asks() && stage.asks());
        daemon.sends(OK);
        client.gets(OK);
        stage.asks_once();
        // A client that disconnects ends it, too.
        client.sends(request);
        daemon.gets(request);
        assert!(stage.asks());
        drop((client, daemon));
    }
    stage.asks_once();
    let (mut client, mut daemon) = stage.lab.tunnel();
    assert!(!stage.asks());
    client.half_closes();
    daemon.is_half_closed();
}

/// A build has its own connection and can create its image at any time.
#[test]
fn nothing_is_remembered_while_a_build_may_go_on() {
    let mut stage = Stage::new();
    let session =
        "POST /session HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    for (begins, upgrades) in [
        (session, true),
        (&session.replace("session", "grpc"), true),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", false),
    ] {
        stage.asks_once();
        let (mut client, mut daemon) = stage.lab.pair();
        client.sends(begins);
        if upgrades {
            daemon.gets(begins);
            daemon.sends(UPGRADED);
            client.gets(UPGRADED);
        } else {
            daemon.gets("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        }
        assert!(stage.asks() && stage.asks(), "{begins}");
        drop((client, daemon));
    }
    stage.asks_once();
}

#[test]
fn an_image_is_asked_about_again_behind_an_event() {
    let mut stage = Stage::new();
    for _ in 0..3 {
        stage.asks_once();
        stage.events.sends(EVENT);
    }
    // The connection stays.
    stage.asks_once();
    assert!(!stage.events.has_hung_up());
}

#[test]
fn an_image_is_asked_about_again_when_events_are_not_heard_any_more() {
    let mut stage = Stage::new();
    stage.asks_once();
    stage.events.stream.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(stage.asks() && stage.asks());
    thread::sleep(Duration::from_millis(150));
    assert!(stage.asks());
    stage.events = listened(&stage.lab);
    stage.asks_once();
}

#[test]
fn podman_is_asked_each_time() {
    let lab = Lab::new();
    let version = "Api-Version: 1.41\r\nLibpod-Api-Version: 5.4.2\r\n";
    let (mut client, mut daemon) = pair(&lab, version);
    assert!((0..5).all(|_| creates(&mut client, &mut daemon, version)));
    lab.daemon.set_nonblocking(true).unwrap();
    assert!(lab.daemon.accept().is_err(), "it listens to events");
}

#[test]
fn listening_to_events_keeps_no_process_alive() {
    let Stage { mut lab, client, mut daemon, mut events } = Stage::new();
    lab.proxy.signal(Signal::TERM);
    drop(client);
    daemon.is_closed();
    events.is_closed();
    assert!(lab.proxy.await_exit().success());
}
