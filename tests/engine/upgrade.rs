//! A new program takes over while jobs run.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Kind, Lab, eventually};

/// A process that took over, ended when dropped.
struct Next(Pid);

impl Drop for Next {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::TERM);
        let status = format!("/proc/{}/status", self.0.as_raw_nonzero());
        let ended = eventually(|| {
            let status = fs::read_to_string(&status).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
        assert!(ended.is_some() || std::thread::panicking(), "it did not end on SIGTERM");
    }
}

#[test]
fn a_run_survives_an_upgrade_and_new_clients_meet_the_new_program() {
    let Some(mut lab) = Lab::open() else { return };
    let script = "echo ready; read line; echo got $line; read line; exit 5";
    let mut running = lab.docker.start(&["run", "--rm", "-i", lab.image(), "sh", "-c", script]);
    running.await_output("ready");
    let container = lab.background(&["-i"], "read line; echo $line");
    let following = lab.docker.start(&["logs", "--follow", &container]);

    let next = Next(lab.proxy.upgrade());
    let program = fs::read_link(format!("/proc/{}/exe", next.0.as_raw_nonzero())).unwrap();
    assert!(program.ends_with("program-2"), "{}", program.display());

    running.write(b"a line\n");
    running.await_output("got a line");
    let volume = lab.reserve(Kind::Volume, "later");
    lab.docker.ok(&["volume", "create", &volume]);
    lab.assert_labels(Kind::Volume, &volume, &[]);
    let mut typing = lab.docker.start(&["attach", &container]);
    typing.write(b"through both\n");
    following.await_output("through both");

    // It asks for more at its end: how the container has ended, by a connection of its own.
    running.write(b"enough\n");
    let finished = running.finish();
    assert_eq!((finished.code, finished.out()), (Some(5), "ready\ngot a line".to_owned()));
    assert_eq!(following.finish().code, Some(0));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    lab.docker.ok(&["version"]);
    drop(next);
    assert!(!lab.proxy.socket().exists());
}
