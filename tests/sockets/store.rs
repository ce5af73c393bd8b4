//! The question about the daemon's image store, which the proxy asks on a connection of its own.

use super::ends::End;
use super::lab::{Lab, PING, PONG};
use super::transcript::{Line, Transcript, What, paths, read};

/// Reads the transcript of this name.
pub(crate) fn page(name: &str) -> Transcript {
    let is_page = |path: &std::path::PathBuf| path.ends_with(format!("buildkit/{name}.txt"));
    read(paths().into_iter().find(is_page).unwrap(), "/run/docker.sock")
}

/// Returns all bytes that this side sends or gets in a transcript.
pub(crate) fn all(page: &Transcript, side: Line) -> Vec<u8> {
    let lines = page.lines.iter().filter(|(line, _)| *line == side);
    let bytes = lines.filter_map(|(_, what)| match what {
        What::Bytes(bytes) => Some(bytes.clone()),
        What::Mark(_) => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

/// Connects a client that sends all of a transcript; returns it, the daemon's end, and the connection of the
/// question.
fn asked(lab: &Lab, page: &Transcript) -> (End, End, End) {
    let (mut client, mut daemon) = lab.pair();
    client.sends(all(page, Line::ClientSends));
    daemon.gets_head();
    daemon.sends(all(page, Line::DaemonSends));
    let mut aside = lab.accept();
    aside.gets("GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    (client, daemon, aside)
}

fn lab() -> Lab {
    Lab::with(&["--label", "ci.job=7", "--label", "ci.team=web", "--strict"])
}

fn info(driver_type: &str) -> String {
    let status =
        format!(r#"{{"DriverStatus":[["Backing","ext4"],["driver-type","{driver_type}"]]}}"#);
    format!("HTTP/1.0 200 OK\r\n\r\n{status}")
}

#[test]
fn a_message_waits_for_the_answer_and_nobody_else_does() {
    let lab = lab();
    let page = page("a_config_that_containerds_store_reads");
    let (_client, mut daemon, mut aside) = asked(&lab, &page);
    let (mut other, mut others) = lab.asked(PING);
    others.sends(PONG);
    other.gets(PONG);
    aside.sends(info("io.containerd.snapshotter.v1"));
    drop(aside);
    let got = all(&page, Line::DaemonGot);
    let head = got.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    daemon.gets(&got[head..]);
}

#[test]
fn an_image_that_would_have_no_labels_is_refused_by_what_the_daemon_answers() {
    let lab = lab();
    let page = page("a_config_that_a_graph_driver_ignores");
    for answer in [
        &info("other"),
        r#"HTTP/1.0 200 OK\r\n\r\n{"DriverStatus":[]}"#,
        "HTTP/1.0 500 X\r\n\r\n",
        "",
    ] {
        let (mut client, _daemon, mut aside) = asked(&lab, &page);
        aside.sends(answer);
        drop(aside);
        let told = client.gets_rest();
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("--strict lets none such pass"), "{answer}: {told}");
    }
}

#[test]
fn a_client_that_is_gone_meanwhile_takes_its_daemon_along() {
    let lab = lab();
    let (client, mut daemon, aside) = asked(&lab, &page("a_config_that_a_graph_driver_ignores"));
    drop(client);
    daemon.is_closed();
    drop(aside);
    let (mut other, mut others) = lab.asked(PING);
    others.sends(PONG);
    other.gets(PONG);
}
