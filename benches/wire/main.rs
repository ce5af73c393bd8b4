//! Cost of a hop through the proxy, compared with the bare socket, relays that parse nothing, and other
//! proxies: the same work over each way in turn, round after round.
//!
//! Ratios are computed within each round and their median is printed, so that a temporarily slow machine does
//! not matter. Criterion cannot do that, since it measures one thing after the other.
//!
//! ```text
//! cargo bench --bench wire -- [--rounds N] [--time MS | --count N] [--ways WAY,WAY] [--processor N]
//!                             [--list] [WORK...]
//! ```
//!
//! With `--processor` client, way and daemon share one processor. Nothing runs in parallel and no processor
//! goes idle, so the time of an exchange is the sum of all work for it, which is steady to a few percent.

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may fail so"
)]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers to look at"
)]

#[path = "../stage/mod.rs"]
mod stage;

mod arguments;
mod measure;
mod table;
mod work;

use std::path::PathBuf;

use arguments::Arguments;
use rustix::thread::{CpuSet, sched_setaffinity};
use stage::process::{Folder, Process};
use stage::role::{Role, play};
use stage::way::{Way, raise_limit};
use table::Rounds;
use work::{Work, all};

/// A way whose process runs.
struct Ready {
    way: Way,
    socket: PathBuf,
    process: Option<Process>,
}

fn main() {
    play();
    let arguments = Arguments::read();
    let works: Vec<Work> = all().into_iter().filter(|work| arguments.wants(work.name)).collect();
    if arguments.list {
        for work in &works {
            println!("{:16} {}", work.name, work.what);
        }
        return;
    }
    raise_limit();
    if let Some(processor) = arguments.processor {
        stay_on(processor);
    }
    let folder = Folder::new("wire");
    let socket = folder.0.join("daemon");
    let daemon = Role::Daemon.start(&socket, None);
    let ways = ready(&arguments, &folder, "to", &socket);
    let real = std::env::var_os("DCP_TEST_DOCKER_SOCKET").map(PathBuf::from);
    let real_ways = real.filter(|_| works.iter().any(|work| work.real));
    let real_ways = real_ways.map(|socket| ready(&arguments, &folder, "real", &socket));
    for work in &works {
        match (work.real, &real_ways) {
            (false, _) => measured(work, &ways, &arguments).print(work),
            (true, Some(ways)) => measured(work, ways, &arguments).print(work),
            (true, None) => {
                println!("\n{}: skipped, for DCP_TEST_DOCKER_SOCKET names no daemon", work.name);
            }
        }
    }
    end(ways);
    real_ways.into_iter().for_each(end);
    drop(daemon);
}

/// Binds this process and its future children to one processor.
fn stay_on(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).unwrap();
}

/// Starts the selected ways that are installed.
fn ready(
    arguments: &Arguments,
    folder: &Folder,
    name: &str,
    daemon: &std::path::Path,
) -> Vec<Ready> {
    let mut ways = Vec::new();
    for way in Way::ALL.into_iter().filter(|way| arguments.goes(*way)) {
        if !way.is_installed() {
            println!("{way} is not installed and left out");
            continue;
        }
        let socket = folder.0.join(format!("{name}-{way}"));
        let process = way.start(&socket, daemon);
        let socket = if process.is_some() { socket } else { daemon.to_owned() };
        ways.push(Ready { way, socket, process });
    }
    ways
}

/// Stops the ways by SIGTERM, so that an instrumented proxy writes its profile.
fn end(ways: Vec<Ready>) {
    for mut process in ways.into_iter().filter_map(|ready| ready.process) {
        process.terminate();
    }
}

/// Measures `work` over each way in turn. Each round begins with another way.
fn measured(work: &Work, ways: &[Ready], arguments: &Arguments) -> Rounds {
    let mut samples = vec![Vec::new(); ways.len()];
    for round in 0..=arguments.rounds {
        for turn in 0..ways.len() {
            let at = (round + turn) % ways.len();
            let Ready { socket, process, .. } = &ways[at];
            let sample = measure::round(work, socket, process.as_ref(), arguments.until);
            // The first round only warms up caches and pages.
            if round > 0 {
                samples[at].push(sample);
            }
        }
    }
    Rounds { ways: ways.iter().map(|ready| ready.way).collect(), samples }
}
