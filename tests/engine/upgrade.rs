//! Upgrades while jobs run.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Kind, Lab, eventually};

/// A process that took over, stopped by SIGTERM when dropped.
pub(super) struct Next(pub(super) Pid);

impl Next {
    /// Returns `true` if it exits in time.
    fn ends(&self) -> bool {
        let status = format!("/proc/{}/status", self.0.as_raw_nonzero());
        let ended = eventually(|| {
            let status = fs::read_to_string(&status).unwrap_or_default();
            (status.is_empty() || status.contains("State:\tZ")).then_some(())
        });
        ended.is_some()
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::TERM);
        assert!(self.ends() || thread::panicking(), "it did not end on SIGTERM");
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

    // At its end docker asks for the exit code, on another connection.
    running.write(b"enough\n");
    let finished = running.finish();
    assert_eq!((finished.code, finished.out()), (Some(5), "ready\ngot a line".to_owned()));
    assert_eq!(following.finish().code, Some(0));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    lab.docker.ok(&["version"]);
    drop(next);
    assert!(!lab.proxy.socket().exists());
}

/// Creates a volume over a kept connection; returns the engine's answer.
fn create(mut client: &UnixStream, volume: &str) -> String {
    let body = format!(r#"{{"Name":"{volume}"}}"#);
    let length = body.len();
    let head = format!(
        "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    client.write_all([head, body].concat().as_bytes()).unwrap();
    let mut got = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = client.read(&mut piece).unwrap();
        assert_ne!(read, 0, "closed behind {:?}", String::from_utf8_lossy(&got));
        got.extend(&piece[..read]);
        let text = String::from_utf8_lossy(&got);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            if length.expect("a length").parse::<usize>().unwrap() <= body.len() {
                return text.into_owned();
            }
        }
    }
}

#[test]
fn connections_that_stay_create_volumes_through_three_upgrades() {
    let Some(mut lab) = Lab::open() else { return };
    let volumes: Vec<Vec<String>> = (0..6)
        .map(|member| {
            let name = |turn| lab.reserve(Kind::Volume, &format!("pool-{member}-{turn}"));
            (0..10).map(name).collect()
        })
        .collect();
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let last = thread::scope(|scope| {
        for volumes in &volumes {
            let client = UnixStream::connect(lab.proxy.socket()).unwrap();
            client.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            let (over, count) = (&over, &count);
            scope.spawn(move || {
                // Repeated from the beginning: an existing volume gets the same answer.
                for volume in volumes.iter().cycle() {
                    let answer = create(&client, volume);
                    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
                    assert!(answer.contains(volume), "{answer}");
                    count.fetch_add(1, Ordering::Relaxed);
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
        }
        let mut last = Next(lab.proxy.upgrade());
        for turn in 2..=3 {
            let before = count.load(Ordering::Relaxed);
            eventually(|| (count.load(Ordering::Relaxed) > before + 30).then_some(()));
            kill_process(last.0, Signal::HUP).unwrap();
            let number = eventually(|| {
                let log = lab.proxy.log();
                let mut lines = log.lines().filter(|line| line.contains("serves from now on"));
                let line = lines.nth(turn - 1)?;
                line.split("process ").nth(1)?.split(' ').next()?.parse().ok()
            });
            let next = Next(Pid::from_raw(number.expect("another process")).unwrap());
            // It exits by itself after its last connection.
            assert!(last.ends(), "{}", lab.proxy.log());
            last = next;
        }
        over.store(true, Ordering::Relaxed);
        last
    });
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    lab.assert_labels(Kind::Volume, &volumes[0][0], &[]);
    drop(last);
}
