//! Hand-over at SIGHUP: connections between two exchanges continue in the new process.

use std::collections::HashMap;
use std::fs;
use std::io::{IoSlice, Read, Write};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Signal;

use super::crowds::answer_all;
use super::ends::{End, accept};
use super::lab::{CHUNKED, Folder, LOGS, Lab, PING, PONG};
use super::proxy::{binary, until};
use super::upgrade::{Next, replace, served_by, with_program};

/// A daemon that answers each POST with the number in it, and counts each number.
struct Counting {
    seen: Mutex<HashMap<String, usize>>,
}

impl Counting {
    fn start(daemon: &UnixListener) -> Arc<Self> {
        let counting = Arc::new(Self { seen: Mutex::new(HashMap::new()) });
        let (daemon, shared) = (daemon.try_clone().unwrap(), Arc::clone(&counting));
        thread::spawn(move || {
            while let Ok((stream, _)) = daemon.accept() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(End::new(stream)));
            }
        });
        counting
    }

    fn serve(&self, mut end: End) {
        end.stream.set_read_timeout(None).unwrap();
        while let Some(head) = end.read_head() {
            let field = |name: &str| {
                let line = head.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_else(|| panic!("no {name} in {head:?}"))
            };
            let length: usize = field("Content-Length: ").parse().unwrap();
            let mut body = vec![0; length];
            end.stream.read_exact(&mut body).unwrap();
            let create = head.starts_with("POST /volumes/create ");
            let body = String::from_utf8(body).unwrap();
            assert_eq!(body.contains(r#""ci.job":"7""#), create, "{head}{body}");
            let number = field("X-Number: ");
            *self.seen.lock().unwrap().entry(number.to_owned()).or_default() += 1;
            end.sends(answer(number));
        }
    }
}

fn answer(number: &str) -> String {
    format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\n\r\n{number}", number.len())
}

/// Makes one changing request, either rewritten (`create`) or forwarded unchanged.
fn post(client: &mut End, number: &str, create: bool) {
    let target = if create { "/volumes/create" } else { "/containers/x/stop" };
    let body = r#"{"Name":"x"}"#;
    client.sends(format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nX-Number: {number}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.gets(answer(number));
}

/// Posts without pause and counts the requests.
fn post_until(over: &AtomicBool, count: &AtomicUsize, mut client: End, member: usize) -> usize {
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        post(&mut client, &format!("{member}-{sent}"), sent % 2 == 0);
        sent += 1;
        count.fetch_add(1, Ordering::Relaxed);
    }
    sent
}

#[test]
fn a_pool_that_posts_without_pause_notices_nothing_of_ten_upgrades() {
    let mut lab = Lab::new();
    let counting = Counting::start(&lab.daemon);
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut idle: Vec<End> = (0..10).map(|_| lab.client()).collect();
    for (number, client) in idle.iter_mut().enumerate() {
        post(client, &format!("idle-{number}-before"), true);
    }
    let (processes, sent) = thread::scope(|scope| {
        let start = |member| {
            let (client, over, count) = (lab.client(), &over, &count);
            scope.spawn(move || post_until(over, count, client, member))
        };
        let threads: Vec<_> = (0..50).map(start).collect();
        let mut processes: Vec<Next> = Vec::new();
        for turn in 1..=10 {
            let before = count.load(Ordering::Relaxed);
            until("the pool is served", || {
                (count.load(Ordering::Relaxed) > before + 200).then_some(())
            });
            match processes.last() {
                None => lab.proxy.signal(Signal::HUP),
                Some(last) => last.signal(Signal::HUP),
            }
            processes.push(Next::of(&lab.proxy, turn));
        }
        over.store(true, Ordering::Relaxed);
        let sent: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        (processes, sent)
    });
    for (number, client) in idle.iter_mut().enumerate() {
        post(client, &format!("idle-{number}-after"), true);
    }
    let seen = counting.seen.lock().unwrap();
    assert_eq!(seen.len(), sent + 20);
    assert_eq!(seen.iter().find(|(_, count)| **count != 1), None);
    // The new process still gets the peer's credentials from the kernel.
    let log = lab.proxy.log();
    let mut creates = log.lines().filter(|line| line.contains("VolumeCreate injected "));
    let caller = format!(", pid {}", std::process::id());
    assert!(creates.all(|line| line.ends_with(&caller)), "{log}");
    // It exits although none of the connections was closed.
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    let (_last, others) = processes.split_last().unwrap();
    others.iter().for_each(Next::await_end);
    assert_eq!(lab.proxy.warnings(), [""; 0]);
}

#[test]
fn an_idle_connection_goes_on_in_the_new_process_and_dials_when_it_is_used() {
    let mut lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    // A client that has sent nothing yet.
    let (mut silent, mut its_daemon) = lab.pair();
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    daemon.is_closed();
    its_daemon.is_closed();
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    lab.proxy.await_log(&format!("2 idle connections were handed over to process {}", next.number));
    lab.proxy.await_log("stopped; 0 connections were cut off, 2 were handed over");
    // The new process serves it, although nothing has connected to the daemon meanwhile.
    assert_eq!(served_by(&lab), next.number);
    for client in [&mut client, &mut silent] {
        client.sends(PING);
        let mut daemon = lab.accept();
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
        assert_eq!(socket_peercred(&daemon.stream).unwrap().pid, next.pid());
        // The new connection is kept, like any other.
        client.sends(PING);
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
}

#[test]
fn a_connection_of_the_oldest_process_meets_the_newest_after_three_upgrades() {
    let mut lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
    let (mut other, mut its_daemon) = lab.asked(LOGS);
    its_daemon.sends(CHUNKED);
    other.gets(CHUNKED);
    lab.proxy.signal(Signal::HUP);
    let first = Next::of(&lab.proxy, 1);
    first.signal(Signal::HUP);
    let second = Next::of(&lab.proxy, 2);
    // The processes in between have no connections, so they exit, and no client is lost.
    first.await_end();
    second.signal(Signal::HUP);
    let third = Next::of(&lab.proxy, 3);
    second.await_end();
    assert!(lab.proxy.is_running());
    for (client, daemon) in [(&mut client, &mut daemon), (&mut other, &mut its_daemon)] {
        assert!(!daemon.has_hung_up());
        daemon.sends("0\r\n\r\n");
        client.gets("0\r\n\r\n");
        client.sends(PING);
        let mut again = lab.accept();
        assert_eq!(socket_peercred(&again.stream).unwrap().pid, third.pid());
        again.gets(PING);
        again.sends(PONG);
        client.gets(PONG);
    }
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert_eq!(lab.proxy.warnings(), [""; 0]);
}

#[test]
fn each_process_of_a_chain_hands_over_to_the_last() {
    let mut lab = Lab::new();
    let mut processes: Vec<Next> = Vec::new();
    let mut running = Vec::new();
    for turn in 1..=8 {
        let (mut client, mut daemon) = lab.asked(LOGS);
        daemon.sends(CHUNKED);
        client.gets(CHUNKED);
        running.push((client, daemon));
        match processes.last() {
            None => lab.proxy.signal(Signal::HUP),
            Some(last) => last.signal(Signal::HUP),
        }
        processes.push(Next::of(&lab.proxy, turn));
    }
    let last = processes.pop().unwrap();
    for (client, daemon) in &mut running {
        daemon.sends("0\r\n\r\n");
        client.gets("0\r\n\r\n");
        client.sends(PING);
        let mut again = lab.accept();
        assert_eq!(socket_peercred(&again.stream).unwrap().pid, last.pid());
        again.gets(PING);
        again.sends(PONG);
        client.gets(PONG);
    }
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    processes.iter().for_each(Next::await_end);
    assert_eq!(lab.proxy.warnings(), [""; 0]);
}

#[test]
fn what_has_begun_ends_in_the_old_process_and_the_next_request_meets_the_new_one() {
    let mut lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(LOGS);
    let (mut tunnel, mut its_daemon) = lab.tunnel();
    // An incomplete head.
    let (mut slow, mut third_daemon) = lab.pair();
    slow.sends(&PING[..10]);
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    lab.proxy.await_log("0 idle connections were handed over to process");
    // Two more requests behind the running one: the process that has read them answers them.
    client.sends([PING, PING].concat());
    daemon.sends([CHUNKED, "0\r\n\r\n"].concat());
    client.gets([CHUNKED, "0\r\n\r\n"].concat());
    for _ in 0..2 {
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    daemon.is_closed();
    slow.sends(&PING[10..]);
    third_daemon.gets(PING);
    third_daemon.sends(PONG);
    slow.gets(PONG);
    third_daemon.is_closed();
    for client in [&mut client, &mut slow] {
        client.sends(PING);
        let mut daemon = lab.accept();
        assert_eq!(socket_peercred(&daemon.stream).unwrap().pid, next.pid());
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    assert!(lab.proxy.is_running());
    tunnel.sends("x");
    its_daemon.gets("x");
    drop((tunnel, its_daemon));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

/// Not done by a service manager, but possible for an operator.
#[test]
fn connections_outlive_a_new_process_that_ends_before_they_are_idle() {
    let mut lab = Lab::new();
    let (mut client, mut daemon) = lab.asked(LOGS);
    let (mut quiet, mut its_daemon) = lab.asked(LOGS);
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    lab.proxy.await_log("2 go on here");
    next.signal(Signal::KILL);
    next.await_end();
    lab.proxy.await_log(" takes no connections over: its link has ended");
    for (client, daemon) in [(&mut client, &mut daemon), (&mut quiet, &mut its_daemon)] {
        daemon.sends([CHUNKED, "0\r\n\r\n"].concat());
        client.gets([CHUNKED, "0\r\n\r\n"].concat());
    }
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(600));
        client.sends(PING);
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    // Idle connections have no process to go to, so they are closed.
    quiet.is_closed();
    assert!(lab.proxy.is_running());
    drop((client, daemon));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_new_process_that_is_told_to_stop_answers_what_was_passed_to_it() {
    let mut lab = Lab::new();
    answer_all(&lab.daemon);
    let mut clients: Vec<End> = (0..20).map(|_| lab.client()).collect();
    for client in &mut clients {
        client.sends(PING);
        client.gets(PONG);
    }
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    for client in &mut clients {
        client.sends(PING);
    }
    next.signal(Signal::TERM);
    for client in &mut clients {
        client.gets(PONG);
    }
    next.await_end();
    clients.iter_mut().for_each(End::is_closed);
}

#[test]
fn clients_for_whom_the_new_process_has_no_room_wait_and_are_served() {
    let lab = Lab::with_files(&[], 67);
    answer_all(&lab.daemon);
    let ask = |client: &mut End| {
        client.sends(PING);
        client.gets(PONG);
    };
    let mut all: Vec<End> = (0..20).map(|_| lab.client()).collect();
    all.iter_mut().for_each(ask);
    // Other clients take all slots of the new process, so that these connections wait in the link.
    lab.proxy.signal(Signal::HUP);
    let _next = Next::of(&lab.proxy, 1);
    all.extend((0..30).map(|_| lab.client()));
    lab.proxy.await_log("20 idle connections were handed over");
    for client in &mut all {
        client.sends(PING);
    }
    while !all.is_empty() {
        let served = until("one is served", || all.iter().position(End::has_bytes));
        all.remove(served).gets(PONG);
    }
}

/// Both processes have had its socket open, but the old one must not get its events any more.
#[test]
fn a_client_that_was_handed_over_does_not_wake_the_old_process() {
    let lab = Lab::new();
    let (_tunnel, _its_daemon) = lab.tunnel();
    let (mut client, _daemon) = lab.pair();
    lab.proxy.signal(Signal::HUP);
    let _next = Next::of(&lab.proxy, 1);
    lab.proxy.await_log("1 idle connections were handed over");
    client.sends(PING);
    let mut daemon = lab.accept();
    let before = lab.proxy.wakes();
    for turn in 0..100 {
        if turn > 0 {
            client.sends(PING);
        }
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    let woken = lab.proxy.wakes() - before;
    assert!(woken < 20, "{woken} times");
}

#[test]
fn many_at_once_are_more_than_a_link_holds() {
    super::proxy::raise_own_limit();
    let mut lab = Lab::new();
    answer_all(&lab.daemon);
    let mut clients: Vec<End> = (0..800).map(|_| lab.client()).collect();
    for client in &mut clients {
        client.sends(PING);
    }
    for client in &mut clients {
        client.gets(PONG);
    }
    lab.proxy.signal(Signal::HUP);
    let _next = Next::of(&lab.proxy, 1);
    for client in &mut clients {
        client.sends(PING);
    }
    for client in &mut clients {
        client.gets(PONG);
    }
    lab.proxy.await_log("stopped; 0 connections were cut off, 800 were handed over");
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert_eq!(lab.proxy.warnings(), [""; 0]);
}

/// A new process of the program, started as its predecessor would start it.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A version without the hand-over of connections closes the link after "go".
#[test]
fn an_older_program_hands_over_to_this_one() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.join("listen")).unwrap();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let (mut link, theirs) = UnixStream::pair().unwrap();
    let files = [listener.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
    let text = b"dockerd-ci-proxy hands over\nclients\n";
    sendmsg(&link, &[IoSlice::new(text)], &mut control, SendFlags::NOSIGNAL).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(binary());
    command.arg("--dockersocket").arg(folder.join("daemon")).env("DCP_HANDOVER", "next");
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(log);
    let mut next = Started(command.spawn().unwrap());
    drop(command);
    let number = format!("{}\n", next.0.id());
    let mut said = vec![0; number.len()];
    link.read_exact(&mut said).unwrap();
    assert_eq!(said, number.as_bytes());
    link.write_all(b"go\n").unwrap();
    drop((link, listener));
    for _ in 0..2 {
        let mut client = End::new(UnixStream::connect(folder.join("listen")).unwrap());
        client.sends(PING);
        let mut end = accept(&daemon);
        end.gets(PING);
        end.sends(PONG);
        client.gets(PONG);
    }
    assert!(next.0.try_wait().unwrap().is_none());
    let log = fs::read_to_string(folder.join("log")).unwrap();
    assert!(!log.contains("warn") && !log.contains("error"), "{log}");
}

/// An older version reads nothing after "go", so that connections sent then would be lost.
#[test]
fn an_older_program_to_which_this_one_hands_over_is_sent_no_clients() {
    let folder = Folder::new();
    let (mut lab, program) = with_program(&folder, &[]);
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    // It reports its pid once the process in between has exited, as an older version does.
    replace(
        &program,
        b"#!/bin/sh\nexec 3<&0\n(read greeting; read socket; echo $$ >&3; read go; exec sleep 10 </dev/null 3<&-) <&3 &\n",
    );
    lab.proxy.signal(Signal::HUP);
    mem::forget(Next::of(&lab.proxy, 1));
    lab.proxy.await_log(" takes no connections over: its link has ended");
    client.sends(PING);
    daemon.gets(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    // Idle connections are closed.
    client.is_closed();
    daemon.is_closed();
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}
