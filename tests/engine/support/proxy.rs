//! The built proxy as a process in front of one daemon socket.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::folder::Folder;
use super::wait::{eventually, until};

/// The proxy, stopped by SIGTERM when dropped. Its log is printed when the test fails.
pub(crate) struct Proxy {
    child: Child,
    folder: Folder,
    arguments: Vec<String>,
}

impl Proxy {
    /// Starts the proxy. `name` is unique; `arguments` follow those for the two sockets.
    pub(crate) fn start(daemon: &Path, name: &str, arguments: &[&str]) -> Self {
        Self::start_by(&[], daemon, name, arguments)
    }

    /// Starts the proxy with this configuration file, in which `FOLDER` stands for the folder of the proxy. The
    /// socket of its first listener must be `FOLDER/s`.
    pub(crate) fn configured(name: &str, file: &str) -> Self {
        let folder = Folder::new(name);
        let path = folder.join("config.toml");
        fs::write(&path, file.replace("FOLDER", folder.path().to_str().unwrap())).unwrap();
        Self::start_in(folder, &[], &["--config", path.to_str().unwrap()])
    }

    /// Starts the proxy through the command `before` and that of `DCP_TEST_UNDER`, which exec the proxy.
    pub(crate) fn start_by(before: &[&str], daemon: &Path, name: &str, arguments: &[&str]) -> Self {
        let folder = Folder::new(name);
        let (daemon, socket) = (daemon.to_str().unwrap(), folder.join("s"));
        let sockets = ["--dockersocket", daemon, "--listensocket", socket.to_str().unwrap()];
        Self::start_in(folder, before, &[&sockets, arguments].concat())
    }

    fn start_in(folder: Folder, before: &[&str], arguments: &[&str]) -> Self {
        // Through a link, which tests of an upgrade replace.
        symlink(binary(), folder.join("program")).unwrap();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let child = spawn(&folder, before, &arguments);
        let mut proxy = Self { child, folder, arguments };
        proxy.await_answer();
        proxy
    }

    /// Starts it again with the same arguments, after its end.
    pub(crate) fn start_again(&mut self, before: &[&str]) {
        self.child = spawn(&self.folder, before, &self.arguments);
        self.await_answer();
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    /// Returns the folder of this proxy, which is removed with it.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Sends SIGTERM, like a service manager.
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Kills it with SIGKILL. Its folder stays.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Replaces the program's file and upgrades by SIGHUP; returns the new process.
    pub(crate) fn upgrade(&self) -> Pid {
        let (new, name) = (self.folder.join("program-2"), self.folder.join("name"));
        // By another process: a child of another test could inherit our descriptor, and a file that is open for
        // writing cannot be executed.
        assert!(Command::new("cp").arg(binary()).arg(&new).status().unwrap().success());
        symlink(&new, &name).unwrap();
        fs::rename(name, self.folder.join("program")).unwrap();
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::HUP).unwrap();
        until("the new program serves", || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("serves from now on"))?;
            let number = line.split("process ").nth(1)?.split(' ').next()?;
            Pid::from_raw(number.parse().ok()?)
        })
    }

    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        until("the proxy ends", || self.child.try_wait().unwrap())
    }

    /// Counts its open sockets: two per client, with the daemon's.
    pub(crate) fn sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let targets = files.flatten().flat_map(|file| fs::read_link(file.path()));
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// Returns its peak memory in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn await_answer(&mut self) {
        until("the proxy answers", || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the proxy ended at once: {ended:?}");
            ping(&self.socket()).ok()
        });
    }

    /// Returns its log so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn show_log(&self) {
        eprintln!("log of the proxy:\n{}", self.log());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.terminate();
        }
        let ended = eventually(|| self.child.try_wait().ok()?);
        if ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            self.show_log();
        } else {
            assert!(ended.is_some(), "the proxy did not end on SIGTERM");
        }
    }
}

fn spawn(folder: &Folder, before: &[&str], arguments: &[String]) -> Child {
    let binary = folder.join("program");
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let under = std::env::var("DCP_TEST_UNDER").unwrap_or_default();
    let under: Vec<&str> = under.split_whitespace().collect();
    let words = [before, &under, &[binary.to_str().unwrap()]].concat();
    Command::new(words[0])
        .args(&words[1..])
        .args(arguments)
        .arg("--debug")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}

/// Returns the path of the tested proxy.
pub(crate) fn binary() -> String {
    std::env::var("DCP_TEST_BINARY")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_dockerd-ci-proxy").to_owned())
}

/// Succeeds on any answer, including an error about the daemon.
fn ping(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    stream.read_exact(&mut [0; 12])
}
