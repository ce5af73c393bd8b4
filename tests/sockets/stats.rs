//! The responses of the stats socket, its independence of clients, and the command `status`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;

use super::ends::{End, accept};
use super::lab::{Folder, Lab, PING, PONG};

/// Maximum number of simultaneous connections to the stats socket.
const GUESTS: usize = 4;

/// A proxy with a stats socket, in a folder besides the lab's.
struct Desk {
    lab: Lab,
    folder: Folder,
}

impl Desk {
    fn new(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let socket = folder.join("stats");
        let own = ["--stats-socket", socket.to_str().unwrap()];
        let lab = Lab::with(&[arguments, &own].concat());
        Self { lab, folder }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("stats")
    }

    fn guest(&self) -> End {
        End::new(UnixStream::connect(self.socket()).unwrap())
    }

    /// Sends a GET; returns status and body.
    fn get(&self, target: &str) -> (u16, String) {
        let mut guest = self.guest();
        guest.sends(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        answer(&mut guest)
    }

    /// Returns a value of the metrics page.
    fn value(&self, series: &str) -> String {
        let (status, page) = self.get("/metrics");
        assert_eq!(status, 200);
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} in {page}")).to_owned()
    }

    /// Returns a count of the metrics page.
    fn count(&self, series: &str) -> usize {
        self.value(series).parse().unwrap()
    }

    fn status(&self) -> Output {
        status(&self.socket())
    }
}

fn status(socket: &std::path::Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
    command.args(["status", "--stats-socket"]).arg(socket).output().unwrap()
}

