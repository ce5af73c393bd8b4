//! Upgrade by SIGHUP: a new process takes over the listening sockets.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

use super::crowds::answer_all;
use super::ends::{End, accept};
use super::lab::{CHUNKED, Folder, LOGS, Lab, PING, PONG};
use super::manager::Manager;
use super::proxy::{Proxy, binary, raise_own_limit, until};

/// A process that took over; killed when dropped.
pub(crate) struct Next {
    pub(crate) number: i32,
}

impl Next {
    /// Waits for the `count`th new process in the log of `proxy`.
    pub(crate) fn of(proxy: &Proxy, count: usize) -> Self {
        let number = until("a new process serves", || {
            let log = proxy.log();
            let mut lines = log.lines().filter(|line| line.contains("serves from now on"));
            let line = lines.nth(count - 1)?;
            line.split("process ").nth(1)?.split(' ').next()?.parse().ok()
        });
        Self { number }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.number).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn status(&self, field: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.number)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.trim().to_owned())
    }

    pub(crate) fn await_end(&self) {
        // It is not a child of the test, so at most a zombie remains.
        until("the new process ends", || {
            self.status("State:").is_none_or(|state| state.starts_with('Z')).then_some(())
        });
    }
}

impl Drop for Next {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::KILL);
    }
}

/// Starts a proxy through the command `tracer`; its program is a file in this folder, which can be replaced.
pub(crate) fn with_program(folder: &Folder, tracer: &[&str]) -> (Lab, PathBuf) {
    with_flags(folder, tracer, &["--label", "ci.job=7"])
}

/// Does the same with these flags.
pub(crate) fn with_flags(folder: &Folder, tracer: &[&str], flags: &[&str]) -> (Lab, PathBuf) {
    let program = folder.join("program");
    fs::copy(binary(), &program).unwrap();
    (Lab::start(tracer, &program, flags, None), program)
}

/// Replaces the program, like a package manager.
pub(crate) fn replace(program: &PathBuf, content: &[u8]) {
    let new = program.with_extension("new");
    // Written by another process: a child of another test could inherit our descriptor, and a file that is open
    // for writing cannot be executed.
    let mut writer = Command::new("sh");
    writer.args(["-c", "cat >\"$0\""]).arg(&new).stdin(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    writer.stdin.take().unwrap().write_all(content).unwrap();
    assert!(writer.wait().unwrap().success());
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, program).unwrap();
}

/// Makes an exchange of a new client; returns the pid of the process that connected to the daemon.
pub(crate) fn served_by(lab: &Lab) -> i32 {
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    socket_peercred(&daemon.stream).unwrap().pid.as_raw_nonzero().get()
}

#[test]
fn new_clients_meet_the_new_program_and_streams_end_in_the_old_one() {
    let folder = Folder::new();
    let (mut lab, program) = with_program(&folder, &[]);
    let (mut client, mut daemon) = lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.gets(CHUNKED);
    let old = served_by(&lab);
    replace(&program, &fs::read(&program).unwrap());
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    assert_eq!(served_by(&lab), next.number);
    assert_ne!(old, next.number);
    let runs = fs::metadata(format!("/proc/{}/exe", next.number)).unwrap();
    assert_eq!(runs.ino(), fs::metadata(&program).unwrap().ino());
    // It is not a child of the old process.
    assert_ne!(next.status("PPid:"), Some(old.to_string()));
    daemon.sends("2\r\nhi\r\n");
    client.gets("2\r\nhi\r\n");
    assert!(lab.proxy.is_running());
    daemon.sends("0\r\n\r\n");
    client.gets("0\r\n\r\n");
    drop(client);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    // The socket belongs to the new process, which removes it at its exit.
    assert_eq!(served_by(&lab), next.number);
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!lab.listen().exists());
}

