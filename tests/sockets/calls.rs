//! System calls of the proxy, counted by strace: their number per exchange is bounded, and does not depend on
//! the size of forwarded bodies.
//!
//! Without strace the tests are skipped with a message; with `DCP_TEST_REQUIRE_ENGINE=1` they fail.
//! The minimum for a hop is six calls per exchange: a wait, a read and a write for each direction, like a
//! relay that parses nothing.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use super::ends::End;
use super::lab::{CHUNKED, Folder, LOGS, Lab, PING, PONG};
use super::proxy::until;
use super::skip::skip;

/// Calls of an exchange whose request and response fit into one read each: the minimum.
const EXCHANGE: usize = 6;

/// Calls for the log line of a labelled create: the test for room in the pipe, the query for the caller, and
/// the write.
const LOG_LINE: usize = 3;

/// Calls to look up a path in the kernel's cache.
const LOOK: usize = 3;

/// Maximum calls for 64 KiB in one direction: a wait, a read and a write for each 32 KiB, and a read that finds
/// nothing; a blocked write doubles them.
const PER_64_KIB: usize = 16;

/// A proxy under strace, which writes to a file.
struct Traced {
    lab: Lab,
    trace: PathBuf,
    _folder: Folder,
}

pub(super) fn strace_works() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

impl Traced {
    fn new() -> Option<Self> {
        if !strace_works() {
            skip("a test of system calls", "strace is missing or may not trace");
            return None;
        }
        let folder = Folder::new();
        let trace = folder.join("trace");
        // -D: strace is the grandchild, so that the child is the proxy itself.
        let output = ["strace", "-D", "-f", "-o", trace.to_str().unwrap()];
        // The C library decides when to return memory to the kernel.
        let lab = Lab::under(&[output.as_slice(), &["-e", "trace=!%memory"]].concat());
        Some(Self { lab, trace, _folder: folder })
    }

    fn rest(&self) {
        until("the proxy rests", || self.lab.proxy.sleeps().then_some(()));
    }

    /// Returns all finished calls.
    fn calls(&self) -> Vec<String> {
        let trace = fs::read_to_string(&self.trace).unwrap();
        let complete = trace.rsplit_once('\n').map_or("", |(complete, _)| complete);
        complete.lines().map(str::to_owned).collect()
    }

    /// Returns the calls during `act`.
    fn during(&self, act: impl FnOnce()) -> Vec<String> {
        self.rest();
        let before = self.calls().len();
        act();
        self.rest();
        self.calls().split_off(before)
    }

    /// Returns the calls of an exchange on a used connection: the client sends `request`, the daemon gets `wanted`
    /// and answers `response`.
    fn exchange(&self, request: &str, wanted: &str, response: &str) -> Vec<String> {
        let (mut client, mut daemon) = self.lab.pair();
        let mut once = || {
            self.during(|| {
                client.sends(request);
                daemon.gets(wanted);
                // One direction after the other, so that the count is always the same.
                self.rest();
                daemon.sends(response);
                client.gets(response);
            })
        };
        once();
        once()
    }
}

fn response(size: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(size))
}

fn upload(size: usize) -> String {
    let body = "x".repeat(size);
    format!("POST /images/load HTTP/1.1\r\nHost: d\r\nContent-Length: {size}\r\n\r\n{body}")
}

fn assert_takes(wanted: usize, calls: &[String]) {
    assert!(calls.len() == wanted, "{} calls:\n{}", calls.len(), calls.join("\n"));
}

fn assert_at_most(wanted: usize, calls: &[String]) {
    assert!(calls.len() <= wanted, "{} calls:\n{}", calls.len(), calls.join("\n"));
}

#[test]
fn an_exchange_takes_the_same_calls_whatever_passes() {
    let Some(traced) = Traced::new() else { return };
    // Below the size for splice, which takes a few more calls.
    for size in [0, 2, 100, 2048, 15_000] {
        assert_takes(EXCHANGE, &traced.exchange(PING, PING, &response(size)));
        let request = upload(size);
        assert_takes(EXCHANGE, &traced.exchange(&request, &request, PONG));
    }
}

