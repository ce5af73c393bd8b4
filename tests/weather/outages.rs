//! Daemons that stop reading, restart, are not running, or do not accept for a while.

use std::fs;
use std::os::unix::net::UnixListener;
use std::thread;

use rustix::net::Shutdown;

use super::daemon::{NOISE, answer_all, sized};
use super::ends::End;
use super::lab::{ATTACH, CHUNKED, LOGS, Lab, PING, PONG, UPGRADED};
use super::proxy::{raise_own_limit, until};
use super::traffic::{download, ping};

/// Number of clients of each kind.
const CLIENTS: usize = 50;

/// Size of an upload, more than all sockets and pipes on the way hold.
const UPLOAD: usize = 4_000_000;

fn clients(lab: &Lab) -> Vec<End> {
    (0..CLIENTS).map(|_| lab.client()).collect()
}

/// Returns clients in the state of `bring`, with the daemon's ends.
fn pairs(lab: &Lab, bring: impl Fn(&Lab) -> (End, End)) -> Vec<(End, End)> {
    (0..CLIENTS).map(|_| bring(lab)).collect()
}

/// Stops the daemon, with all connections that it has not accepted yet.
fn take_away(lab: &Lab) {
    rustix::net::shutdown(&lab.daemon, Shutdown::Both).unwrap();
    fs::remove_file(lab.folder.join("daemon")).unwrap();
}

fn bring_back(lab: &mut Lab) {
    lab.daemon = UnixListener::bind(lab.folder.join("daemon")).unwrap();
}

fn upload_head() -> String {
    format!("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {UPLOAD}\r\n\r\n")
}

#[test]
fn a_daemon_that_stops_reading_holds_its_uploads_up_and_nothing_else() {
    raise_own_limit();
    let lab = Lab::new();
    let (memory, sockets) = (lab.proxy.memory(), lab.proxy.sockets());
    let head = upload_head();
    let mut stuck = pairs(&lab, |lab| lab.asked(&head));
    let body = &NOISE[..UPLOAD];
    let took: Vec<usize> = thread::scope(|scope| {
        let fill = |client: &mut End| client.fills(body);
        let threads: Vec<_> =
            stuck.iter_mut().map(|(client, _)| scope.spawn(move || fill(client))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(took.iter().all(|took| *took < UPLOAD), "{took:?}");
    let grown = lab.proxy.memory().saturating_sub(memory);
    assert!(grown < 64 * CLIENTS as u64 + 2048, "{grown} KiB more");
    // Other clients are served meanwhile.
    for _ in 0..10 {
        let (mut client, mut daemon) = lab.asked(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    // Half of them continue; the daemon drops the others.
    let goes_on = stuck.split_off(CLIENTS / 2);
    for (mut client, daemon) in stuck {
        drop(daemon);
        client.is_half_closed();
    }
    for ((mut client, mut daemon), took) in goes_on.into_iter().zip(&took[CLIENTS / 2..]) {
        thread::scope(|scope| {
            scope.spawn(|| client.sends(&body[*took..]));
            daemon.gets(body);
        });
        daemon.sends(PONG);
        client.gets(PONG);
    }
    until("all files are closed", || (lab.proxy.sockets() == sockets).then_some(()));
}

#[test]
fn a_daemon_that_restarts_in_mid_stream_is_missed_only_by_those_it_served() {
    let mut lab = Lab::new();
    let sockets = lab.proxy.sockets();
    let mut streams = pairs(&lab, |lab| {
        let (client, mut daemon) = lab.asked(LOGS);
        daemon.sends(CHUNKED);
        daemon.sends("5\r\nhello\r\n");
        (client, daemon)
    });
    let mut tunnels = pairs(&lab, Lab::tunnel);
    let mut uploads = pairs(&lab, |lab| lab.asked(&upload_head()));
    let unused = pairs(&lab, Lab::pair);
    take_away(&lab);
    for (_, daemon) in tunnels.iter_mut().chain(&mut streams).chain(&mut uploads) {
        daemon.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
    let mut unused: Vec<End> = unused.into_iter().map(|(client, _)| client).collect();
    for (client, _) in &mut streams {
        client.gets(CHUNKED);
        client.gets("5\r\nhello\r\n");
        client.gets_end();
    }
    for (client, _) in tunnels.iter_mut().chain(&mut uploads) {
        client.gets_end();
    }
    drop((streams, tunnels, uploads));
    // Without the daemon, requests get an error, and silent clients nothing.
    for mut client in clients(&lab) {
        client.sends(ATTACH);
        assert!(client.gets_head().starts_with("HTTP/1.1 503 "));
        client.gets_rest();
    }
    let mut patient = clients(&lab);
    bring_back(&mut lab);
    answer_all(&lab.daemon);
    for client in patient.iter_mut().chain(&mut unused) {
        ping(client);
        client.sends(download(1000));
        client.gets(sized(&NOISE[..1000]));
        client.sends(ATTACH);
        client.gets(UPGRADED);
    }
    drop((patient, unused));
    until("all files are closed", || (lab.proxy.sockets() == sockets).then_some(()));
}

#[test]
fn a_crowd_before_a_full_queue_gets_through() {
    let lab = Lab::new();
    rustix::net::listen(&lab.daemon, 1).unwrap();
    let mut crowd: Vec<End> = clients(&lab).into_iter().chain(clients(&lab)).collect();
    for client in &mut crowd {
        client.sends(PING);
    }
    // The daemon has accepted none so far.
    assert!(crowd.iter().all(|client| !client.has_bytes()));
    let busy = lab.proxy.ticks();
    answer_all(&lab.daemon);
    for client in &mut crowd {
        client.gets(PONG);
        ping(client);
    }
    assert!(lab.proxy.ticks() - busy < 100, "it is busy with waiting");
}
