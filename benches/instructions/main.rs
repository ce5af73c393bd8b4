//! Instructions and allocations of the proxy for one exchange, counted by callgrind. A busy machine does not
//! change these numbers.
//!
//! They are compared with the recorded ones; a rise is a failure. The kernel's instructions are
//! not counted; `tests/sockets/calls.rs` counts the system calls.
//!
//! ```text
//! cargo bench --bench instructions -- [--record]
//! DCP_TEST_BINARY=$(dist/build TARGET) cargo bench --bench instructions -- --released [--record]
//! ```
//!
//! A released binary is laid out by a profile; its record shows whether that profile still fits the program.
//! It has no function names, so its allocations cannot be counted.

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

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::Duration;

use stage::content::Message;
use stage::load::{Exchange, Expects, Load, Until};
use stage::process::{Folder, Process};
use stage::requests::{creates_unmounted, get, volume};
use stage::role::{Role, play};
use stage::way::{arguments, binary, with_caller, with_rules};

/// Tolerated rise, since compilers and C libraries differ a little.
const TOLERANCE: f64 = 0.05;

/// Exchanges of each kind at the beginning of every run. A run with these alone is subtracted from the
/// others, so that one-time work such as startup cancels out.
const FIRST: u32 = 5;

/// Exchanges that are counted.
const COUNTED: u32 = 200;

/// Pause in which the proxy, under callgrind, finishes its turn, so that the counts do not depend on whether
/// the proxy or the client was faster.
const REST: Duration = Duration::from_millis(2);

/// The configuration of the proxy.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Settings {
    /// Two labels and a cgroup parent, as in the other benches.
    Labels,
    /// The same with ten rules on options.
    Rules,
    /// The same as `Labels`, with a value that depends on the caller.
    Caller,
}

/// A counted exchange.
struct Work {
    name: &'static str,
    exchange: Exchange,
    daemon: Role,
    settings: Settings,
    /// `true` if each exchange makes a connection.
    fresh: bool,
}

/// Cost of one exchange.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost {
    instructions: f64,
    /// Calls of malloc and similar functions.
    allocations: f64,
}

/// Returns the counted exchanges.
fn works() -> Vec<Work> {
    let exchange =
        |request: Message, status| Exchange { request, expects: Expects::Status(status) };
    let [create, create_unasked] = creates_unmounted();
    let work = |name, request: &Message, status, daemon, settings| {
        let exchange = exchange(request.clone(), status);
        Work { name, exchange, daemon, settings, fresh: false }
    };
    let (calm, old) = (Role::CalmDaemon, Role::CalmOldDaemon);
    let fresh = |name, settings| Work { fresh: true, ..work(name, &create, 201, calm, settings) };
    vec![
        work("ping", &get("/_ping"), 200, calm, Settings::Labels),
        work("info", &get("/v1.43/info"), 200, calm, Settings::Labels),
        work("create", &create, 201, calm, Settings::Labels),
        work("create-rules", &create, 201, calm, Settings::Rules),
        work("create-caller", &create, 201, calm, Settings::Caller),
        fresh("create-fresh", Settings::Labels),
        fresh("create-fresh-caller", Settings::Caller),
        work("create-asked", &create, 201, old, Settings::Labels),
        work("create-unasked", &create_unasked, 201, calm, Settings::Labels),
        work("create-volume", &volume(), 201, calm, Settings::Labels),
    ]
}

fn main() -> ExitCode {
    play();
    if let Some(code) = skipped() {
        return code;
    }
    let folder = Folder::new("instructions");
    let daemons = [Role::CalmDaemon, Role::CalmOldDaemon].map(|role| {
        let socket = folder.0.join(format!("{role:?}"));
        let running = role.start(&socket, None);
        (role, socket, running)
    });
    let daemon = |role| &daemons.iter().find(|(known, ..)| *known == role).unwrap().1;
    let bases = [
        (Role::CalmDaemon, Settings::Labels),
        (Role::CalmDaemon, Settings::Rules),
        (Role::CalmDaemon, Settings::Caller),
        (Role::CalmOldDaemon, Settings::Labels),
    ]
    .map(|(role, settings)| {
        let listen = folder.0.join(format!("{role:?}-{settings:?}-base"));
        (role, settings, counted(&listen, daemon(role), settings, None))
    });
    let recorded = recorded();
    let mut record = String::new();
    let mut rose = false;
    println!(
        "{:16} {:>12} {:>10} {:>12}",
        "per exchange", "instructions", "recorded", "allocations"
    );
    for work in works() {
        let (name, settings) = (work.name, work.settings);
        let of = |base: &&(Role, Settings, _)| (base.0, base.1) == (work.daemon, settings);
        let (_, _, base) = bases.iter().find(of).unwrap();
        let sum = counted(&folder.0.join(name), daemon(work.daemon), settings, Some(&work));
        let each = |sum: u64, base: u64| sum.saturating_sub(base) as f64 / f64::from(COUNTED);
        let cost = Cost { instructions: each(sum.0, base.0), allocations: each(sum.1, base.1) };
        let (instructions, allocations) = (cost.instructions, cost.allocations);
        writeln!(record, "{name} {instructions:.0} {allocations:.1}").unwrap();
        let before = recorded.iter().find(|(known, _)| known == name).map(|(_, cost)| *cost);
        let verdict = before.map_or("", |before| verdict(cost, before));
        rose |= verdict == ROSE;
        let before = before.map_or(String::new(), |before| format!("{:.0}", before.instructions));
        println!("{name:16} {instructions:12.0} {before:>10} {allocations:12.1} {verdict}");
    }
    drop(daemons);
    if is_told("--record") {
        fs::write(record_file(), record).unwrap();
        return ExitCode::SUCCESS;
    }
    ExitCode::from(u8::from(rose))
}

