//! The store of a service manager, which keeps sockets while no proxy runs.

use std::collections::BTreeMap;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Message that ends the thread of a store.
const END: &str = "END";

/// Number from which on descriptors are free, beyond those that a proxy gets.
const FREE: i32 = 200;

type Sockets = Arc<Mutex<BTreeMap<String, OwnedFd>>>;

/// A service manager with the sockets that it was sent, by their names.
pub(super) struct Store {
    path: PathBuf,
    sockets: Sockets,
}

impl Store {
    /// Receives at this path from now on.
    pub(super) fn new(path: &Path) -> Self {
        let (manager, sockets) = (UnixDatagram::bind(path).unwrap(), Sockets::default());
        let shared = Arc::clone(&sockets);
        thread::spawn(move || while receive(&manager, &shared) {});
        Self { path: path.to_owned(), sockets }
    }

    /// Returns the setting of the environment by which a proxy finds it.
    pub(super) fn variable(&self) -> String {
        format!("NOTIFY_SOCKET={}", self.path.display())
    }

    pub(super) fn count(&self) -> usize {
        self.sockets.lock().unwrap().len()
    }

    /// Prepares its sockets for a proxy that is started before the result is dropped.
    pub(super) fn passed(&self) -> Passed {
        let sockets = self.sockets.lock().unwrap();
        let copy = |socket| {
            let copy = fcntl_dupfd_cloexec(socket, FREE).unwrap();
            fcntl_setfd(&copy, FdFlags::empty()).unwrap();
            copy
        };
        let copies: Vec<OwnedFd> = sockets.values().map(copy).collect();
        let names: Vec<&str> = sockets.keys().map(String::as_str).collect();
        let moved = copies.iter().zip(3..).map(|(copy, number)| {
            let from = copy.as_raw_fd();
            format!("{number}<&{from} {from}<&-")
        });
        let script = format!(
            "LISTEN_PID=$$ LISTEN_FDS={} LISTEN_FDNAMES={} exec \"$@\" {}",
            copies.len(),
            names.join(":"),
            moved.collect::<Vec<_>>().join(" ")
        );
        Passed { script, _copies: copies }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = UnixDatagram::unbound().unwrap().send_to(END.as_bytes(), &self.path);
    }
}

/// Sockets that a child process inherits.
pub(super) struct Passed {
    script: String,
    _copies: Vec<OwnedFd>,
}

impl Passed {
    /// Returns a script of bash that executes its arguments with the sockets, as a service manager does.
    pub(super) fn script(&self) -> &str {
        &self.script
    }
}

/// Receives a message. Returns `false` after the last one.
fn receive(manager: &UnixDatagram, sockets: &Sockets) -> bool {
    let mut text = [0; 1024];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let pieces = &mut [IoSliceMut::new(&mut text)];
    let got = recvmsg(manager, pieces, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let file = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let text = str::from_utf8(&text[..got.bytes]).unwrap();
    let name = text.lines().find_map(|line| line.strip_prefix("FDNAME="));
    if let Some(name) = name {
        let mut sockets = sockets.lock().unwrap();
        match file {
            Some(file) => drop(sockets.insert(name.to_owned(), file)),
            None => drop(sockets.remove(name)),
        }
    }
    text != END
}
