//! The built proxy as a process, with the daemon's socket in the hands of the test.

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

use crate::support::player::injection;

/// Longer than anything takes on a slow and busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A proxy that runs until this is dropped, and the socket of its daemon.
pub(crate) struct Process {
    child: Child,
    folder: PathBuf,
    daemon: UnixListener,
}

impl Process {
    /// Starts one that forces what the tests' player forces.
    pub(crate) fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dockerd-ci-proxy-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
        command.arg("--dockersocket").arg(folder.join("daemon"));
        command.arg("--listensocket").arg(folder.join("proxy"));
        let injection = injection();
        for label in injection.inject.labels() {
            command.arg("--label").arg(format!("{}={}", label.key, label.value));
        }
        command.arg("--cgroup-parent").arg(injection.inject.cgroup_parent().unwrap());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening on") {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "the proxy did not start");
        }
        // The rest is read so that the proxy never waits for us.
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        // Only now, for the proxy has questions to a daemon that is there when it starts.
        let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
        set_socket_timeout(&daemon, Timeout::Recv, Some(PATIENCE)).unwrap();
        Self { child, folder, daemon }
    }

    /// A client's connection to the proxy, and the proxy's to the daemon that goes with it.
    pub(crate) fn connect(&self) -> (UnixStream, UnixStream) {
        let client = UnixStream::connect(self.folder.join("proxy")).unwrap();
        let accepted = || self.daemon.accept().unwrap().0;
        let mut daemon = accepted();
        // A connection for the daemon's events was made, and has asked for them, before the client's.
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
