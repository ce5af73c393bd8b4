//! Mounted paths on a file system that does not answer.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::calls::strace_works;
use super::dead::{Dead, LATE};
use super::ends::End;
use super::lab::{Folder, Lab, PING, PONG};
use super::skip::skip;

/// Mounts a dead file system in this folder, if permitted. It must be dropped before a proxy that looks it up:
/// a process cannot exit while its look-up is unanswered.
fn dead(folder: &Folder) -> Option<Dead> {
    let dead = Dead::mount(&folder.join("dead"));
    if dead.is_none() {
        skip("a test of a dead file system", "it needs root and /dev/fuse");
    }
    dead
}

fn create(source: &Path) -> String {
    create_with(&[source])
}

fn create_with(sources: &[&Path]) -> String {
    let bind = |(number, source): (usize, &&Path)| format!(r#""{}:/{number}""#, source.display());
    let binds: Vec<_> = sources.iter().enumerate().map(bind).collect();
    let body = format!(r#"{{"HostConfig":{{"Binds":[{}]}}}}"#, binds.join(","));
    let length = body.len();
    format!("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_dead_file_system_holds_up_nobody_but_who_mounts_it() {
    let mut lab = Lab::new();
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let begun = Instant::now();
    let (mut stuck, mut its_daemon) = lab.pair();
    stuck.sends(create(&dead.path()));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
    // A mount of a responsive path that was not looked up before.
    let folder = Folder::new();
    fs::create_dir(folder.join("new")).unwrap();
    other.sends(create(&folder.join("new")));
    assert!(daemon.gets_head().starts_with("POST /containers/create "));
    assert!(begun.elapsed() < Duration::from_secs(9), "it has waited");
    assert!(stuck.gets_head().starts_with("HTTP/1.1 503 "));
    assert!(begun.elapsed() > Duration::from_secs(9), "it has not waited");
    let why = String::from_utf8(stuck.gets_rest()).unwrap();
    assert!(why.contains("/cache") && why.contains("has not answered for 10 seconds"), "{why}");
    its_daemon.is_closed();
    // A stuck look-up does not prevent the exit once the file system is gone.
    drop(dead);
    lab.proxy.terminate();
    lab.proxy.signal(Signal::TERM);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_client_that_does_not_wait_leaves_nothing_behind() {
    let lab = Lab::new();
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let gone = |lab: &Lab| {
        let (mut stuck, its_daemon): (End, End) = lab.pair();
        stuck.sends(create(&dead.path()));
        drop(stuck);
        its_daemon
    };
    let mut daemon = gone(&lab);
    // The complete request would be delivered if its mounts were known.
    daemon.is_closed();
    drop(gone(&lab));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
}

#[test]
fn a_file_system_that_fails_is_not_taken_for_one_without_the_socket() {
    let lab = Lab::new();
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let mut client = lab.client();
    client.sends(create(&dead.broken()));
    assert!(client.gets_head().starts_with("HTTP/1.1 503 "));
    let why = String::from_utf8(client.gets_rest()).unwrap();
    // The messages of glibc and of musl.
    let words = ["Input/output error", "I/O error"].map(|error| format!(r#"answers \"{error}\""#));
    assert!(words.iter().any(|words| why.contains(words)), "{why}");
}

#[test]
fn each_path_has_its_own_time() {
    let lab = Lab::new();
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let mut client = lab.client();
    let begun = Instant::now();
    let silent = place.join("dead/silent");
    client.sends(create_with(&[&dead.late(), &silent]));
    assert!(client.gets_head().starts_with("HTTP/1.1 503 "));
    let why = String::from_utf8(client.gets_rest()).unwrap();
    assert!(why.contains("/silent"), "{why}");
    let took = begun.elapsed();
    assert!(took > LATE + Duration::from_secs(9) && took < LATE * 4, "{took:?}");
}

/// Simulates the limit of processes.
#[test]
fn without_a_thread_a_create_is_refused_at_once_and_says_so() {
    if !strace_works() {
        return skip("a test of looks", "strace is missing or may not trace");
    }
    let inject = "inject=clone,clone3:error=EAGAIN";
    let lab = Lab::under(&["strace", "-D", "-qq", "-o", "/dev/null", "-e", inject]);
    let place = Folder::new();
    let Some(dead) = dead(&place) else { return };
    let begun = Instant::now();
    let mut client = lab.client();
    client.sends(create(&dead.path()));
    assert!(client.gets_head().starts_with("HTTP/1.1 503 "));
    let why = String::from_utf8(client.gets_rest()).unwrap();
    assert!(why.contains("no thread") && begun.elapsed() < Duration::from_secs(9), "{why}");
}
