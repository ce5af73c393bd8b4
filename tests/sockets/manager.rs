//! Notifications to the service manager, which the test plays.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::PathBuf;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::Signal;

use super::lab::{Folder, Lab, PING, PONG};
use super::proxy::PATIENCE;

/// A service manager's socket.
pub(crate) struct Manager {
    socket: UnixDatagram,
    folder: Folder,
}

impl Manager {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let socket = UnixDatagram::bind(folder.join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("notify")
    }

    /// Starts a proxy with a watchdog time of so many microseconds.
    pub(crate) fn lab(&self, watchdog: u32) -> Lab {
        let socket = format!("NOTIFY_SOCKET={}", self.path().display());
        Lab::under(&["env", &socket, &format!("WATCHDOG_USEC={watchdog}")])
    }

    /// Returns the lines of the next message.
    pub(crate) fn hears(&self) -> Vec<String> {
        let mut text = [0; 1024];
        let length = self.socket.recv(&mut text).expect("nothing was told");
        str::from_utf8(&text[..length]).unwrap().lines().map(str::to_owned).collect()
    }

    /// Waits for a message with this line; returns the whole message.
    pub(crate) fn awaits(&self, wanted: &str) -> Vec<String> {
        loop {
            let lines = self.hears();
            if lines.iter().any(|line| line == wanted) {
                return lines;
            }
        }
    }

    /// Waits for the next socket that is to be stored; returns it with its name.
    pub(crate) fn awaits_socket(&self) -> (UnixListener, String) {
        loop {
            let mut text = [0; 1024];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let pieces = &mut [IoSliceMut::new(&mut text)];
            let got = recvmsg(&self.socket, pieces, &mut control, RecvFlags::empty()).unwrap();
            let file = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                _ => None,
            });
            if let Some(file) = file {
                let text = str::from_utf8(&text[..got.bytes]).unwrap();
                let lines: Vec<_> = text.lines().collect();
                assert_eq!((lines[0], lines[2]), ("FDSTORE=1", "FDPOLL=0"));
                return (file.into(), lines[1].strip_prefix("FDNAME=").unwrap().to_owned());
            }
        }
    }

    /// Discards pending messages; returns `true` if there were any.
    fn forgets(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let mut count = 0;
        while self.socket.recv(&mut [0; 1024]).is_ok() {
            count += 1;
        }
        self.socket.set_nonblocking(false).unwrap();
        count > 0
    }
}

#[test]
fn it_is_told_of_the_start_and_of_the_end() {
    let manager = Manager::new();
    let mut lab = manager.lab(10_000_000);
    let first = manager.hears();
    assert_eq!(first[0], "READY=1");
    let nothing = "STATUS=Serving 0 connections; no connection to the daemon yet";
    assert!(first.contains(&nothing.to_owned()), "{first:?}");
    let (mut client, mut daemon) = lab.asked(PING);
    lab.proxy.terminate();
    let told = manager.awaits("STOPPING=1");
    // 10 s of drain time and 5 s of slack.
    assert!(told.contains(&"EXTEND_TIMEOUT_USEC=15000000".to_owned()), "{told:?}");
    let running = "STATUS=Shutting down, 1 connections; the daemon is reachable";
    assert!(told.contains(&running.to_owned()), "{told:?}");
    daemon.sends(PONG);
    client.gets(PONG);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

/// The reader of `READY=1` may send a signal at once.
#[test]
fn signals_are_heeded_when_it_is_told_that_we_are_ready() {
    let manager = Manager::new();
    let mut lab = manager.lab(10_000_000);
    manager.awaits("READY=1");
    lab.proxy.signal(Signal::TERM);
    manager.awaits("STOPPING=1");
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_loop_that_is_stuck_is_not_heard_of() {
    let manager = Manager::new();
    let lab = manager.lab(100_000);
    for _ in 0..3 {
        manager.awaits("WATCHDOG=1");
    }
    lab.proxy.signal(Signal::STOP);
    // SIGSTOP takes a moment.
    while manager.forgets() {
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!manager.forgets(), "it was heard of while it was stopped");
    lab.proxy.signal(Signal::CONT);
    manager.awaits("WATCHDOG=1");
}
