//! One socket of a pair, and what is known of its readiness.
//!
//! Events are edge-triggered: readiness is remembered until the socket says `WouldBlock` or gives
//! less than was asked for.
//! Writability is asked for only while a write is stuck, since on UNIX sockets every read of the
//! other side would wake us otherwise.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::net::sockopt::set_socket_oobinline;
use rustix::net::{RecvFlags, recv};

use super::caller::Caller;
use super::pipe::Pipe;

/// One socket of a pair.
#[derive(Debug)]
pub(super) struct Peer {
    stream: UnixStream,
    token: Token,
    readable: bool,
    other: Other,
    writing: Writing,
    refuses: bool,
}

/// What events have told of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    Talks,
    /// It sends nothing more.
    Ends,
    /// Both ways are closed.
    IsGone,
}

/// What is known of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// It was not stuck when it was last tried.
    Free,
    /// The socket is full; an event that it is not is asked for.
    Stuck,
    /// That event has come; it is still asked for.
    Unstuck,
}

/// What came of moving bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes; more may go at once.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The other side sends nothing more.
    End,
    /// The connection is broken in this direction.
    Broken,
}

impl Peer {
    /// Watches `stream` under `token`.
    pub(super) fn new(
        mut stream: UnixStream,
        token: Token,
        registry: &Registry,
    ) -> io::Result<Self> {
        // Urgent bytes are bytes like others: else a peek would not see what a splice then takes.
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

    /// Who is at the other end.
    pub(super) fn caller(&self) -> Caller {
        Caller::of(&self.stream)
    }

    /// The token under which it is watched.
    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// Remembers what `event` says.
    pub(super) fn note(&mut self, event: &Event) {
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

    /// Whether the other side has gone: both ways are closed.
    pub(super) fn is_gone(&self) -> bool {
        self.other == Other::IsGone
    }

    /// Whether there may be something to read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Reads into `room`, which is not empty.
    pub(super) fn read(&mut self, room: &mut [u8]) -> Moved {
        let result = retry(|| self.stream.read(room));
        // A short read has emptied the socket, and whatever comes later makes an event. Only the
        // end may have come with the last event, unread. (Whoever sends descriptors or urgent bytes,
        // before which a read stops, may have to send more until the rest is read.)
        if result.as_ref().is_ok_and(|n| *n < room.len()) && self.other == Other::Talks {
            self.readable = false;
        }
        self.came(result)
    }

    /// Copies what comes next into `room`, which is not empty, and leaves it where it is.
    pub(super) fn peek(&mut self, room: &mut [u8]) -> Moved {
        let result = retry(|| Ok(recv(&self.stream, &mut *room, RecvFlags::PEEK)?.0));
        self.came(result)
    }

    /// Whether the other side may send more.
    pub(super) fn talks(&self) -> bool {
        self.other == Other::Talks
    }

    /// What has come is left where it is until an event tells of more.
    pub(super) fn wait(&mut self) {
        self.readable = false;
    }

    /// Lets `look` look for what may have come; an end that it finds will be found again.
    pub(super) fn glance(&mut self, look: impl FnOnce(&mut Self) -> Moved) {
        if matches!(look(self), Moved::End | Moved::Broken) {
            self.readable = true;
        }
    }

    /// Throws the next `n` bytes away, which have been peeked.
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

    /// What `result` of taking bytes means.
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

    /// Writes from `bytes`, which are not empty.
    pub(super) fn write(&mut self, bytes: &[u8], registry: &Registry) -> Moved {
        self.give(registry, |mut stream| stream.write(bytes))
    }

    /// Moves what is in `pipe`, which is not empty, into the socket.
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

    /// Whether it takes nothing until an event says so.
    pub(super) fn is_stuck(&self) -> bool {
        self.writing == Writing::Stuck
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&self) {
        // Fails only when the other side has gone, which its own event tells.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Takes nothing more: what the other side writes from now on fails there.
    pub(super) fn refuse(&mut self) {
        // Once, since it makes an event of its own.
        if !std::mem::replace(&mut self.refuses, true) {
            // Fails only when the other side has gone, which its own event tells.
            let _ = self.stream.shutdown(Shutdown::Read);
            // One that waits for room is not told until there is some. Nobody is to get what it has sent,
            // and nothing can come behind that.
            let mut scratch = [0; 4096];
            while retry(|| self.stream.read(&mut scratch)).is_ok_and(|n| n > 0) {}
        }
    }

    fn watch(&mut self, interest: Interest, registry: &Registry) {
        // Fails only without memory; then the socket stays silent and is closed by its client.
        let _ = registry.reregister(&mut self.stream, self.token, interest);
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
