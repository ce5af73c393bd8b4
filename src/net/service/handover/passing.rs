//! The passing of clients from the old process to the new one after "go", so that no connection ends with
//! the process.
//!
//! ```text
//!  old process        new process
//!                 ◄──   "takes clients"
//!    an idle client ──►   continues with it
//! ```
//!
//! Each message carries one file descriptor. The old process also passes the sockets of containers that were
//! made since the new one was started, and the links of its own predecessors. Messages in them stay there, and the predecessors do not notice.
//!
//! An older program on either side closes the link after "go" and ignores the line, so nothing is passed.

use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::io::{Errno, fcntl_dupfd_cloexec, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, getsockname, recvmsg, sendmsg,
};

/// The line of a new process that accepts the messages of [`send`]. It identifies their version.
pub(in crate::net) const TAKES: &[u8] = b"takes clients\n";

/// Size in bytes of a message: a letter and a number.
const LENGTH: usize = 5;

/// Maximum number of received descriptors, so that an extra one is noticed.
const FILES: usize = 2;

/// The kind of the descriptor in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Kind {
    /// An idle client of the listening socket at this index.
    Client(u32),
    /// A link from an earlier process, which sends the same messages.
    Link,
    /// A listening socket for one container. Older programs do not understand it.
    Job,
}

impl Kind {
    fn bytes(self) -> [u8; LENGTH] {
        let (letter, number) = match self {
            Self::Client(listener) => (b'c', listener),
            Self::Link => (b'l', 0),
            Self::Job => (b'j', 0),
        };
        let [a, b, c, d] = number.to_be_bytes();
        [letter, a, b, c, d]
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [b'c', a, b, c, d] => Some(Self::Client(u32::from_be_bytes([a, b, c, d]))),
            [b'l', 0, 0, 0, 0] => Some(Self::Link),
            [b'j', 0, 0, 0, 0] => Some(Self::Job),
            _ => None,
        }
    }
}

/// Sends a descriptor. On success the reader will get it, even if this process ends before.
///
/// # Errors
///
/// Those of sendmsg(2), without having sent anything. See [`Obstacle`].
pub(in crate::net) fn send(link: &impl AsFd, kind: Kind, file: &impl AsFd) -> io::Result<()> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // The kernel takes so few bytes completely or not at all.
    let bytes = kind.bytes();
    retry_on_intr(|| sendmsg(link, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL))?;
    Ok(())
}

/// Receives the next descriptor. Returns `None` if no more will follow.
///
/// # Errors
///
/// `WouldBlock` if there is none now, `InvalidData` for a malformed message, and those of recvmsg(2).
pub(in crate::net) fn receive(link: &impl AsFd) -> io::Result<Option<(Kind, OwnedFd)>> {
    let mut bytes = [0; LENGTH];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    // The kernel ends a read after bytes with descriptors.
    let got = retry_on_intr(|| {
        recvmsg(link, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let got = match got {
        // The other process has ended without reading everything.
        Err(Errno::CONNRESET) => return Ok(None),
        got => got?,
    };
    if got.bytes == 0 {
        return Ok(None);
    }
    let files = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect(),
        _ => Vec::new(),
    });
    let mut files: Vec<OwnedFd> = files.collect();
    match (Kind::read(bytes.get(..got.bytes).unwrap_or_default()), files.pop(), files.is_empty()) {
        (Some(kind), Some(file), true) => Ok(Some((kind, file))),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Checks that this process may have one more descriptor. Otherwise [`receive`] would lose one.
///
/// # Errors
///
/// The process has reached its limit.
pub(in crate::net) fn has_descriptor(link: &impl AsFd) -> io::Result<()> {
    fcntl_dupfd_cloexec(link, 0).map(drop).map_err(io::Error::from)
}

/// Returns the path of the listening socket by which a client came.
pub(in crate::net) fn came_by(client: &impl AsFd) -> Option<PathBuf> {
    let address = SocketAddrUnix::try_from(getsockname(client).ok()?).ok()?;
    std::path::absolute(OsStr::from_bytes(address.path_bytes()?)).ok()
}

/// The reason why a descriptor could not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Obstacle {
    /// The link is full until its reader reads.
    Full,
    /// The kernel has too many descriptors in transit, and does not report when that changes.
    Busy,
    /// The link is closed.
    Gone,
}

impl Obstacle {
    /// Interprets an error of [`send`].
    pub(in crate::net) fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::AGAIN) => Self::Full,
            // The kernel limits descriptors in transit per user, and the nesting of links.
            Some(Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM) => Self::Busy,
            _ => Self::Gone,
        }
    }
}

#[cfg(test)]
mod tests;