#[test]
fn a_program_that_cannot_take_over_changes_nothing() {
    let folder = Folder::new();
    let (mut lab, program) = with_program(&folder, &[]);
    let old = served_by(&lab);
    let broken = ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello >&0\nsleep 100\n", "no program"];
    for (count, content) in broken.iter().enumerate() {
        replace(&program, content.as_bytes());
        lab.proxy.signal(Signal::HUP);
        until("it has failed", || {
            let failures = lab.proxy.log().matches("cannot hand over to another process").count();
            (failures > count).then_some(())
        });
        assert_eq!(served_by(&lab), old);
    }
    let log = lab.proxy.log();
    assert!(log.contains("it ended before it could serve; serving on"), "{log}");
    assert!(log.contains("what was started is not this program; serving on"), "{log}");
    assert!(lab.proxy.is_running() && lab.listen().exists());
}

#[test]
fn a_link_in_path_leads_to_the_new_program() {
    let folder = Folder::new();
    let link = folder.join("program");
    let [before, after] = ["before", "after"].map(|name| folder.join(name));
    for file in [&before, &after] {
        replace(file, &fs::read(binary()).unwrap());
    }
    symlink(&before, &link).unwrap();
    let others = std::env::var("PATH").unwrap_or_default();
    let path = format!("PATH={}:{others}", folder.path().display());
    let lab = Lab::of(&["env", &path], Path::new("program"));
    fs::remove_file(&link).unwrap();
    symlink(&after, &link).unwrap();
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    let runs = fs::metadata(format!("/proc/{}/exe", next.number)).unwrap();
    assert_eq!(runs.ino(), fs::metadata(&after).unwrap().ino());
}

/// The program fails after it has got the sockets.
#[test]
fn a_program_that_fails_with_the_sockets_leaves_their_files() {
    let folder = Folder::new();
    let stats = folder.join("stats");
    let variable = format!("DCP_STATS_SOCKET={}", stats.display());
    let (mut lab, program) = with_program(&folder, &["env", &variable]);
    let whole = fs::read(&program).unwrap();
    let old = served_by(&lab);
    let refused = format!("#!/bin/sh\nexec {} \"$@\" --refused\n", binary());
    replace(&program, refused.as_bytes());
    lab.proxy.signal(Signal::HUP);
    lab.proxy.await_log("it ended before it could serve; serving on");
    assert!(lab.proxy.log().contains("--refused"));
    assert_eq!(served_by(&lab), old);
    UnixStream::connect(&stats).unwrap();
    replace(&program, &whole);
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert_eq!(served_by(&lab), next.number);
    UnixStream::connect(&stats).unwrap();
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!lab.listen().exists() && !stats.exists());
}

#[test]
fn a_program_that_says_nothing_is_given_up() {
    let folder = Folder::new();
    let (lab, program) = with_program(&folder, &[]);
    let old = served_by(&lab);
    replace(&program, b"#!/bin/sh\nexec sleep 100\n");
    lab.proxy.signal(Signal::HUP);
    lab.proxy.await_log("starting ");
    lab.proxy.signal(Signal::HUP);
    lab.proxy.await_log("another process is being started already");
    thread::sleep(Duration::from_secs(25));
    lab.proxy.await_log("it was not prepared after 30 seconds; serving on");
    assert_eq!(served_by(&lab), old);
}

#[test]
fn under_load_no_connection_fails() {
    let lab = Lab::new();
    answer_all(&lab.daemon);
    let (over, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ask = |client: &mut End| {
        client.sends(PING);
        client.gets(PONG);
        count.fetch_add(1, Ordering::Relaxed);
    };
    let _last = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    ask(&mut lab.client());
                }
            });
            scope.spawn(|| {
                let mut client = lab.client();
                while !over.load(Ordering::Relaxed) {
                    ask(&mut client);
                }
            });
        }
        lab.proxy.signal(Signal::HUP);
        let mut next = Next::of(&lab.proxy, 1);
        for turn in 2..6 {
            let before = count.load(Ordering::Relaxed);
            until("clients are served", || {
                (count.load(Ordering::Relaxed) > before + 200).then_some(())
            });
            next.signal(Signal::HUP);
            let later = Next::of(&lab.proxy, turn);
            // The old process continues to serve its clients.
            std::mem::forget(std::mem::replace(&mut next, later));
        }
        over.store(true, Ordering::Relaxed);
        next
    });
    assert_eq!(lab.proxy.warnings(), [""; 0]);
}