fn answer(guest: &mut End) -> (u16, String) {
    let head = guest.gets_head();
    let body = String::from_utf8(guest.gets_rest()).unwrap();
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

/// Plays the daemon for one readiness check.
fn daemon_answers(desk: &Desk, answer: &'static str) -> thread::JoinHandle<()> {
    let listener: UnixListener = desk.lab.daemon.try_clone().unwrap();
    thread::spawn(move || {
        let mut end = accept(&listener);
        assert!(end.gets_head().starts_with("GET /_ping HTTP/1.1\r\n"));
        end.sends(answer);
        end.is_closed();
    })
}

const CREATE: &str = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: ";

#[test]
fn what_happens_is_counted_and_the_page_tells_it() {
    let desk = Desk::new(&["--label", "ci.job=7"]);
    assert_eq!(fs::metadata(desk.socket()).unwrap().permissions().mode() & 0o777, 0o660);
    let (mut client, mut daemon) = desk.lab.pair();
    for _ in 0..3 {
        client.sends(PING);
        daemon.gets(PING);
        daemon.sends(PONG);
        client.gets(PONG);
    }
    let request = format!("{CREATE}2\r\n\r\n{{}}");
    client.sends(&request);
    let body = "{\"Labels\":{\"ci.job\":\"7\"}}";
    let rewritten = format!("{CREATE}{}\r\n\r\n{body}", body.len());
    daemon.gets(&rewritten);
    daemon.sends(PONG);
    client.gets(PONG);
    let (mut refused, _daemon) = desk.lab.pair();
    refused.sends(format!("{CREATE}2\r\n\r\n[]"));
    let refusal = refused.gets_head().len() + refused.gets_rest().len();
    let of = |class: &str, verdict: &str| {
        let name = "dockerd_ci_proxy_requests_total";
        desk.count(&format!("{name}{{class=\"{class}\",verdict=\"{verdict}\"}}"))
    };
    assert_eq!((of("read", "passed"), of("create", "labelled")), (3, 1));
    assert_eq!((of("create", "refused"), of("change", "passed")), (1, 0));
    let count = |name: &str| desk.count(&format!("dockerd_ci_proxy_{name}"));
    assert_eq!(count("refusals_total{reason=\"wrong_type\"}"), 1);
    assert_eq!(count("connections_total"), 2);
    assert_eq!(count("added_seconds_count"), 4);
    let sum: f64 = desk.value("dockerd_ci_proxy_added_seconds_sum").parse().unwrap();
    assert!(sum > 0.0 && sum < 30.0, "{sum}");
    assert_eq!(count("bytes_total{direction=\"to_daemon\"}"), 3 * PING.len() + rewritten.len());
    assert_eq!(count("bytes_total{direction=\"to_client\"}"), 4 * PONG.len() + refusal);
    assert_eq!((count("draining"), count("connections_open") >= 1), (0, true));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(count(&format!("build_info{{version=\"{version}\"}}")), 1);
}

#[test]
fn a_stream_is_counted_while_it_runs() {
    let desk = Desk::new(&[]);
    let (mut client, mut daemon) = desk.lab.tunnel();
    let before = desk.count("dockerd_ci_proxy_bytes_total{direction=\"to_client\"}");
    let piece = "x".repeat(300_000);
    let mut twin = daemon.twin();
    let sent = piece.clone();
    let sender = thread::spawn(move || twin.sends(sent));
    client.gets(&piece);
    sender.join().unwrap();
    let after = desk.count("dockerd_ci_proxy_bytes_total{direction=\"to_client\"}");
    assert_eq!(after - before, 300_000);
    daemon.sends("x");
    client.gets("x");
}

#[test]
fn ready_is_what_the_daemon_says() {
    let mut desk = Desk::new(&[]);
    assert_eq!(desk.get("/healthz"), (200, "ok\n".to_owned()));
    let daemon = daemon_answers(&desk, PONG);
    assert_eq!(desk.get("/readyz"), (200, "ready\n".to_owned()));
    daemon.join().unwrap();
    let daemon = daemon_answers(&desk, "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    let (status, why) = desk.get("/readyz");
    assert_eq!(status, 503);
    assert_eq!(why, "not ready: the daemon answered /_ping with status 500\n");
    daemon.join().unwrap();
    fs::remove_file(desk.lab.folder.join("daemon")).unwrap();
    let (status, why) = desk.get("/readyz");
    assert_eq!(status, 503);
    assert!(why.ends_with("/daemon is away: no such file or directory\n"), "{why}");
    desk.lab.daemon = UnixListener::bind(desk.lab.folder.join("daemon")).unwrap();
    let daemon = daemon_answers(&desk, PONG);
    assert_eq!(desk.get("/readyz").0, 200);
    daemon.join().unwrap();
}

#[test]
fn a_daemon_that_hangs_is_not_waited_for_and_nobody_else_waits() {
    let desk = Desk::new(&[]);
    let mut guest = desk.guest();
    guest.sends("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut hanging = desk.lab.accept();
    hanging.gets_head();
    let (mut client, mut daemon) = desk.lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    assert_eq!(desk.get("/healthz").0, 200);
    assert!(!guest.has_bytes());
    let (status, why) = answer(&mut guest);
    assert_eq!(status, 503);
    assert_eq!(why, "not ready: the daemon did not answer /_ping in 2 seconds\n");
    hanging.is_closed();
}

#[test]
fn guests_who_say_nothing_keep_nobody_out_for_long() {
    let desk = Desk::new(&[]);
    let start = Instant::now();
    let mut silent: Vec<_> = (0..GUESTS).map(|_| desk.guest()).collect();
    silent[0].sends("GET /metr");
    let mut late = desk.guest();
    late.sends("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let (mut client, mut daemon) = desk.lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    assert_eq!(answer(&mut late).0, 200);
    // Not before the timeout of one of the others.
    assert!(start.elapsed().as_secs() >= 4);
    for mut guest in silent {
        guest.is_closed();
    }
}

#[test]
fn what_is_no_question_is_refused() {
    let desk = Desk::new(&[]);
    assert_eq!(desk.get("/").0, 404);
    for (request, status) in [
        ("POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("\r\n".to_owned(), 400),
        (format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(8192)), 431),
    ] {
        let mut guest = desk.guest();
        guest.sends(&request);
        assert!(guest.gets_head().starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
    }
    let mut guest = desk.guest();
    guest.sends("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(guest.gets_head().starts_with("HTTP/1.1 200 "));
    assert_eq!(guest.gets_rest(), b"");
}

#[test]
fn a_proxy_that_ends_says_so_until_it_has_ended() {
    let mut desk = Desk::new(&["--drain-time", "infinity"]);
    let (mut client, mut daemon) = desk.lab.tunnel();
    desk.lab.proxy.terminate();
    assert_eq!(desk.get("/healthz").0, 200);
    assert_eq!(desk.get("/readyz"), (503, "not ready: the proxy is shutting down\n".to_owned()));
    assert_eq!(desk.count("dockerd_ci_proxy_draining"), 1);
    let told = desk.status();
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stdout).contains(", shutting down\n"), "{told:?}");
    client.half_closes();
    daemon.is_half_closed();
    drop((client, daemon));
    assert_eq!(desk.lab.proxy.await_exit().code(), Some(0));
    assert!(!desk.socket().exists());
}

#[test]
fn status_tells_how_it_is_and_ends_by_it() {
    let desk = Desk::new(&[]);
    let daemon = daemon_answers(&desk, PONG);
    let told = desk.status();
    daemon.join().unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(text.starts_with("version:   ") && text.contains("\ndaemon:    ready\n"), "{text}");
    fs::remove_file(desk.lab.folder.join("daemon")).unwrap();
    let told = desk.status();
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stdout).contains("\ndaemon:    not ready: "), "{told:?}");
    desk.lab.proxy.signal(Signal::TERM);
    // Without a listener, and with another program.
    let folder = Folder::new();
    let told = status(&folder.join("none"));
    assert_eq!(told.status.code(), Some(1));
    let words = String::from_utf8_lossy(&told.stderr);
    assert!(
        words.contains("status: nobody answers at ") && words.contains("No such file"),
        "{words}"
    );
    let other = UnixListener::bind(folder.join("other")).unwrap();
    let answers = thread::spawn(move || {
        let mut end = accept(&other);
        end.gets_head();
        end.sends("HTTP/1.1 200 OK\r\n\r\nup 1\n");
    });
    let told = status(&folder.join("other"));
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stderr).contains("no proxy of this kind"), "{told:?}");
    answers.join().unwrap();
}
