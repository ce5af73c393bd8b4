//! The docker command against one socket.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal};

use super::wait::{eventually, until};

/// The docker command with the socket that it uses.
pub(crate) struct Docker {
    /// The command itself.
    pub(crate) cli: String,
    host: String,
    config: PathBuf,
}

impl Docker {
    /// `config` replaces the user's own `~/.docker`, which may name another engine or a credential helper.
    pub(crate) fn new(socket: &Path, config: &Path) -> Self {
        let host = format!("unix://{}", socket.display());
        Self { cli: Self::program(), host, config: config.to_owned() }
    }

    /// Returns the name of the command, for tests that run it inside another one.
    pub(crate) fn program() -> String {
        std::env::var("DCP_TEST_DOCKER_CLI").unwrap_or_else(|_| "docker".to_owned())
    }

    /// Prepares a command that finds its engine through the environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for name in ["DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION"] {
            command.env_remove(name);
        }
        command
            .env("DOCKER_HOST", &self.host)
            .env("DOCKER_CONFIG", &self.config)
            // BuildKit is another protocol and has its own tests.
            .env("DOCKER_BUILDKIT", "0")
            .env("COMPOSE_DOCKER_CLI_BUILD", "0");
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(&self.cli);
        Running::start(command.args(arguments)).unwrap()
    }

    pub(crate) fn try_run(&self, arguments: &[&str]) -> io::Result<Finished> {
        let mut command = self.command(&self.cli);
        let finished = Running::start(command.args(arguments))?.try_finish();
        finished.ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.start(arguments).finish()
    }

    /// Runs with `input` on stdin, which is then closed.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Finished {
        let mut running = self.start(arguments);
        running.write(input);
        running.finish()
    }

    /// Runs a command that must succeed; returns its trimmed stdout.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments);
        assert_eq!(finished.code, Some(0), "docker {arguments:?}: {finished:?}");
        finished.out()
    }
}

/// A running command; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collector,
    stderr: Collector,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        Ok(Self {
            stdin: child.stdin.take(),
            stdout: Collector::new(child.stdout.take().unwrap()),
            stderr: Collector::new(child.stderr.take().unwrap()),
            child,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        // A command that does not read everything is judged by its output.
        let _ = stdin.write_all(bytes).and_then(|()| stdin.flush());
    }

    /// Closes stdin, like the end of a piped file.
    pub(crate) fn closes_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits until the running command has written `text` to stdout.
    pub(crate) fn await_output(&self, text: &str) {
        self.await_times(text, 1);
    }

    /// Waits until the running command has written `text` several times.
    pub(crate) fn await_times(&self, text: &str, times: usize) {
        until(&format!("{text:?} is written"), || {
            let seen = self.stdout.bytes();
            let count = String::from_utf8_lossy(&seen).matches(text).count();
            (count >= times).then_some(())
        });
    }

    /// Returns the stdout so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.stdout.bytes().is_empty()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
    }

    /// Sends SIGINT to its process group, as a terminal does for Ctrl-C. It must have been started as the leader
    /// of a process group.
    pub(crate) fn interrupt(&self) {
        let group = Pid::from_child(&self.child);
        rustix::process::kill_process_group(group, Signal::INT).unwrap();
    }

    /// Closes stdin and waits for the exit.
    pub(crate) fn finish(self) -> Finished {
        self.try_finish().expect("the command ends and closes its output")
    }

    fn try_finish(mut self) -> Option<Finished> {
        drop(self.stdin.take());
        let status = eventually(|| self.child.try_wait().ok()?)?;
        Some(Finished {
            code: status.code(),
            stdout: self.stdout.all()?,
            stderr: self.stderr.all()?,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Result of a command. The output is bytes, since not everything is text.
#[derive(PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Finished {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }

    /// Removes the lines that docker itself logs: they begin with the time, and one about a cancelled wait appears
    /// only sometimes.
    pub(crate) fn without_log(mut self) -> Self {
        let lines = self.stderr.split_inclusive(|byte| *byte == b'\n');
        self.stderr = lines.filter(|line| !line.starts_with(b"time=")).collect::<Vec<_>>().concat();
        self
    }
}

impl fmt::Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: String| text.chars().take(2000).collect::<String>();
        f.debug_struct("Finished")
            .field("code", &self.code)
            .field("stdout", &short(self.out()))
            .field("stderr", &short(self.err()))
            .finish()
    }
}

/// Reads a pipe to its end, so that the writer never blocks.
struct Collector {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Collector {
    fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buffer = vec![0; 65536];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                let mut bytes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.extend_from_slice(&buffer[..length]);
            }
        });
        Self { bytes, reader }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns everything, once the last writer has closed the pipe.
    fn all(&self) -> Option<Vec<u8>> {
        eventually(|| self.reader.is_finished().then(|| self.bytes()))
    }
}
