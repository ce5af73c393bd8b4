//! `run` as a process, and a scripted daemon.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::ends::End;
use crate::lab::{CHUNKED, Folder};
use crate::proxy::{binary, until};

/// A daemon without resources. It answers each request and keeps its head and body.
#[derive(Clone)]
pub(super) struct Daemon {
    requests: Arc<Mutex<Vec<String>>>,
    /// The answer to each list of networks, with `RUN` for the id of the run; if it is empty, there is no answer.
    pub(super) networks: Arc<Mutex<String>>,
}

impl Daemon {
    pub(super) fn new(path: &Path) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let daemon = Self { requests: Arc::default(), networks: Arc::new("[]".to_owned().into()) };
        let all = daemon.clone();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let daemon = all.clone();
                thread::spawn(move || serve(End::new(stream), &daemon));
            }
        });
        daemon
    }

    /// Returns the requests that contain a text.
    pub(super) fn with(&self, text: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.contains(text)).cloned().collect()
    }
}

/// Answers the requests of one connection. The log of a container has no end.
fn serve(mut end: End, daemon: &Daemon) {
    while let Some(head) = end.read_head() {
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        end.stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        daemon.requests.lock().unwrap().push(format!("{head}{body}"));
        let target = head.split(' ').nth(1).unwrap().split('?').next().unwrap();
        let target = target.strip_prefix("/v1.40").unwrap_or(target);
        let listed;
        let networks = daemon.networks.lock().unwrap().clone();
        let (status, answer) = match target {
            "/networks" if networks.is_empty() => {
                let _ = end.read_head();
                return;
            }
            "/networks" => {
                let id = head.split("dockerd-ci-proxy.run%3D").nth(1).unwrap_or_default();
                listed = networks.replace("RUN", id.get(..16).unwrap_or_default());
                ("200 OK", listed.as_str())
            }
            target if target.starts_with("/networks/") => {
                ("403 Forbidden", r#"{"message":"it has active endpoints"}"#)
            }
            "/_ping" => ("200 OK", "OK"),
            "/containers/x/logs" => {
                end.sends(CHUNKED);
                // Until the other side closes.
                let _ = end.read_head();
                return;
            }
            "/containers/create" => ("201 Created", r#"{"Id":"c"}"#),
            "/images/x/json" => ("404 Not Found", r#"{"message":"none"}"#),
            "/volumes" => ("200 OK", r#"{"Volumes":[]}"#),
            "/info" | "/version" => ("200 OK", "{}"),
            _ => ("200 OK", "[]"),
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
        if end.stream.write_all(format!("{head}{answer}").as_bytes()).is_err() {
            return;
        }
    }
}

/// A folder in which `run` runs, with the daemon's socket.
pub(super) struct Place {
    pub(super) folder: Folder,
    pub(super) daemon: Daemon,
}

/// The standard output, the standard error and the exit code of an ended process.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: Option<i32>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = Folder::new();
        let daemon = Daemon::new(&folder.join("daemon"));
        Self { folder, daemon }
    }

    /// Prepares `run` with flags, and a script as its command. No signal is ignored, unlike in the background of some
    /// shells.
    pub(super) fn script(&self, flags: &[&str], script: &str) -> Command {
        let words: Vec<&str> = flags.iter().chain(&["--", "sh", "-c", script]).copied().collect();
        self.command(&words)
    }

    /// Prepares `run` with these words.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("env");
        command.args(["--default-signal", &binary(), "run"]).args(words);
        command.env("DOCKER_HOST", format!("unix://{}", self.folder.join("daemon").display()));
        command.env("XDG_RUNTIME_DIR", self.folder.path());
        for name in ["DOCKER_CONTEXT", "DCP_DOCKER_SOCKET", "DCP_LABELS"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a script to its end.
    pub(super) fn runs(&self, flags: &[&str], script: &str) -> Ended {
        ended(self.script(flags, script))
    }

    /// Returns the directories of sockets.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_dir()).collect()
    }
}

pub(super) fn ended(mut command: Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

/// A running `run`; killed when dropped.
pub(super) struct Running {
    pub(super) child: Child,
    stdin: Option<ChildStdin>,
    pub(super) stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { stdin: child.stdin.take(), stdout, stderr, child }
    }

    /// Reads the next line of the standard output.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Reads the next line of the standard error.
    pub(super) fn error_line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.stderr.read_line(&mut line).unwrap() > 0, "the standard error has ended");
        line
    }

    /// Sends a signal to the proxy alone.
    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(super) fn writes(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end.
    pub(super) fn ends(mut self) -> Ended {
        drop(self.stdin.take());
        let status = until("run ends", || self.child.try_wait().unwrap());
        let (mut out, mut err) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.stderr.read_to_string(&mut err).unwrap();
        Ended { out, err, code: status.code() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