/// systemd sends SIGTERM to all processes of a service, and again to those that remain.
#[test]
fn the_old_process_drains_however_often_it_is_told_to_stop() {
    let mut lab = Lab::with(&["--drain-time", "3s"]);
    let (mut client, mut daemon) = lab.tunnel();
    let (mut other, mut its_daemon) = lab.tunnel();
    let (mut streams, mut third_daemon) = lab.asked(LOGS);
    lab.proxy.signal(Signal::HUP);
    let _next = Next::of(&lab.proxy, 1);
    for _ in 0..3 {
        lab.proxy.terminate();
        client.sends("x");
        daemon.gets("x");
    }
    // A request behind the running one begins no exchange, since another process serves.
    streams.sends(PING);
    third_daemon.sends([CHUNKED, "0\r\n\r\n"].concat());
    streams.gets([CHUNKED, "0\r\n\r\n"].concat());
    assert!(streams.gets_head().starts_with("HTTP/1.1 503 "));
    let words = "the proxy is shutting down and takes no new requests; try again when it is back";
    let answer = format!("{{\"message\":\"dockerd-ci-proxy: {words}\"}}\n");
    assert_eq!(String::from_utf8(streams.gets_rest()).unwrap(), answer);
    third_daemon.is_closed();
    drop(streams);
    assert!(lab.proxy.is_running());
    drop((client, daemon));
    other.sends("x");
    its_daemon.gets("x");
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    other.is_closed();
    assert!(lab.proxy.log().contains("stopped; 1 connections were cut off"));
}

#[test]
fn passed_sockets_are_passed_on() {
    let folder = Folder::new();
    let sockets = ["one", "two"].map(|name| UnixListener::bind(folder.join(name)).unwrap());
    let mut proxy = Proxy::activated(folder.path(), sockets, "one:two", &[]);
    proxy.await_listening();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    for name in ["one", "two"] {
        let mut client = End::new(UnixStream::connect(folder.join(name)).unwrap());
        client.sends(PING);
        let mut end = accept(&daemon);
        end.gets(PING);
        end.sends(PONG);
        client.gets(PONG);
        let peer = socket_peercred(&end.stream).unwrap().pid;
        assert_eq!(peer, next.pid());
    }
    next.signal(Signal::TERM);
    next.await_end();
    assert!(folder.join("one").exists() && folder.join("two").exists());
}

/// One message has at most 253 sockets.
#[test]
fn hundreds_of_sockets_are_passed_on() {
    let folder = Folder::new();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let at = |number: usize| folder.join(&format!("listen-{number}"));
    let listener = |number| {
        let (socket, daemon) = (at(number), folder.join("daemon"));
        format!(
            "[[listener]]\nname = \"l{number}\"\nsocket = {socket:?}\ndaemon = {daemon:?}\nlabels = {{ a = \"b\" }}\n"
        )
    };
    let config: String = (0..600).map(listener).collect();
    fs::write(folder.join("config.toml"), config).unwrap();
    raise_own_limit();
    let mut proxy = Proxy::configured(folder.path(), None);
    proxy.await_listening();
    proxy.await_log("l599: listening on ");
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    for number in [0, 252, 253, 599] {
        let mut client = End::new(UnixStream::connect(at(number)).unwrap());
        client.sends(PING);
        let mut end = accept(&daemon);
        end.gets(PING);
        end.sends(PONG);
        client.gets(PONG);
        assert_eq!(socket_peercred(&end.stream).unwrap().pid, next.pid());
    }
    next.signal(Signal::TERM);
    next.await_end();
    assert!((0..600).all(|number| !at(number).exists()));
}

