//! Anonymous volumes and `--anonymous-volumes`.

use super::ends::End;
use super::lab::{Lab, PING};

const BODY: &str =
    r#"{"Labels":{"ci.job":"7"},"Image":"i","Volumes":{"/x":{}},"HostConfig":{"Binds":["/y"]}}"#;

fn create() -> String {
    let length = BODY.len();
    format!("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{BODY}")
}

/// Connects a client that creates a container; returns both ends.
fn creates(flags: &[&str]) -> (Lab, End, End) {
    let lab = Lab::with(&[&["--label", "ci.job=7"], flags].concat());
    let (mut client, daemon) = lab.pair();
    client.sends(create());
    (lab, client, daemon)
}

#[test]
fn the_daemon_is_asked_about_the_image_to_label_its_volumes() {
    for flags in [&[][..], &["--anonymous-volumes", "label"]] {
        let (_lab, _client, mut daemon) = creates(flags);
        daemon.gets("GET /images/i/json HTTP/1.1\r\nHost: docker\r\n\r\n");
    }
}

#[test]
fn nothing_is_asked_or_changed_for_volumes_that_are_left_to_the_daemon() {
    let (_lab, mut client, mut daemon) = creates(&["--anonymous-volumes", "leave"]);
    client.sends(PING);
    daemon.gets(create());
    daemon.sends("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    client.gets("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
    daemon.gets(PING);
}
