//! What containers mount, where the file system does not answer.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::dead::Dead;
use super::ends::End;
use super::lab::{Folder, Lab, PING, PONG};
use super::skip::skip;

/// One in this folder, if it may be made.
fn dead(folder: &Folder) -> Option<Dead> {
    let dead = Dead::mount(&folder.join("dead"));
    if dead.is_none() {
        skip("a test of a dead file system", "it needs root and /dev/fuse");
    }
    dead
}

fn create(source: &Path) -> String {
    let body = format!(r#"{{"HostConfig":{{"Binds":["{}:/x"]}}}}"#, source.display());
    let length = body.len();
    format!("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_dead_file_system_holds_up_nobody_but_who_mounts_it() {
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let mut lab = Lab::new();
    let begun = Instant::now();
    let (mut stuck, mut its_daemon) = lab.pair();
    stuck.sends(create(&dead.path()));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
    // A mount that answers, by a path that nobody has looked at before.
    let folder = Folder::new();
    fs::create_dir(folder.join("new")).unwrap();
    other.sends(create(&folder.join("new")));
    assert!(daemon.gets_head().starts_with("POST /containers/create "));
    assert!(begun.elapsed() < Duration::from_secs(9), "it has waited");
    assert!(stuck.gets_head().starts_with("HTTP/1.1 504 "));
    assert!(begun.elapsed() > Duration::from_secs(9), "it has not waited");
    let why = String::from_utf8(stuck.gets_rest()).unwrap();
    assert!(why.contains("/cache") && why.contains("has not answered for 10 seconds"), "{why}");
    its_daemon.is_closed();
    // Nor does what is stuck keep it from ending.
    lab.proxy.signal(Signal::TERM);
    lab.proxy.signal(Signal::TERM);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_client_that_does_not_wait_leaves_nothing_behind() {
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let lab = Lab::new();
    let gone = |lab: &Lab| {
        let (mut stuck, its_daemon): (End, End) = lab.pair();
        stuck.sends(create(&dead.path()));
        drop(stuck);
        its_daemon
    };
    let mut daemon = gone(&lab);
    // Its request would go out, as it has come whole, if it were known what it mounts.
    daemon.is_closed();
    drop(gone(&lab));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
}
