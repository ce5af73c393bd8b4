//! Clients that go away, and the end of the proxy.

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

/// The connections of commands that have ended close a moment later.
pub(crate) fn idle_sockets(lab: &Lab) -> usize {
    let mut seen = usize::MAX;
    until("the number of sockets settles", || {
        let before = std::mem::replace(&mut seen, lab.proxy.sockets());
        (before == seen).then_some(seen)
    })
}

/// Ends with 5, when it has got a line.
const SCRIPT: &str = "echo ready; read line; echo got $line; exit 5";

/// A command that runs [`SCRIPT`] goes on to its end when the proxy is told to stop.
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

/// The docker command asks for the exit code when the stream has ended.
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