#[test]
fn a_labelled_create_takes_the_calls_of_any_exchange_and_a_line_of_the_log() {
    let Some(traced) = Traced::new() else { return };
    let head = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: ";
    let labels = r#""Labels":{"ci.job":"7"}"#;
    for size in [1, 10, 1000, 20_000] {
        let name = "n".repeat(size);
        let body = format!(r#"{{"Name":"{name}","Labels":{{}}}}"#);
        let rewritten = format!(r#"{{"Name":"{name}",{labels}}}"#);
        let request = format!("{head}{}\r\n\r\n{body}", body.len());
        let wanted = format!("{head}{}\r\n\r\n{rewritten}", rewritten.len());
        assert_takes(EXCHANGE + LOG_LINE, &traced.exchange(&request, &wanted, PONG));
    }
}

#[test]
fn each_folder_that_a_container_mounts_is_looked_at_once() {
    let Some(traced) = Traced::new() else { return };
    let head = "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: ";
    let labels = r#""Labels":{"ci.job":"7"}"#;
    let calls = |binds: &str| {
        let config = format!(r#""HostConfig":{{"Binds":[{binds}]}}"#);
        let body = format!(r#"{{"Labels":{{}},{config}}}"#);
        let rewritten = format!(r"{{{labels},{config}}}");
        let request = format!("{head}{}\r\n\r\n{body}", body.len());
        let wanted = format!("{head}{}\r\n\r\n{rewritten}", rewritten.len());
        let calls = traced.exchange(&request, &wanted, PONG);
        // A debug build uses fcntl to check that a file is open before closing it.
        calls.iter().filter(|call| !call.contains(" fcntl(")).count()
    };
    for path in ["/etc", "/usr", "/var/lib"] {
        // Loads the paths into the kernel's cache.
        assert!(fs::metadata(path).unwrap().is_dir());
    }
    let one = calls(r#""/etc:/a""#);
    assert_eq!(calls(r#""/etc:/a","/usr:/b:ro","/var/lib:/c""#), one + 2 * LOOK);
}

#[test]
fn a_client_is_accepted_with_one_call() {
    let Some(traced) = Traced::new() else { return };
    let calls = traced.during(|| drop(traced.lab.pair()));
    let accepts = calls.iter().filter(|call| call.contains("accept"));
    assert_eq!(accepts.count(), 1, "{}", calls.join("\n"));
}

#[test]
fn what_streams_takes_calls_by_its_size_and_not_more() {
    let Some(traced) = Traced::new() else { return };
    let (mut client, mut daemon) = traced.lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
    for chunks in [32, 128] {
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(32 * 1024));
        let bytes = chunk.repeat(chunks);
        let calls = traced.during(|| {
            let mut twin: End = daemon.twin();
            let sent = bytes.clone();
            let sender = thread::spawn(move || twin.sends(sent));
            client.gets(&bytes);
            sender.join().unwrap();
        });
        assert_at_most(PER_64_KIB * bytes.len().div_ceil(64 * 1024), &calls);
    }
}

#[test]
fn large_chunks_pass_by_wherever_they_are_cut_on_their_way() {
    let Some(traced) = Traced::new() else { return };
    let (mut client, mut daemon) = traced.lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(32 * 1024));
    daemon.sends(&chunk);
    client.gets(&chunk);
    let line = "8000\r\n".len();
    for cut in 1..line {
        let (begun, rest) = chunk.split_at(cut);
        let calls = traced.during(|| {
            // An incomplete chunk line waits for its end; everything before it is forwarded at once.
            daemon.sends(format!("{chunk}{begun}"));
            client.gets(&chunk);
            daemon.sends(rest);
            client.gets(&chunk);
        });
        let copies = |call: &&String| {
            call.contains("send") || call.contains("recv") && !call.contains("MSG_PEEK")
        };
        let copies: Vec<_> = calls.iter().filter(copies).collect();
        assert!(copies.is_empty(), "{cut}: {copies:#?}");
    }
}
