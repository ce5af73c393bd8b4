//! Mixed traffic for a long time, without leaks.

use std::thread;
use std::time::{Duration, Instant};

use super::daemon::answer_all;
use super::lab::Lab;
use super::proxy::until;
use super::random::Random;
use super::traffic::{ping, visit};

/// Number of simultaneous clients.
const CLIENTS: u64 = 16;

/// Tolerated growth of the proxy's memory in KiB after the warm-up.
const MEMORY: u64 = 2 * 1024;

/// Returns the duration of the traffic: `DCP_SOAK` seconds.
fn duration() -> Duration {
    let seconds = std::env::var("DCP_SOAK").map_or(8, |seconds| seconds.parse().unwrap());
    Duration::from_secs(seconds)
}

/// Makes random visits of all clients for a while; returns their number.
fn traffic(lab: &Lab, seed: u64, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let client = |number| {
        let mut random = Random::new(seed + number);
        let mut visits = 0;
        while Instant::now() < until {
            visit(&lab.listen(), &mut random);
            visits += 1;
        }
        visits
    };
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    })
}

#[test]
fn mixed_traffic_leaves_neither_files_nor_memory_behind() {
    let lab = Lab::new();
    answer_all(&lab.daemon);
    ping(&mut lab.client());
    until("the first client's files are closed", || (lab.proxy.sockets() == 3).then_some(()));
    let files = lab.proxy.files();
    let rest = || {
        // Two pipes are kept for the next streams.
        until("all files are closed", || (lab.proxy.files() <= files + 4).then_some(()));
    };
    // Warm-up: the allocator keeps the memory of the first rounds.
    traffic(&lab, 1, Duration::from_secs(3).max(duration() / 10));
    rest();
    let warm = lab.proxy.memory();
    let visits = traffic(&lab, 1000, duration());
    rest();
    let memory = lab.proxy.memory();
    eprintln!("{visits} visits in {:?}; {warm} KiB before, {memory} KiB after", duration());
    eprintln!("{files} files before, {} after", lab.proxy.files());
    assert!(memory < warm + MEMORY, "{memory} KiB, and {warm} KiB when it was warm");
    let log = lab.proxy.log();
    let bug = log.lines().find(|line| line.contains("bug") || line.contains("panicked"));
    assert_eq!(bug, None);
}
