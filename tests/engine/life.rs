//! Clients that disconnect, and the shutdown of the proxy.

use crate::support::{Lab, until};

#[test]
fn a_client_that_is_killed_leaves_no_connection_behind() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "echo ready; sleep 1000");
    for stream in [&["logs", "--follow", &container][..], &["events", "--since", "5m"], &["stats"]]
    {
        let idle = idle_sockets(&lab);
        let client = lab.docker.start(stream);
        until("it streams", || client.has_output().then_some(()));
        assert!(lab.proxy.sockets() > idle);
        client.kill();
        until("both connections are closed", || (lab.proxy.sockets() <= idle).then_some(()));
    }
}

/// Counts the sockets of an idle proxy. Connections of finished commands close a moment later.
pub(crate) fn idle_sockets(lab: &Lab) -> usize {
    let mut seen = usize::MAX;
    until("the number of sockets settles", || {
        let before = std::mem::replace(&mut seen, lab.proxy.sockets());
        (before == seen).then_some(seen)
    })
}

/// Exits with 5 after it has read a line.
const SCRIPT: &str = "echo ready; read line; echo got $line; exit 5";

/// Tests that a command with [`SCRIPT`] runs to its end when the proxy is stopped.
fn ends_in_peace(lab: &mut Lab, command: &[&str]) {
    let mut running = lab.docker.start(&[command, &["sh", "-c", SCRIPT]].concat());
    running.await_output("ready");
    lab.proxy.terminate();
    until("it takes no new clients", || {
        (lab.docker.run(&["version"]).code != Some(0)).then_some(())
    });
    running.write(b"a line\n");
    let finished = running.finish();
    assert_eq!((finished.code, finished.out()), (Some(5), "ready\ngot a line".to_owned()));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_run_that_is_under_way_ends_in_peace_when_the_proxy_is_told_to_stop() {
    let Some(mut lab) = Lab::open() else { return };
    let image = lab.image().to_owned();
    ends_in_peace(&mut lab, &["run", "--rm", "-i", &image]);
    assert!(!lab.proxy.socket().exists());
}

/// The docker command asks for the exit code after the end of the stream.
#[test]
fn an_exec_that_is_under_way_tells_its_exit_code_when_the_proxy_is_told_to_stop() {
    let Some(mut lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    ends_in_peace(&mut lab, &["exec", "-i", &container]);
}

#[test]
fn the_daemon_sees_no_more_of_the_proxy_than_of_its_clients() {
    let Some(lab) = Lab::open() else { return };
    let idle = idle_sockets(&lab);
    for _ in 0..20 {
        lab.docker.ok(&["version"]);
    }
    until("every connection is closed", || (lab.proxy.sockets() <= idle).then_some(()));
}
