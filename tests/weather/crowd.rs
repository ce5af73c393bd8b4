//! A thousand clients at once, most of them slow.

use std::time::{Duration, Instant};

use super::daemon::{NOISE, answer_all, sized};
use super::ends::End;
use super::lab::{Lab, PING, PONG};
use super::proxy::{raise_own_limit, until};
use super::traffic::{download, expects_with, ping, upload};

/// Number of steps of a slow client.
const ROUNDS: usize = 10;

/// More bytes than all sockets on the way hold, so that everything waits for the reader.
const DOWNLOAD: usize = 700_000;
const UPLOAD: usize = 5_000;

/// Maximum memory per client in KiB: the content of a lane.
const PER_CLIENT: u64 = 64;

/// A slow client.
struct Slow {
    end: End,
    /// The bytes that it sends in each round.
    sends: Vec<Vec<u8>>,
    /// The bytes that it gets in each round.
    gets: Vec<Vec<u8>>,
}

impl Slow {
    fn new(lab: &Lab, sends: Vec<Vec<u8>>, gets: Vec<Vec<u8>>) -> Self {
        Self { end: lab.client(), sends, gets }
    }

    fn step(&mut self, round: usize) {
        if let Some(bytes) = self.sends.get(round) {
            self.end.sends(bytes);
        }
        if let Some(bytes) = self.gets.get(round) {
            self.end.gets(bytes);
        }
    }
}

/// Splits `bytes` into one piece per round.
fn pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let pieces: Vec<_> = bytes.chunks(bytes.len().div_ceil(ROUNDS)).map(<[u8]>::to_vec).collect();
    assert!(pieces.len() <= ROUNDS);
    pieces
}

/// Returns pieces with all bytes in the last round.
fn at_last(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut rounds = vec![Vec::new(); ROUNDS];
    rounds[ROUNDS - 1] = bytes.to_vec();
    rounds
}

fn slow_reader(lab: &Lab) -> Slow {
    Slow::new(lab, vec![download(DOWNLOAD).into()], pieces(&sized(&NOISE[..DOWNLOAD])))
}

fn slow_writer(lab: &Lab) -> Slow {
    Slow::new(lab, pieces(&upload(&NOISE[..UPLOAD])), at_last(PONG.as_bytes()))
}

fn half_a_head(lab: &Lab) -> Slow {
    Slow::new(lab, pieces(PING.as_bytes()), at_last(PONG.as_bytes()))
}

/// Makes pings and returns the longest wait.
fn ping_often(clients: &mut [End]) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        for client in &mut *clients {
            let start = Instant::now();
            ping(client);
            longest = longest.max(start.elapsed());
        }
    }
    longest
}

#[test]
fn a_thousand_slow_clients_leave_the_others_alone() {
    raise_own_limit();
    let lab = Lab::new();
    answer_all(&lab.daemon);
    ping(&mut lab.client());
    until("the first client's files are closed", || (lab.proxy.sockets() == 3).then_some(()));
    let (sockets, memory) = (lab.proxy.sockets(), lab.proxy.memory());
    let mut others: Vec<End> = (0..10).map(|_| lab.client()).collect();
    let kinds = [slow_reader, slow_writer, half_a_head];
    let mut crowd: Vec<Slow> = (0..990).map(|number| kinds[number % 3](&lab)).collect();
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        for client in &mut crowd {
            client.step(round);
        }
        longest = longest.max(ping_often(&mut others));
        assert_eq!(lab.proxy.sockets(), sockets + 2000);
    }
    let grown = lab.proxy.memory().saturating_sub(memory);
    eprintln!("the longest wait was {longest:?}; {grown} KiB more");
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert!(grown < 1000 * PER_CLIENT, "{grown} KiB more");
    drop((crowd, others));
    until("all files are closed", || (lab.proxy.sockets() == sockets).then_some(()));
}

/// The proxy gathers a create before it sends anything to the daemon, so it has to ask for the body itself.
#[test]
fn clients_that_wait_for_100_continue_get_it_from_the_proxy() {
    let lab = Lab::new();
    let body = format!(r#"{{"Name":"{}"}}"#, "x".repeat(1_000_000));
    // The daemon does not accept yet, so the response must be the proxy's.
    let mut clients: Vec<End> = (0..20).map(|_| lab.client()).collect();
    for client in &mut clients {
        client.sends(format!(
            "POST /volumes/create HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        ));
        client.gets("HTTP/1.1 100 Continue\r\n\r\n");
    }
    answer_all(&lab.daemon);
    for client in &mut clients {
        client.sends(&body);
    }
    for client in &mut clients {
        client.gets(super::daemon::CREATED);
        expects_with(client, "{}");
    }
}
