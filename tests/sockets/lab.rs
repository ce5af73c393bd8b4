//! A proxy between a scripted daemon and scripted clients, in its own folder.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::ends::{End, accept};
use super::proxy::{Proxy, binary};

/// A folder that is removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("dcp-s-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running proxy and its daemon's socket.
pub(crate) struct Lab {
    /// Declared before the folder, so that it is dropped first.
    pub(crate) proxy: Proxy,
    pub(crate) daemon: UnixListener,
    pub(crate) folder: Folder,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(&["--label", "ci.job=7"])
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::start(&[], Path::new(&binary()), arguments, None)
    }

    /// Starts the proxy through the command `tracer`, which execs it.
    pub(crate) fn under(tracer: &[&str]) -> Self {
        Self::start(tracer, Path::new(&binary()), &["--label", "ci.job=7"], None)
    }

    /// Starts the program in this file through the command `tracer`, which execs it.
    pub(crate) fn of(tracer: &[&str], file: &Path) -> Self {
        Self::start(tracer, file, &["--label", "ci.job=7"], None)
    }

    /// Starts the proxy with a limit of open files.
    pub(crate) fn with_files(arguments: &[&str], files: u32) -> Self {
        Self::start(&[], Path::new(&binary()), arguments, Some(files))
    }

    pub(crate) fn start(
        tracer: &[&str],
        file: &Path,
        arguments: &[&str],
        files: Option<u32>,
    ) -> Self {
        let folder = Folder::new();
        // Before the daemon's socket exists, since with a cgroup parent the proxy would ask the daemon at startup.
        let mut proxy = Proxy::spawn_under(tracer, file, folder.path(), arguments, files);
        proxy.await_listening();
        let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
        Self { proxy, daemon, folder }
    }

    pub(crate) fn listen(&self) -> PathBuf {
        self.folder.join("listen")
    }

    /// Connects a client.
    pub(crate) fn client(&self) -> End {
        End::new(UnixStream::connect(self.listen()).unwrap())
    }

    /// Accepts the proxy's next connection to the daemon.
    pub(crate) fn accept(&self) -> End {
        accept(&self.daemon)
    }

    /// Connects a client; returns it and the daemon's end.
    pub(crate) fn pair(&self) -> (End, End) {
        (self.client(), self.accept())
    }

    /// Connects a client and passes its request (method, target and fields) to the daemon; returns both ends.
    pub(crate) fn asked(&self, request: &str) -> (End, End) {
        let (mut client, mut daemon) = self.pair();
        client.sends(request);
        daemon.gets(request);
        (client, daemon)
    }

    /// Opens a tunnel between a client and the daemon; returns both ends.
    pub(crate) fn tunnel(&self) -> (End, End) {
        let (mut client, mut daemon) = self.asked(ATTACH);
        daemon.sends(UPGRADED);
        client.gets(UPGRADED);
        (client, daemon)
    }
}

pub(crate) const PING: &str = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
pub(crate) const PONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
pub(crate) const LOGS: &str = "GET /containers/x/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n";
pub(crate) const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
pub(crate) const ATTACH: &str = "POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
pub(crate) const UPGRADED: &str =
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
