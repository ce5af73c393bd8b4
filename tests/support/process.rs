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

    /// Connects a client; returns its connection and the proxy's connection to the daemon.
    pub(crate) fn connect(&self) -> (UnixStream, UnixStream) {
        let client = UnixStream::connect(self.folder.join("proxy")).unwrap();
        let accepted = || self.daemon.accept().unwrap().0;
        let mut daemon = accepted();
        // The proxy connects for the daemon's events, and requests them, before the client's connection.
        while has_bytes(&daemon) {
            daemon = accepted();
        }
        for stream in [&client, &daemon] {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
        }
        (client, daemon)
    }
}

fn has_bytes(stream: &UnixStream) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    recv(stream, &mut [0_u8; 1], flags).is_ok_and(|(_, length)| length > 0)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
