//! The passing of the listening sockets, before the new process is started. One message has as many of them as
//! the kernel passes at once; further messages follow it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::greeting::{Entry, MESSAGE, SOCKETS, Use, entries, messages};
use crate::net::listen::Listener;
use crate::net::listen::activation::Sockets;

/// Size in bytes of the queue of messages. The kernel gives less if `net.core.wmem_max` does; with its default
/// the queue has room for about 8000 sockets.
const QUEUE: usize = 1 << 20;

/// Sends all sockets, each with its use. The messages wait in the kernel until the new process reads them.
///
/// # Errors
///
/// The queue or the kernel's limit of descriptors in transit is too small for so many, and those of sendmsg(2).
pub(super) fn pass(link: &impl AsFd, sockets: &[(Use, &Listener)]) -> io::Result<()> {
    set_socket_send_buffer_size(link, QUEUE)?;
    let lines = sockets.iter().map(|(role, listener)| {
        let name = listener.name().to_owned();
        Entry { role: *role, name, file: listener.identity() }
    });
    let mut files = sockets.iter().map(|(_, listener)| listener.as_fd());
    for (text, count) in messages(lines) {
        let files: Vec<_> = files.by_ref().take(count).collect();
        send(link, &text, &files).map_err(|why| too_many(sockets.len(), why))?;
    }
    Ok(())
}

fn send(link: &impl AsFd, text: &str, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // The kernel takes so few bytes completely or not at all.
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    retry_on_intr(|| sendmsg(link, &[IoSlice::new(text.as_bytes())], &mut control, flags))?;
    Ok(())
}

/// Explains an error of [`send`] that depends on the number of sockets.
fn too_many(count: usize, error: io::Error) -> io::Error {
    let limit = match Errno::from_io_error(&error) {
        Some(Errno::AGAIN) => "net.core.wmem_max",
        Some(Errno::TOOMANYREFS) => "the limit of open files",
        _ => return error,
    };
    io::Error::other(format!("{count} sockets are too many to pass; {limit} is too low"))
}

/// Receives what [`pass`] has sent.
///
/// # Errors
///
/// A message is malformed, or this process may not have so many descriptors, and those of recvmsg(2).
pub(super) fn take(link: &impl AsFd) -> io::Result<Sockets> {
    let mut sockets = Sockets::default();
    while take_some(link, &mut sockets)? {}
    Ok(sockets)
}

/// Adds the sockets of the next message. Returns `true` if another one follows.
fn take_some(link: &impl AsFd, sockets: &mut Sockets) -> io::Result<bool> {
    // An older program may send more than `MESSAGE` bytes.
    let mut text = vec![0; 2 * MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    // The kernel ends a read after bytes with descriptors.
    let got = retry_on_intr(|| {
        recvmsg(link, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    let files = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect(),
        _ => Vec::new(),
    });
    let files: Vec<OwnedFd> = files.collect();
    if got.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other("the limit of open files is too low for its sockets"));
    }
    let strange = || io::Error::other("what was passed is not understood");
    let text = text.get(..got.bytes).and_then(|text| str::from_utf8(text).ok());
    let (entries, more) = text.and_then(entries).ok_or_else(strange)?;
    if entries.len() != files.len() {
        return Err(strange());
    }
    for (entry, file) in entries.into_iter().zip(files) {
        let listener = Listener::passed(file.into())?.with_file(entry.file).with_name(&entry.name);
        match entry.role {
            Use::Clients => sockets.clients.push(listener),
            Use::Stats => sockets.stats = Some(listener),
            Use::Job => sockets.jobs.push(listener),
        }
    }
    Ok(more)
}

#[cfg(test)]
mod tests;
