//! The file descriptor store of the service manager, which keeps sockets while no process runs: messages
//! `FDSTORE=1` and `FDSTOREREMOVE=1` of `sd_pid_notify_with_fds(3)`.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use log::warn;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// The beginning of the names of stored sockets.
const PREFIX: &str = "job-";

/// Length of the names of the files of jobs' sockets: a number in hexadecimal.
const DIGITS: usize = 16;

/// Returns the name of a job's socket in the store: `job-` and the name of its file. `None` if that is not the
/// file of a job's socket.
pub(in crate::net) fn name_of(socket: &Path) -> Option<String> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let file = socket.file_name().and_then(OsStr::to_str)?;
    let is_own = file.len() == DIGITS && file.bytes().all(is_digit);
    is_own.then(|| format!("{PREFIX}{file}"))
}

/// Changes of the store that the manager was not sent yet, in their order. Each is a message of its own.
#[derive(Debug, Default)]
pub(super) struct Changes(VecDeque<Change>);

#[derive(Debug)]
struct Change {
    text: String,
    /// The descriptor to be stored.
    file: Option<OwnedFd>,
}

impl Changes {
    /// Has this socket stored by a name.
    pub(super) fn store(&mut self, name: &str, socket: &impl AsFd) {
        match socket.as_fd().try_clone_to_owned() {
            Ok(file) => {
                // By default, systemd would watch the socket for its end.
                let text = format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0");
                self.0.push_back(Change { text, file: Some(file) });
            }
            Err(error) => warn!("cannot have the service manager store {name}: {error}"),
        }
    }

    /// Has the socket of this name closed.
    pub(super) fn forget(&mut self, name: &str) {
        self.0.push_back(Change { text: format!("FDSTOREREMOVE=1\nFDNAME={name}"), file: None });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends what the manager's socket has room for.
    pub(super) fn send(&mut self, manager: &UnixDatagram) {
        while let Some(change) = self.0.front() {
            match change.send(manager) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    warn!("cannot notify the service manager of {:?}: {error}", change.text);
                }
                Ok(()) => {}
            }
            self.0.pop_front();
        }
    }
}

impl Change {
    fn send(&self, manager: &UnixDatagram) -> io::Result<()> {
        let files: Vec<_> = self.file.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        sendmsg(manager, &[IoSlice::new(self.text.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
