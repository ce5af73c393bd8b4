//! The built proxy as a process; the test plays the daemon.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, recv};

use crate::support::player::profile;

/// Time limit, long enough for a slow and busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A proxy, killed when dropped, and the socket of its daemon.
pub(crate) struct Process {
    child: Child,
    folder: PathBuf,
    daemon: UnixListener,
}

impl Process {
    /// Starts a proxy with the values of the tests' player.
    pub(crate) fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dockerd-ci-proxy-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
        command.arg("--dockersocket").arg(folder.join("daemon"));
        command.arg("--listensocket").arg(folder.join("proxy"));
        let profile = profile();
        for label in profile.inject.labels() {
            command.arg("--label").arg(format!("{}={}", label.key, label.value));
        }
        command.arg("--cgroup-parent").arg(profile.inject.cgroup_parent().unwrap());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the proxy did not start");
        }
        // The rest of the log is read, so that the proxy never blocks.
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        // Only now, since the proxy asks a daemon that exists at startup.
        let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
        set_socket_timeout(&daemon, Timeout::Recv, Some(PATIENCE)).unwrap();
        Self { child, folder, daemon }
    }

    /// Connects a client; returns its connection and the proxy's next connection to the daemon, which is
    /// that of the client or [that for events](Self::after_events).
    pub(crate) fn connect(&self) -> (UnixStream, UnixStream) {
        let client = UnixStream::connect(self.folder.join("proxy")).unwrap();
        limit(&client);
        (client, self.accept())
    }

    /// Waits for the first bytes or the end of a connection of the proxy. If it requests the daemon's events,
    /// which the proxy does on a connection of its own, returns the proxy's next connection.
    pub(crate) fn after_events(&self, daemon: &UnixStream) -> Option<UnixStream> {
        let mut begin = [0_u8; EVENTS.len()];
        let length = recv(daemon, &mut begin, RecvFlags::PEEK).map_or(0, |(_, length)| length);
        begin.get(..length)?.eq(EVENTS).then(|| self.accept())
    }

    fn accept(&self) -> UnixStream {
        let daemon = self.daemon.accept().unwrap().0;
        limit(&daemon);
        daemon
    }
}

/// The beginning of the proxy's request for events. No recorded client sends it.
const EVENTS: &[u8] = b"GET /events?since=";

fn limit(stream: &UnixStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
