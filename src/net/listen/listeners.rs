//! The listening sockets of a server.

use std::io;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_passcred;

use crate::net::listen::Listener;

/// The token of the first listener; those of the others follow. Tokens of daemons are larger.
const FIRST: usize = 1 << 16;

/// The token of the stats socket, the last one.
const STATS: usize = 2 * FIRST - 1;

/// The listening sockets, each with a token of its own, and the place to which its clients belong.
#[derive(Debug)]
pub(in crate::net) struct Listeners {
    all: Vec<Door>,
    /// The listener that is asked first. It rotates, so that no listener's clients starve.
    first: usize,
    /// The smallest token.
    base: usize,
    /// `true` if a client may be waiting at any of them.
    stirred: bool,
}

/// A listening socket.
#[derive(Debug)]
struct Door {
    listener: Listener,
    token: Token,
    place: usize,
    /// `true` if a client may be waiting.
    stirred: bool,
}

impl Listeners {
    /// Makes an empty list of sockets for clients.
    pub(in crate::net) fn for_clients() -> Self {
        Self { all: Vec::new(), first: 0, base: FIRST, stirred: false }
    }

    /// Makes an empty list for the stats socket.
    pub(in crate::net) fn for_guests() -> Self {
        Self { base: STATS, ..Self::for_clients() }
    }

    /// Adds a listener whose clients belong to `place`, and registers it.
    ///
    /// # Errors
    /// The kernel gives no registration.
    pub(in crate::net) fn add(
        &mut self,
        mut listener: Listener,
        place: usize,
        registry: &Registry,
    ) -> io::Result<()> {
        let is_free = |token: &Token| self.all.iter().all(|door| door.token != *token);
        let token = (self.base..2 * FIRST).map(Token).find(is_free);
        let token = token.ok_or_else(|| io::Error::other("there are too many listeners"))?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        self.all.push(Door { listener, token, place, stirred: false });
        Ok(())
    }

    /// Gives each listener the place that `place` returns for it and its present place. Returns those for
    /// which there is none, with their present places. They are not watched any more.
    pub(in crate::net) fn assign(
        &mut self,
        registry: &Registry,
        place: impl Fn(&Listener, usize) -> Option<usize>,
    ) -> Vec<(Listener, usize)> {
        let mut left = Vec::new();
        for mut door in std::mem::take(&mut self.all) {
            if let Some(place) = place(&door.listener, door.place) {
                self.all.push(Door { place, ..door });
            } else {
                let _ = registry.deregister(&mut door.listener);
                left.push((door.listener, door.place));
            }
        }
        left
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
    pub(in crate::net) fn note(&mut self, token: Token) {
        if let Some(door) = self.all.iter_mut().find(|door| door.token == token) {
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

    /// Returns the listeners with their places.
    pub(in crate::net) fn iter(&self) -> impl Iterator<Item = (&Listener, usize)> {
        self.all.iter().map(|door| (&door.listener, door.place))
    }

    pub(in crate::net) fn len(&self) -> usize {
        self.all.len()
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
                    self.first = (self.first + distance + 1) % count;
                    return Ok((result?, door.place));
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
