//! Several listening sockets as one.

use std::io;

use mio::event::Source;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_passcred;

use super::listener::Listener;

/// Listening sockets whose clients are treated alike.
#[derive(Debug)]
pub(super) struct Listeners {
    all: Vec<Listener>,
    /// The listener that is polled first. It rotates, so that no listener's clients starve.
    first: usize,
}

impl Listeners {
    pub(super) fn new(all: Vec<Listener>) -> Self {
        Self { all, first: 0 }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter()
    }

    /// Transfers the socket files to another process that listens on them.
    pub(super) fn leave_files(&mut self) {
        self.all.iter_mut().for_each(Listener::leave_file);
    }

    /// Takes the socket files over from another process that has stopped listening.
    pub(super) fn take_files(&mut self) {
        self.all.iter_mut().for_each(Listener::take_file);
    }

    /// Returns the number of listeners.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Accepts the next waiting client of any listener. Returns it with the place of its listener.
    ///
    /// # Errors
    /// `WouldBlock` when no client waits, and the errors of accept(2).
    pub(super) fn accept(&mut self) -> io::Result<(UnixStream, usize)> {
        let (before, after) = self.all.split_at(self.first.min(self.all.len()));
        for (distance, listener) in after.iter().chain(before).enumerate() {
            if !has_client(listener) {
                continue;
            }
            match listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    let place = (self.first + distance) % self.all.len();
                    self.first = (place + 1) % self.all.len();
                    let stream = result?;
                    if listener.is_passed() {
                        // The unit may set `PassCredentials=`. A read would then stop where another
                        // process begins to write, and no event would announce the rest.
                        set_socket_passcred(&stream, false)?;
                    }
                    return Ok((stream, place));
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Returns `true` if a client may be waiting. accept(2) allocates a file before it checks the
/// queue, which costs 3 µs per accepted client.
fn has_client(listener: &Listener) -> bool {
    let mut files = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut files, Some(&Timespec::default())) != Ok(0)
}

impl Source for Listeners {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|listener| listener.register(registry, token, on))
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|listener| listener.reregister(registry, token, on))
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.all.iter_mut().try_for_each(|listener| listener.deregister(registry))
    }
}

#[cfg(test)]
mod tests;
