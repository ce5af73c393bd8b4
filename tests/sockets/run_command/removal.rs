//! The removal at the end of a `run`.

use rustix::process::Signal;

use super::place::{Place, Running};
use crate::proxy::until;

const NETWORK: &str = r#"[{"Id":"n","Name":"net","Labels":{"dockerd-ci-proxy.run":"RUN"},"Created":"2026-01-01T00:00:00Z"}]"#;

#[test]
fn what_carries_the_label_of_the_run_is_looked_for() {
    let place = Place::new();
    let ended = place.runs(&[], "echo $DCP_RUN");
    let id = ended.out.trim();
    for kind in ["/services", "/containers/json", "/networks", "/volumes", "/images/json"] {
        let lists = place.daemon.with(kind);
        let label = format!("dockerd-ci-proxy.run%3D{id}");
        assert!(lists.iter().any(|request| request.contains(&label)), "{label} in {lists:?}");
    }
    assert!(place.daemon.with("DELETE").is_empty());
    let kept = Place::new();
    kept.runs(&["--keep", "networks,images"], "exit 0");
    assert!(kept.daemon.with("/networks").is_empty());
    assert!(kept.daemon.with("/images").is_empty());
    assert!(!kept.daemon.with("/volumes").is_empty());
}

#[test]
fn a_command_that_was_not_started_has_created_nothing() {
    let place = Place::new();
    super::ended(place.command(&["--", "no-such-command-7"]));
    assert!(place.daemon.with("/containers/json").is_empty());
}

#[test]
fn what_stays_is_reported() {
    let place = Place::new();
    NETWORK.clone_into(&mut place.daemon.networks.lock().unwrap());
    let ended = place.runs(&[], "echo $DCP_RUN; exit 0");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let lines: Vec<&str> = ended.err.lines().collect();
    assert!(lines[1].starts_with("dockerd-ci-proxy: left network net: "), "{ended:?}");
    let (id, socket) = (ended.out.trim(), place.folder.join("daemon"));
    let command =
        format!("reap --dockersocket {} --label dockerd-ci-proxy.run={id}", socket.display());
    assert_eq!(
        lines[2],
        format!("dockerd-ci-proxy: to remove the rest: dockerd-ci-proxy {command}")
    );
    assert_eq!(lines.len(), 3, "{ended:?}");
    // The exit code of the command counts more.
    let ended = place.runs(&[], "exit 3");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.err.contains("left network net"), "{ended:?}");
}

#[test]
fn a_second_signal_leaves_the_rest() {
    let place = Place::new();
    place.daemon.networks.lock().unwrap().clear();
    let mut running = Running::start(place.script(&[], "echo $DCP_RUN"));
    let id = running.line();
    until("the networks are listed", || place.daemon.with("/networks").pop());
    assert!(place.directories().is_empty());
    running.signal(Signal::INT);
    let mut line = String::new();
    while !line.contains("another signal ends this") {
        line = running.error_line();
    }
    // The end of the terminal is not asked for by anybody.
    running.signal(Signal::HUP);
    running.signal(Signal::TERM);
    let ended = running.ends();
    assert_eq!(ended.code, Some(4));
    assert!(ended.err.contains("warn: the removal was ended by a signal\n"), "{ended:?}");
    let command = format!(" --label dockerd-ci-proxy.run={id}\n");
    assert!(ended.err.ends_with(&command), "{ended:?}");
}

#[test]
fn a_daemon_that_is_gone_at_the_end_is_an_error() {
    let place = Place::new();
    let socket = place.folder.join("daemon").display().to_string();
    let ended = place.runs(&["--dockersocket", &socket], &format!("rm {socket}; echo $DCP_RUN"));
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.err.contains("cannot remove: the daemon cannot be reached: "), "{ended:?}");
    let id = ended.out.trim();
    let command = format!(
        "dockerd-ci-proxy reap --dockersocket {socket} --label dockerd-ci-proxy.run={id}\n"
    );
    assert!(ended.err.ends_with(&command), "{ended:?}");
}

#[test]
fn a_report_for_programs_has_objects() {
    let place = Place::new();
    NETWORK.clone_into(&mut place.daemon.networks.lock().unwrap());
    let ended = place.runs(&["--format", "json"], "echo $DCP_RUN");
    let lines = ended.err.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["run"], ended.out.trim());
    assert_eq!(lines[0]["by"], "DOCKER_HOST");
    assert_eq!((&lines[1]["kind"], &lines[1]["result"]), (&"network".into(), &"left".into()));
    assert_eq!(lines[2]["summary"]["left"], 1);
}
