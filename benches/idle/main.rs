//! Cost of idle connections: the memory of many pairs, and their effect on a busy pair. Also the time until
//! the proxy listens, and its size.
//!
//! ```text
//! cargo bench --bench idle -- [PAIRS]
//! ```

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may fail so"
)]
#![allow(clippy::cast_precision_loss, reason = "numbers to look at")]

#[path = "../stage/mod.rs"]
mod stage;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use stage::load::{Exchange, Expects, Load, Until};
use stage::process::{Folder, Process};
use stage::requests::get;
use stage::role::{Role, play};
use stage::way::{Way, arguments, binary, raise_limit};

/// Default number of pairs.
const PAIRS: u64 = 10_000;

/// Files that a process has open, or reserves for pipes, besides those of pairs.
const OTHER_FILES: u64 = 200;

/// Time for the kernel and the allocator to settle.
const REST: Duration = Duration::from_millis(500);

/// Number of measured starts.
const STARTS: usize = 21;

fn main() {
    play();
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let wanted = asked.unwrap_or(PAIRS);
    // Each pair takes two files of the proxy or relay.
    let pairs = wanted.min((raise_limit() - OTHER_FILES) / 2);
    if pairs < wanted {
        println!("only {pairs} pairs, for there may be no more open files");
    }
    let folder = Folder::new("idle");
    let daemon = folder.0.join("daemon");
    let running = Role::Daemon.start(&daemon, None);
    println!("\n{pairs} idle pairs, memory in KiB and bytes per pair");
    println!(
        "{:8} {:>9} {:>9} {:>9} {:>16} {:>16} {:>9}",
        "", "at start", "its own", "one pair", "never used", "used once", "all gone"
    );
    for way in [Way::Proxy, Way::Copy] {
        let process = way.start(&folder.0.join(way.to_string()), &daemon).unwrap();
        memory(way, &process, usize::try_from(pairs).unwrap());
    }
    println!("\nprocessor time per small GET, in microseconds");
    for way in [Way::Proxy, Way::Copy] {
        let process = way.start(&folder.0.join(format!("{way}-busy")), &daemon).unwrap();
        busy_among_idle(way, &process, usize::try_from(pairs).unwrap());
    }
    starts(&folder, &daemon);
    let size = fs::metadata(binary()).unwrap().len();
    println!("size of {}: {} KiB", binary().display(), size / 1024);
    drop(running);
}

fn ping() -> Exchange {
    Exchange { request: get("/_ping"), expects: Expects::Response(200, 2) }
}

fn memory(way: Way, process: &Process, pairs: usize) {
    sleep(REST);
    let rss = || process.memory("VmRSS");
    let (start, own) = (rss(), process.memory("RssAnon"));
    let mut load = Load::new(process.socket.clone(), 1);
    load.repeat(&ping(), Until::Count(1), false);
    let one = rss();
    load = Load::new(process.socket.clone(), pairs);
    sleep(REST);
    let unused = rss();
    load.repeat(&ping(), Until::Count(1), false);
    sleep(REST);
    let used = rss();
    drop(load);
    sleep(REST);
    let gone = rss();
    let per_pair = |now: u64| (now as f64 - one as f64) * 1024.0 / pairs as f64;
    println!(
        "{way:8} {start:9} {own:9} {one:9} {unused:9} {:6.0} {used:9} {:6.0} {gone:9}",
        per_pair(unused),
        per_pair(used)
    );
}

/// Measures the same exchanges beside few and beside many idle pairs, alternately.
fn busy_among_idle(way: Way, process: &Process, pairs: usize) {
    let few = cost(process);
    let mut idle = Load::new(process.socket.clone(), pairs);
    idle.repeat(&ping(), Until::Count(1), false);
    sleep(REST);
    let many = cost(process);
    drop(idle);
    sleep(REST);
    println!(
        "{way:8} alone {few:.2}, among {pairs} idle pairs {many:.2}, alone again {:.2}",
        cost(process)
    );
}

/// Returns the processor time of one exchange in microseconds: the minimum of several rounds.
fn cost(process: &Process) -> f64 {
    const EXCHANGES: u16 = 4000;
    let mut load = Load::new(process.socket.clone(), 1);
    let mut round = || {
        let before = process.cpu();
        load.repeat(&ping(), Until::Count(EXCHANGES.into()), false);
        process.cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(EXCHANGES)
    };
    (0..5).map(|_| round()).min_by(f64::total_cmp).unwrap()
}

/// Measures the time from the start of the process to the first accepted client.
fn starts(folder: &Folder, daemon: &Path) {
    let mut times: Vec<Duration> = (0..STARTS)
        .map(|number| {
            let listen = folder.0.join(format!("start-{number}"));
            let arguments = arguments(&listen, daemon);
            let began = Instant::now();
            let process = Process::launch(binary().as_os_str(), &arguments, &listen);
            while !process.listens() {
                sleep(Duration::from_micros(20));
            }
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "\nfrom start to listening: least {:.1} ms, median {:.1} ms (of {STARTS})",
        times[0].as_secs_f64() * 1e3,
        times[STARTS / 2].as_secs_f64() * 1e3
    );
}
