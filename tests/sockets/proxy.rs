//! The built proxy as a process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit, setrlimit};

/// Time limit, long enough for a slow and busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the tested proxy: that of `DCP_TEST_BINARY`, else the one that cargo built.
pub(crate) fn binary() -> String {
    std::env::var("DCP_TEST_BINARY")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_dockerd-ci-proxy").to_owned())
}

/// Calls `probe` until it returns a value; fails the test at the time limit.
pub(crate) fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = probe() {
            return answer;
        }
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        sleep(Duration::from_millis(2));
    }
}

/// Raises this process's limit of open files, since it holds both ends of every connection.
pub(crate) fn raise_own_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
}

/// Returns the command line of the tested program, behind the words of `DCP_TEST_UNDER`, a command that execs
/// its arguments.
fn program(path: &Path) -> Vec<OsString> {
    let under = std::env::var("DCP_TEST_UNDER").unwrap_or_default();
    let words = under.split_whitespace().map(OsString::from);
    words.chain([path.into()]).collect()
}

/// A running proxy; killed when dropped. Its log is printed when the test fails.
pub(crate) struct Proxy {
    child: Child,
    log: PathBuf,
}

impl Proxy {
    /// Starts the proxy with the sockets `listen` and `daemon` in `folder`.
    pub(crate) fn spawn(folder: &Path, arguments: &[&str], open_files: Option<u32>) -> Self {
        Self::spawn_under(&[], Path::new(&binary()), folder, arguments, open_files)
    }

    /// Starts this `binary` through the command `tracer`, which execs it.
    pub(crate) fn spawn_under(
        tracer: &[&str],
        binary: &Path,
        folder: &Path,
        arguments: &[&str],
        open_files: Option<u32>,
    ) -> Self {
        let log = folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let limit = open_files.map_or(String::new(), |files| format!("ulimit -n {files}; "));
        let child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$@\""), "sh"])
            .args(tracer)
            .args(program(binary))
            .arg("--dockersocket")
            .arg(folder.join("daemon"))
            .arg("--listensocket")
            .arg(folder.join("listen"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Starts the proxy in `folder` like a service manager, with two passed sockets called `names` and without
    /// `--listensocket`.
    pub(crate) fn activated(
        folder: &Path,
        sockets: [UnixListener; 2],
        names: &str,
        arguments: &[&str],
    ) -> Self {
        let log = folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let [first, second] = sockets;
        let child = Command::new("sh")
            .args(["-c", "LISTEN_PID=$$ exec \"$@\" 3<&0 4<&1 </dev/null >&2", "sh"])
            .args(program(Path::new(&binary())))
            .arg("--dockersocket")
            .arg(folder.join("daemon"))
            .args(arguments)
            .envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", names)])
            .stdin(OwnedFd::from(first))
            .stdout(OwnedFd::from(second))
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Starts the proxy with the sockets `listen` and `daemon` in `folder` like a service manager that has a
    /// socket of this name in its store.
    pub(crate) fn restarted(
        folder: &Path,
        (socket, name): (UnixListener, &str),
        environment: &[(&str, &Path)],
        arguments: &[&str],
    ) -> Self {
        let log = folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let child = Command::new("sh")
            .args(["-c", "LISTEN_PID=$$ exec \"$@\" 3<&0 </dev/null >&2", "sh"])
            .args(program(Path::new(&binary())))
            .arg("--dockersocket")
            .arg(folder.join("daemon"))
            .arg("--listensocket")
            .arg(folder.join("listen"))
            .args(arguments)
            .envs([("LISTEN_FDS", "1"), ("LISTEN_FDNAMES", name)])
            .envs(environment.iter().copied())
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// Starts the proxy with the configuration file `config.toml` in `folder`. With `names`, it gets two passed
    /// sockets with these names, like from a service manager.
    pub(crate) fn configured(folder: &Path, passed: Option<([UnixListener; 2], &str)>) -> Self {
        let log = folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = Command::new("sh");
        let script = match passed {
            Some(_) => "LISTEN_PID=$$ exec \"$@\" 3<&0 4<&1 </dev/null >&2",
            None => "exec \"$@\"",
        };
        command.args(["-c", script, "sh"]).args(program(Path::new(&binary())));
        command.arg("--config").arg(folder.join("config.toml"));
        if let Some(([first, second], names)) = passed {
            command.envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", names)]);
            command.stdin(OwnedFd::from(first)).stdout(OwnedFd::from(second));
        } else {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        }
        Self { child: command.stderr(file).spawn().unwrap(), log }
    }

    /// Waits until clients can connect.
    pub(crate) fn await_listening(&mut self) {
        until("the proxy listens", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the proxy ended at once: {ended:?}\n{}", self.log());
            self.log().contains("listening on ").then_some(())
        });
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Returns the warnings in the log, except for the missing daemon at startup, which is usual in a lab.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let log = self.log();
        let warnings = log.lines().filter(|line| line.contains("warn"));
        let warnings =
            warnings.filter(|line| !line.contains("does not exist; clients get an error"));
        warnings.map(ToOwned::to_owned).collect()
    }

    /// Waits for a log line with `text`.
    pub(crate) fn await_log(&self, text: &str) {
        until(&format!("the log says {text:?}"), || self.log().contains(text).then_some(()));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Sends SIGTERM and waits until the proxy has noticed.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
        self.await_log("stopping: ");
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        until("the proxy ends", || self.child.try_wait().unwrap())
    }

    /// Returns `true` if it sleeps, which it only does while it waits for events.
    pub(crate) fn sleeps(&self) -> bool {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        status.lines().any(|line| line == "State:\tS (sleeping)")
    }

    /// Returns how often it has waited for events.
    pub(crate) fn wakes(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.unwrap().trim().parse().unwrap()
    }

    /// Counts its open files.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(self.proc("fd")).unwrap().count()
    }

    /// Counts its open sockets; three of them belong to no client.
    pub(crate) fn sockets(&self) -> usize {
        let files = fs::read_dir(self.proc("fd")).unwrap().flatten();
        let targets = files.flat_map(|file| fs::read_link(file.path()));
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Sets its limit of open files; returns the previous limit.
    pub(crate) fn limit_files(&self, files: usize) -> usize {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: Some(files as u64), maximum };
        let before = prlimit(Some(self.pid()), Resource::Nofile, limit).unwrap();
        before.current.map_or(usize::MAX, |files| usize::try_from(files).unwrap())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap()).unwrap()
    }

    /// Returns its processor time in ticks of 10 ms.
    pub(crate) fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(self.proc("stat")).unwrap();
        // The name, in parentheses, may contain blanks; user and system time are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// Returns its memory in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.child.id())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            // Only the end, since a long soak has a long log.
            let last = lines[lines.len().saturating_sub(200)..].join("\n");
            eprintln!("log of the proxy:\n{last}");
        }
    }
}
