//! A relay between the proxy and the daemon, which counts questions and can fall silent.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

/// State that the threads of a relay share.
#[derive(Default)]
struct Shared {
    heads: Mutex<Vec<String>>,
    is_silent: AtomicBool,
}

pub(super) struct Relay {
    pub(super) socket: PathBuf,
    shared: Arc<Shared>,
}

impl Relay {
    pub(super) fn start(socket: PathBuf, daemon: &Path) -> Self {
        let listener = UnixListener::bind(&socket).unwrap();
        let shared = Arc::new(Shared::default());
        let (daemon, own) = (daemon.to_owned(), Arc::clone(&shared));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&own);
                let Ok(daemon) = UnixStream::connect(&daemon) else { continue };
                let (up, down) = (client.try_clone().unwrap(), daemon.try_clone().unwrap());
                thread::spawn(move || shared.copy(up, daemon));
                thread::spawn(move || Shared::default().copy(down, client));
            }
        });
        Self { socket, shared }
    }

    /// Counts the requests so far whose first line has this text.
    pub(super) fn count(&self, text: &str) -> usize {
        self.shared.heads.lock().unwrap().iter().filter(|head| head.contains(text)).count()
    }

    /// Holds all requests back, or passes them again.
    pub(super) fn silence(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::SeqCst);
    }
}

impl Shared {
    fn copy(&self, mut from: UnixStream, mut to: UnixStream) {
        let mut buffer = vec![0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            while self.is_silent.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(10));
            }
            let head = buffer[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
            self.heads.lock().unwrap().push(String::from_utf8_lossy(head).into_owned());
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }
}
