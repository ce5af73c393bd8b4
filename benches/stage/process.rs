//! A process that listens on a socket, and the kernel's accounting of it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time limit of a start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder for sockets and logs; removed with its content when dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    /// Creates a folder below the system's folder for temporary files.
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dcp-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that listens on a socket; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Path of its socket.
    pub(crate) socket: PathBuf,
}

impl Process {
    /// Starts a process and waits until it accepts connections at `socket`. Its output goes to a file
    /// beside the socket.
    pub(crate) fn start(program: &OsStr, arguments: &[&OsStr], socket: &Path) -> Self {
        let mut process = Self::launch(program, arguments, socket);
        let started = Instant::now();
        while !process.listens() {
            let ended = process.child.try_wait().unwrap();
            let late = started.elapsed() > PATIENCE;
            let program = program.display();
            assert!(ended.is_none() && !late, "{program} did not start: {}", process.log());
            sleep(Duration::from_millis(5));
        }
        process
    }

    /// Starts a process and does not wait.
    pub(crate) fn launch(program: &OsStr, arguments: &[&OsStr], socket: &Path) -> Self {
        let log = File::create(socket.with_extension("log")).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        Self { child, socket: socket.to_owned() }
    }

    /// Returns `true` if it accepts connections.
    pub(crate) fn listens(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    /// Returns its output so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.socket.with_extension("log")).unwrap_or_default()
    }

    /// Returns the processor time of the process and of its running children.
    pub(crate) fn cpu(&self) -> Duration {
        cpu(self.child.id())
    }

    /// Returns a memory value of `/proc/PID/status` in KiB.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Sends SIGTERM and waits for the exit.
    pub(crate) fn terminate(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the scheduler's processor time, in nanoseconds, of all threads and all children.
fn cpu(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Duration::ZERO;
    };
    let mut sum = Duration::ZERO;
    for thread in threads.flatten() {
        let read = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        let used = read("schedstat").split_whitespace().next().map_or(0, |n| n.parse().unwrap());
        sum += Duration::from_nanos(used);
        sum += read("children")
            .split_whitespace()
            .map(|pid| cpu(pid.parse().unwrap()))
            .sum::<Duration>();
    }
    sum
}
