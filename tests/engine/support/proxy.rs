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

/// The proxy, ended by SIGTERM when dropped. Its log is shown when the test fails.
pub(crate) struct Proxy {
    child: Child,
    folder: Folder,
}

impl Proxy {
    /// `name` is unique; `arguments` are the ones besides the two sockets.
    pub(crate) fn start(daemon: &Path, name: &str, arguments: &[&str]) -> Self {
        Self::start_by(&[], daemon, name, arguments)
    }

    /// Started by the command `before`, and that in `DCP_TEST_UNDER`, which go on as the proxy.
    pub(crate) fn start_by(before: &[&str], daemon: &Path, name: &str, arguments: &[&str]) -> Self {
        let folder = Folder::new(name);
        // By a link, to be replaced by tests of an upgrade.
        let binary = folder.join("program");
        symlink(self::binary(), &binary).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let under = std::env::var("DCP_TEST_UNDER").unwrap_or_default();
        let under: Vec<&str> = under.split_whitespace().collect();
        let words = [before, &under, &[binary.to_str().unwrap()]].concat();
        let child = Command::new(words[0])
            .args(&words[1..])
            .arg("--dockersocket")
            .arg(daemon)
            .arg("--listensocket")
            .arg(folder.join("s"))
            .arg("--debug")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let mut proxy = Self { child, folder };
        proxy.await_answer();
        proxy
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("s")
    }

    /// A folder of this proxy's own, removed with it.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// Puts another file with the program in its place and lets it take over; its number.
    pub(crate) fn upgrade(&self) -> Pid {
        let (new, name) = (self.folder.join("program-2"), self.folder.join("name"));
        fs::copy(binary(), &new).unwrap();
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

    /// How many sockets it has open: a client's connection is two, with the daemon's.
    pub(crate) fn sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let targets = files.flatten().flat_map(|file| fs::read_link(file.path()));
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// The most memory that it has had, in KiB.
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

    /// What it has logged so far.
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

/// The proxy to test.
pub(crate) fn binary() -> String {
    std::env::var("DCP_TEST_BINARY")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_dockerd-ci-proxy").to_owned())
}

/// Any answer will do: that the daemon is away is one, too.
fn ping(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    stream.read_exact(&mut [0; 12])
}
