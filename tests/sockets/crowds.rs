//! Many clients at once, more than the file descriptors allow, without leaks.

use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use super::ends::End;
use super::lab::{Lab, PING, PONG};
use super::proxy::{raise_own_limit, until};

/// Starts a daemon that answers pings on every connection, until the test process ends.
pub(crate) fn answer_all(daemon: &UnixListener) {
    let daemon = daemon.try_clone().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = daemon.accept() {
            thread::spawn(move || answer(End::new(stream)));
        }
    });
}

fn answer(mut end: End) {
    end.stream.set_read_timeout(None).unwrap();
    while end.read_head().is_some() {
        end.sends(PONG);
    }
}

fn ping(client: &mut End) {
    client.sends(PING);
    client.gets(PONG);
}

#[test]
fn five_hundred_clients_leave_nothing_behind() {
    raise_own_limit();
    let lab = Lab::new();
    answer_all(&lab.daemon);
    ping(&mut lab.client());
    until("the first client's files are closed", || (lab.proxy.sockets() == 3).then_some(()));
    let files = lab.proxy.files();
    let mut clients: Vec<End> = (0..500).map(|_| lab.client()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.sends(PING);
        }
        for client in &mut clients {
            client.gets(PONG);
        }
    }
    assert_eq!(lab.proxy.files(), files + 1000);
    drop(clients);
    until("all files are closed", || (lab.proxy.files() == files).then_some(()));
}

#[test]
fn clients_for_whom_there_are_no_descriptors_wait() {
    let lab = Lab::with_files(&[], 67);
    answer_all(&lab.daemon);
    let mut clients: Vec<End> = (0..100).map(|_| lab.client()).collect();
    for client in &mut clients {
        client.sends(PING);
    }
    // The first clients get answers, and continue while the others wait.
    let mut served = 0;
    while !clients.is_empty() {
        let room = clients.len().min(20);
        for client in &mut clients[..room] {
            client.gets(PONG);
        }
        let busy = lab.proxy.ticks();
        thread::sleep(Duration::from_millis(200));
        assert!(lab.proxy.ticks() - busy < 10, "it is busy with waiting");
        for client in &mut clients[..room] {
            ping(client);
        }
        assert!(clients[room..].iter().all(|client| !client.has_bytes()));
        served += room;
        clients.drain(..room);
    }
    assert_eq!(served, 100);
    let warnings = lab.proxy.warnings();
    let full = "20 clients are connected, and more would have to wait";
    assert!(matches!(&warnings[..], [once] if once.contains(full)), "{warnings:?}");
}

/// The kernel refuses descriptors before the proxy's own limit, as when the whole system has none left.
#[test]
fn accepting_goes_on_once_the_kernel_has_descriptors_again() {
    let lab = Lab::new();
    answer_all(&lab.daemon);
    let mut first = lab.client();
    ping(&mut first);
    let limit = lab.proxy.limit_files(lab.proxy.files());
    let mut others: Vec<End> = (0..50).map(|_| lab.client()).collect();
    lab.proxy.await_log("cannot accept a client: ");
    let busy = lab.proxy.ticks();
    thread::sleep(Duration::from_millis(500));
    assert!(lab.proxy.ticks() - busy < 10, "it is busy with waiting");
    ping(&mut first);
    lab.proxy.limit_files(limit);
    others.iter_mut().for_each(ping);
    let warnings = lab.proxy.log().matches("cannot accept a client: ").count();
    assert!(warnings < 20, "{warnings} warnings");
}
