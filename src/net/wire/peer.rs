//! One socket of a pair, with its readiness.
//!
//! Events are edge-triggered: a socket counts as readable until it returns `WouldBlock` or fewer
//! bytes than requested. Events for writability are requested only while a write is stuck, since on
//! UNIX sockets every read of the other side causes one.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use mio::event::Event;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::net::sockopt::set_socket_oobinline;
use rustix::net::{RecvFlags, recv};

use super::pipe::Pipe;
use crate::net::host::credentials::Credentials;

/// One socket of a pair.
#[derive(Debug)]
pub(in crate::net) struct Peer {
    stream: UnixStream,
    token: Token,
    readable: bool,
    other: Other,
    writing: Writing,
    refuses: bool,
}

/// The state of the other side, as events report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    Talks,
    /// It has ended its direction.
    Ends,
    /// Both directions are closed.
    IsGone,
}

/// The state of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// The last write was not stuck.
    Free,
    /// The socket is full, and an event is requested for when it is not.
    Stuck,
    /// That event has arrived and is still requested.
    Unstuck,
}

/// The result of moving bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// This many bytes were moved; more may be possible at once.
    Bytes(usize),
    /// Nothing can be moved now.
    Nothing,
    /// The other side has ended its direction.
    End,
    /// This direction of the connection is broken.
    Broken,
}

impl Peer {
    /// Registers `stream` under `token`.
    pub(in crate::net) fn new(
        mut stream: UnixStream,
        token: Token,
        registry: &Registry,
    ) -> io::Result<Self> {
        // Urgent bytes become normal ones; otherwise a peek would miss bytes that a splice then
        // takes.
        set_socket_oobinline(&stream, true)?;
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self {
            stream,
            token,
            readable: false,
            other: Other::Talks,
            writing: Writing::Free,
            refuses: false,
        })
    }

    /// Returns the process at the other end.
    pub(in crate::net) fn caller(&self) -> Credentials {
        Credentials::of(&self.stream)
    }

    /// Removes the registration. Closing the socket is not enough if another process has it open too: its
    /// events would continue to wake this process.
    pub(in crate::net) fn unwatch(&mut self, registry: &Registry) {
        // Fails only if it is not registered.
        let _ = registry.deregister(&mut self.stream);
    }

    /// Returns the token of the registration.
    pub(in crate::net) fn token(&self) -> Token {
        self.token
    }

    /// Records the readiness that `event` reports.
    pub(in crate::net) fn note(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_read_closed();
        if event.is_writable() && self.writing == Writing::Stuck {
            self.writing = Writing::Unstuck;
        }
        if event.is_read_closed() && event.is_write_closed() || event.is_error() {
            self.other = Other::IsGone;
        } else if event.is_read_closed() && self.other == Other::Talks {
            self.other = Other::Ends;
        }
    }

    /// Returns `true` if the other side has closed both directions.
    pub(super) fn is_gone(&self) -> bool {
        self.other == Other::IsGone
    }

    /// Returns `true` if there may be something to read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Reads into `room`, which must not be empty.
    pub(super) fn read(&mut self, room: &mut [u8]) -> Moved {
        let result = retry(|| self.stream.read(room));
        // A short read has emptied the socket, and later bytes cause an event. Only an end that
        // came with the last event may be unread. (A read also stops before descriptors and urgent
        // bytes. Their sender may have to send more before the rest is read.)
        if result.as_ref().is_ok_and(|n| *n < room.len()) && self.other == Other::Talks {
            self.readable = false;
        }
        self.came(result)
    }

    /// Copies the next bytes into `room`, which must not be empty, and leaves them in the socket.
    pub(super) fn peek(&mut self, room: &mut [u8]) -> Moved {
        let result = retry(|| Ok(recv(&self.stream, &mut *room, RecvFlags::PEEK)?.0));
        self.came(result)
    }

    /// Returns `true` if the other side may send more.
    pub(super) fn talks(&self) -> bool {
        self.other == Other::Talks
    }

    /// Leaves received bytes in the socket until the next event.
    pub(super) fn wait(&mut self) {
        self.readable = false;
    }

    /// Calls `look`, which tries to read. If it finds an end, the socket stays readable, so that
    /// the end is found again.
    pub(super) fn glance(&mut self, look: impl FnOnce(&mut Self) -> Moved) {
        if matches!(look(self), Moved::End | Moved::Broken) {
            self.readable = true;
        }
    }

    /// Discards the next `n` bytes, which have been peeked.
    pub(super) fn discard(&mut self, mut n: usize) {
        let mut scratch = [0; 64];
        while n > 0 {
            let most = scratch.len().min(n);
            let Some(room) = scratch.get_mut(..most) else { return };
            match self.stream.read(room) {
                Ok(0) => return,
                Ok(read) => n -= read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Moves at most `most` bytes into `pipe`.
    pub(super) fn splice_into(&mut self, pipe: &mut Pipe, most: u64) -> Moved {
        let result = retry(|| pipe.fill(&self.stream, most));
        if pipe.is_full() {
            return Moved::Nothing;
        }
        self.came(result)
    }

    /// Interprets the result of taking bytes.
    fn came(&mut self, result: io::Result<usize>) -> Moved {
        match result {
            Ok(0) => {
                self.readable = false;
                Moved::End
            }
            Ok(n) => Moved::Bytes(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Moved::Nothing
            }
            Err(_) => {
                self.readable = false;
                Moved::Broken
            }
        }
    }

    /// Writes from `bytes`, which must not be empty.
    pub(super) fn write(&mut self, bytes: &[u8], registry: &Registry) -> Moved {
        self.give(registry, |mut stream| stream.write(bytes))
    }

    /// Moves the content of `pipe`, which must not be empty, into the socket.
    pub(super) fn splice_from(&mut self, pipe: &mut Pipe, registry: &Registry) -> Moved {
        self.give(registry, |stream| pipe.drain(stream))
    }

    fn give(
        &mut self,
        registry: &Registry,
        mut give: impl FnMut(&UnixStream) -> io::Result<usize>,
    ) -> Moved {
        if self.writing == Writing::Stuck {
            return Moved::Nothing;
        }
        match retry(|| give(&self.stream)) {
            Ok(n) => {
                if self.writing == Writing::Unstuck {
                    self.watch(Interest::READABLE, registry);
                    self.writing = Writing::Free;
                }
                Moved::Bytes(n)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.writing == Writing::Free {
                    self.watch(Interest::READABLE | Interest::WRITABLE, registry);
                }
                self.writing = Writing::Stuck;
                Moved::Nothing
            }
            Err(_) => Moved::Broken,
        }
    }

    /// Returns `true` if the socket accepts nothing until the next event.
    pub(super) fn is_stuck(&self) -> bool {
        self.writing == Writing::Stuck
    }

    /// Half-closes the socket.
    pub(super) fn finish(&self) {
        // Fails only if the other side has gone, which has its own event.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends reading: writes of the other side fail from now on.
    pub(super) fn refuse(&mut self) {
        // Only once, since it causes an event.
        if !std::mem::replace(&mut self.refuses, true) {
            // Fails only if the other side has gone, which has its own event.
            let _ = self.stream.shutdown(Shutdown::Read);
            // A writer that waits for room is woken only when there is some. So received bytes are
            // discarded; no more can follow.
            let mut scratch = [0; 4096];
            while retry(|| self.stream.read(&mut scratch)).is_ok_and(|n| n > 0) {}
        }
    }

    fn watch(&mut self, interest: Interest, registry: &Registry) {
        // Fails only without memory; the socket then stays silent until its client closes it.
        let _ = registry.reregister(&mut self.stream, self.token, interest);
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
