//! The listening sockets of a server.

use std::io;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_passcred;

use crate::net::listen::Listener;

/// The token of the first listener; those of the others follow. Tokens of daemons are larger.
const FIRST: usize = 1 << 16;

/// The listening sockets, each with a token and a place of its own.
#[derive(Debug)]
pub(in crate::net) struct Listeners {
    all: Vec<Door>,
    /// The listener that is asked first. It rotates, so that no listener's clients starve.
    first: usize,
    /// The place of the first listener.
    base: usize,
    /// `true` if a client may be waiting at any of them.
    stirred: bool,
}

/// A listening socket.
#[derive(Debug)]
struct Door {
    listener: Listener,
    /// `true` if a client may be waiting.
    stirred: bool,
}

impl Listeners {
    pub(in crate::net) fn new(all: Vec<Listener>) -> Self {
        Self::from(all, 0)
    }

    /// The same for listeners at the places from `base` on.
    pub(in crate::net) fn from(all: Vec<Listener>, base: usize) -> Self {
        let door = |listener| Door { listener, stirred: false };
        Self { all: all.into_iter().map(door).collect(), first: 0, base, stirred: false }
    }

    /// Registers each listener under its token.
    pub(in crate::net) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        self.all.iter_mut().zip(FIRST + self.base..).try_for_each(|(door, token)| {
            registry.register(&mut door.listener, Token(token), Interest::READABLE)
        })
    }

    /// Removes the registrations. Closing the sockets would not do where another process has them open,
    /// too: its clients would continue to wake this one.
    pub(in crate::net) fn unwatch(&mut self, registry: &Registry) {
        for door in &mut self.all {
            // Fails only if it is not registered.
            let _ = registry.deregister(&mut door.listener);
        }
    }

    /// Returns `true` if `token` is that of a listener, be it closed.
    pub(in crate::net) fn has(Token(token): Token) -> bool {
        (FIRST..2 * FIRST).contains(&token)
    }

    /// Records that a client waits at the listener with this token.
    pub(in crate::net) fn note(&mut self, Token(token): Token) {
        let place = token.checked_sub(FIRST + self.base);
        if let Some(door) = place.and_then(|place| self.all.get_mut(place)) {
            door.stirred = true;
            self.stirred = true;
        }
    }

    /// Records that clients may wait at all listeners.
    #[cfg(test)]
    pub(in crate::net) fn stir_all(&mut self) {
        self.all.iter_mut().for_each(|door| door.stirred = true);
        self.stirred = true;
    }

    /// Returns `true` if a client may be waiting.
    pub(in crate::net) fn is_stirred(&self) -> bool {
        self.stirred
    }

    pub(in crate::net) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().map(|door| &door.listener)
    }

    /// Transfers the socket files to another process that listens on them.
    pub(in crate::net) fn leave_files(&mut self) {
        self.all.iter_mut().for_each(|door| door.listener.leave_file());
    }

    /// Takes the socket files over from another process that has stopped listening.
    pub(in crate::net) fn take_files(&mut self) {
        self.all.iter_mut().for_each(|door| door.listener.take_file());
    }

    /// Accepts the next waiting client of any listener. Returns it with the place of its listener.
    ///
    /// # Errors
    /// `WouldBlock` when no client waits, and the errors of accept(2).
    pub(in crate::net) fn accept(&mut self) -> io::Result<(UnixStream, usize)> {
        let count = self.all.len();
        let (before, after) = self.all.split_at_mut(self.first.min(count));
        for (distance, door) in after.iter_mut().chain(before).enumerate() {
            match door.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    let place = (self.first + distance) % count;
                    self.first = (place + 1) % count;
                    return Ok((result?, self.base + place));
                }
            }
        }
        self.stirred = false;
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Door {
    /// Accepts the next client, if one may be waiting.
    fn accept(&mut self) -> io::Result<UnixStream> {
        self.stirred = self.stirred && has_client(&self.listener);
        if !self.stirred {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let stream = self.listener.accept()?;
        if self.listener.is_passed() {
            // The unit may set `PassCredentials=`. A read would then stop where another process begins
            // to write, and no event would announce the rest.
            set_socket_passcred(&stream, false)?;
        }
        Ok(stream)
    }
}

/// Returns `true` if a client may be waiting. accept(2) allocates a file before it checks the
/// queue, which costs 3 µs per accepted client.
fn has_client(listener: &Listener) -> bool {
    let mut files = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut files, Some(&Timespec::default())) != Ok(0)
}

#[cfg(test)]
mod tests;
