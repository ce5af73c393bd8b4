//! Large transfers, slow readers, and a daemon that is slow to accept.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use super::ends::{End, noise};
use super::lab::{Lab, PING, PONG};
use super::proxy::until;

const MIB: usize = 1024 * 1024;

/// Tolerated additional memory of the proxy in KiB.
const MEMORY: u64 = 4 * 1024;

/// Reads `whole` repeatedly, `length` bytes in total.
fn reads(end: &mut End, whole: &[u8], length: usize) {
    let mut got = 0;
    let mut piece = vec![0; 60_000];
    while got < length {
        let n = end.stream.read(&mut piece).unwrap();
        assert!(n > 0, "the end behind {got} bytes of {length}");
        for byte in piece.chunks(whole.len()).flatten().take(n) {
            assert_eq!(*byte, whole[got % whole.len()], "byte {got}");
            got += 1;
        }
    }
}

/// Writes the bytes `from..length` of a repeated `whole`, in pieces of many sizes.
fn writes(end: &mut End, whole: &[u8], from: usize, length: usize) {
    let mut sent = from;
    let mut size = 1;
    while sent < length {
        size = (size * 7919 + 1) % 70_001;
        let at = sent % whole.len();
        let n = size.clamp(1, length - sent).min(whole.len() - at);
        end.stream.write_all(&whole[at..at + n]).unwrap();
        sent += n;
    }
}

#[test]
fn a_slow_reader_holds_the_daemon_up_and_gets_everything() {
    let lab = Lab::new();
    let before = lab.proxy.memory();
    let length = 24 * MIB;
    let whole = noise(99_991);
    let (mut client, mut daemon) = lab.asked("GET /images/get HTTP/1.1\r\nHost: d\r\n\r\n");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    daemon.sends(&head);
    let took = daemon.fills(&whole);
    assert!(took < MIB, "{took} bytes went nowhere");
    let idle = lab.proxy.ticks();
    thread::sleep(Duration::from_millis(300));
    assert!(lab.proxy.ticks() - idle < 10, "it is busy with waiting");
    client.gets(&head);
    thread::scope(|scope| {
        scope.spawn(|| writes(&mut daemon, &whole, took, length));
        reads(&mut client, &whole, length);
    });
    let grown = lab.proxy.memory().saturating_sub(before);
    assert!(grown < MEMORY, "{grown} KiB more");
    client.sends(PING);
    daemon.gets(PING);
}

#[test]
fn a_daemon_that_reads_slowly_holds_the_client_up_and_gets_everything() {
    let lab = Lab::new();
    let before = lab.proxy.memory();
    let length = 24 * MIB;
    let whole = noise(99_991);
    let head = format!("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n");
    let (mut client, mut daemon) = lab.asked(&head);
    let took = client.fills(&whole);
    assert!(took < MIB, "{took} bytes went nowhere");
    thread::scope(|scope| {
        scope.spawn(|| writes(&mut client, &whole, took, length));
        reads(&mut daemon, &whole, length);
    });
    daemon.sends(PONG);
    client.gets(PONG);
    let grown = lab.proxy.memory().saturating_sub(before);
    assert!(grown < MEMORY, "{grown} KiB more");
}

#[test]
fn a_tunnel_carries_much_both_ways_at_once() {
    let lab = Lab::new();
    let (client, daemon) = lab.tunnel();
    let (up, down) = (noise(70_003), noise(50_021));
    let length = 12 * MIB;
    thread::scope(|scope| {
        for (from, to, whole) in [(&client, &daemon, &up), (&daemon, &client, &down)] {
            let (mut from, mut to) = (from.twin(), to.twin());
            scope.spawn(move || {
                writes(&mut from, whole, 0, length);
                from.half_closes();
            });
            scope.spawn(move || {
                reads(&mut to, whole, length);
                to.gets_end();
            });
        }
    });
    let (mut client, mut daemon) = (client, daemon);
    client.is_closed();
    daemon.is_closed();
}

/// Builds a chunked body of about `length` bytes, with chunks from 1 byte to 200 kB.
fn chunked(length: usize) -> Vec<u8> {
    let (data, mut body, mut size) = (noise(200_000), Vec::new(), 1);
    while body.len() < length {
        size = (size * 7919 + 13) % 200_000;
        // Most are small or of the size of a daemon's writes.
        let n = [size % 100, 32 * 1024, size, 32 * 1024, 32 * 1024][size % 5].max(1);
        body.extend(format!("{n:x};part={size}\r\n").into_bytes());
        body.extend(&data[..n]);
        body.extend(b"\r\n");
    }
    body.extend(b"0\r\nDigest: x\r\n\r\n");
    body
}

#[test]
fn chunks_of_all_sizes_arrive_as_they_were_sent_and_the_next_exchange_behind_them() {
    let lab = Lab::new();
    let body = chunked(12 * MIB);
    let (mut client, mut daemon) =
        lab.asked("POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n");
    let pass = |from: &End, to: &mut End| {
        let mut from = from.twin();
        thread::scope(|scope| {
            scope.spawn(|| writes(&mut from, &body, 0, body.len()));
            reads(to, &body, body.len());
        });
    };
    pass(&client, &mut daemon);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    daemon.sends(head);
    client.gets(head);
    pass(&daemon, &mut client);
    client.sends(PING);
    daemon.gets(PING);
    daemon.sends(PONG);
    client.gets(PONG);
}

#[test]
fn a_stream_that_is_stuck_ends_with_either_side_and_gives_everything_back() {
    let lab = Lab::new();
    let before = lab.proxy.files();
    let body = noise(99_991);
    for turn in 0..100 {
        let (mut client, mut daemon) =
            lab.asked("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999\r\n\r\n");
        client.fills(&body);
        if turn % 2 == 0 {
            let answer = "HTTP/1.1 507 Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            daemon.sends(answer);
            drop(daemon);
            client.gets(answer);
        } else {
            drop(client);
            reads(&mut daemon, &body, body.len());
            drop(daemon);
        }
    }
    // Two pipes are kept.
    until("the descriptors are back", || (lab.proxy.files() <= before + 4).then_some(()));
}

#[test]
fn a_full_queue_of_the_daemon_is_waited_for() {
    let lab = Lab::new();
    // The queue takes one connection more than its backlog.
    rustix::net::listen(&lab.daemon, 0).unwrap();
    let mut clients = [lab.client(), lab.client(), lab.client()];
    for client in &mut clients {
        client.sends(PING);
    }
    let mut daemons = Vec::new();
    for _ in &clients {
        let mut daemon = lab.accept();
        daemon.gets(PING);
        daemon.sends(PONG);
        daemons.push(daemon);
    }
    for client in &mut clients {
        client.gets(PONG);
    }
}

#[test]
fn a_daemon_that_does_not_accept_is_named_after_10_seconds() {
    let lab = Lab::new();
    rustix::net::listen(&lab.daemon, 0).unwrap();
    // Before any client: a connect to a full queue blocks, and nothing empties this one.
    UnixStream::connect(lab.folder.join("daemon")).unwrap();
    let start = Instant::now();
    let mut client = lab.client();
    client.sends(PING);
    let busy = lab.proxy.ticks();
    assert!(client.gets_head().starts_with("HTTP/1.1 504 "));
    let took = start.elapsed();
    assert!(took > Duration::from_secs(9), "{took:?}");
    let answer = String::from_utf8(client.gets_rest()).unwrap();
    assert!(answer.contains("it did not accept a connection in 10 seconds"), "{answer}");
    assert!(lab.proxy.ticks() - busy < 200, "it is busy with waiting");
}