/// Returns the exit code of a run without valgrind.
fn skipped() -> Option<ExitCode> {
    let mut valgrind = Command::new("valgrind");
    if valgrind.arg("--version").stdout(Stdio::null()).status().is_ok() {
        return None;
    }
    println!("skipped, for valgrind is not installed");
    let required = std::env::var("DCP_TEST_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
    Some(if required { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn is_told(flag: &str) -> bool {
    std::env::args().any(|argument| argument == flag)
}

const ROSE: &str = "ROSE: make it cheaper, or record it (of a release: dist/profile) and say why";
const FELL: &str = "fell: record it";

fn verdict(now: Cost, before: Cost) -> &'static str {
    let ratio = now.instructions / before.instructions;
    // Half an allocation: the numbers are whole, except for what rare events add.
    let allocations = now.allocations - before.allocations;
    if ratio > 1.0 + TOLERANCE || allocations > 0.5 {
        ROSE
    } else if ratio < 1.0 - TOLERANCE || allocations < -0.5 {
        FELL
    } else {
        ""
    }
}

fn record_file() -> PathBuf {
    let name = if is_told("--released") { "released.txt" } else { "recorded.txt" };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions").join(name)
}

/// Reads lines of a name, instructions and allocations.
fn recorded() -> Vec<(String, Cost)> {
    let text = fs::read_to_string(record_file()).unwrap_or_default();
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |at: usize| fields[at].parse().unwrap();
            (fields[0].to_owned(), Cost { instructions: number(1), allocations: number(2) })
        })
        .collect()
}

/// Counts the instructions and allocations of a proxy from start to exit.
fn counted(listen: &Path, daemon: &Path, settings: Settings, work: Option<&Work>) -> (u64, u64) {
    let output = listen.with_extension("callgrind");
    let file = format!("--callgrind-out-file={}", output.display());
    let options = ["--tool=callgrind", "--quiet", "--compress-strings=no", &file];
    let mut command: Vec<&OsStr> = options.iter().map(OsStr::new).collect();
    let binary = binary();
    command.push(binary.as_os_str());
    let config = listen.with_extension("toml");
    match settings {
        Settings::Labels => command.extend(arguments(listen, daemon)),
        Settings::Rules | Settings::Caller => {
            let of_caller = settings == Settings::Caller;
            let text = if of_caller { with_caller } else { with_rules }(listen, daemon);
            fs::write(&config, text).unwrap();
            command.extend(["--config".as_ref(), config.as_os_str()]);
        }
    }
    let mut process = Process::start("valgrind".as_ref(), &command, listen);
    // The client that tested whether the proxy listens is gone by then.
    sleep(20 * REST);
    let mut load = Load::new(listen.to_owned(), 1);
    let mut repeat = |work: &Work, times| {
        for _ in 0..times {
            sleep(REST);
            load.repeat(&work.exchange, Until::Count(1), work.fresh);
        }
    };
    for each in works() {
        repeat(&each, FIRST);
    }
    if let Some(work) = work {
        repeat(work, COUNTED);
    }
    sleep(20 * REST);
    drop(load);
    sleep(20 * REST);
    process.terminate();
    read(&fs::read_to_string(output).unwrap())
}

/// Reads the sums from callgrind's output.
fn read(text: &str) -> (u64, u64) {
    let sum = text.lines().find_map(|line| line.strip_prefix("summary:")).unwrap();
    let instructions = sum.trim().parse().unwrap();
    let mut allocations = 0;
    let mut called = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("cfn=") {
            called = name;
        } else if let Some(calls) = line.strip_prefix("calls=")
            && matches!(called, "malloc" | "calloc" | "realloc" | "posix_memalign")
        {
            allocations += calls.split_whitespace().next().unwrap().parse::<u64>().unwrap();
        }
    }
    (instructions, allocations)
}