#[test]
fn the_stats_socket_is_passed_on() {
    let folder = Folder::new();
    let path = folder.join("stats");
    let mut lab = Lab::with(&["--stats-socket", path.to_str().unwrap()]);
    let (stream, daemon) = lab.tunnel();
    lab.proxy.signal(Signal::HUP);
    let next = Next::of(&lab.proxy, 1);
    let ask = || {
        let mut guest = End::new(UnixStream::connect(&path).unwrap());
        guest.sends("GET /healthz HTTP/1.1\r\nHost: d\r\n\r\n");
        assert!(guest.gets_head().starts_with("HTTP/1.1 200 "));
    };
    ask();
    drop((stream, daemon));
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    ask();
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!path.exists());
}

/// Both processes have the socket open, but the old one accepts no more clients.
#[test]
fn new_clients_do_not_wake_the_old_process() {
    let lab = Lab::new();
    let (_client, _daemon) = lab.tunnel();
    lab.proxy.signal(Signal::HUP);
    let _next = Next::of(&lab.proxy, 1);
    let before = lab.proxy.wakes();
    for _ in 0..100 {
        served_by(&lab);
    }
    let woken = lab.proxy.wakes() - before;
    assert!(woken < 20, "{woken} times");
}

#[test]
fn the_manager_is_told_who_serves_before_that_one_speaks() {
    let manager = Manager::new();
    let lab = manager.lab(10_000_000);
    manager.awaits("READY=1");
    lab.proxy.signal(Signal::HUP);
    let told = manager.awaits("RELOADING=1");
    assert!(told.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{told:?}");
    let next = Next::of(&lab.proxy, 1);
    let mut lines = manager.hears();
    while !lines[0].starts_with("MAINPID=") {
        assert!(!lines.contains(&"READY=1".to_owned()), "{lines:?}");
        lines = manager.hears();
    }
    assert_eq!(lines, [format!("MAINPID={}", next.number)]);
    let ready = manager.hears();
    assert_eq!((ready[0].as_str(), ready[1].as_str()), ("READY=1", "WATCHDOG=1"));
    // The old process sends no more notifications, not even at its exit.
    next.signal(Signal::TERM);
    manager.awaits("STOPPING=1");
}

#[test]
fn the_manager_is_told_when_nobody_takes_over() {
    let manager = Manager::new();
    let folder = Folder::new();
    let socket = format!("NOTIFY_SOCKET={}", manager.path().display());
    let (lab, program) = with_program(&folder, &["env", &socket]);
    manager.awaits("READY=1");
    replace(&program, b"#!/bin/sh\nexit 1\n");
    lab.proxy.signal(Signal::HUP);
    manager.awaits("RELOADING=1");
    manager.awaits("READY=1");
    lab.proxy.await_log("serving on");
}

#[test]
fn the_manager_hears_of_us_again_when_who_was_to_serve_has_ended() {
    let manager = Manager::new();
    let folder = Folder::new();
    let socket = format!("NOTIFY_SOCKET={}", manager.path().display());
    let (lab, program) = with_program(&folder, &["env", &socket, "WATCHDOG_USEC=1000000"]);
    // Pid 1 cannot be the successor. The program exits after the message was read.
    replace(&program, b"#!/bin/sh\necho 1 >&0\nsleep 1\n");
    lab.proxy.signal(Signal::HUP);
    manager.awaits("MAINPID=1");
    let told = manager.awaits(&format!("MAINPID={}", served_by(&lab)));
    assert_eq!(told[1], "READY=1");
    manager.awaits("WATCHDOG=1");
    manager.awaits("WATCHDOG=1");
}
