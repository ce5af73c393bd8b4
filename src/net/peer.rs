//! One socket of a pair, and what is known of its readiness.
//!
//! Events are edge-triggered: readiness is remembered until the socket says `WouldBlock`.
//! Writability is asked for only while a write is stuck, since on UNIX sockets every read of the
//! other side would wake us otherwise.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

/// One socket of a pair.
#[derive(Debug)]
pub(super) struct Peer {
    stream: UnixStream,
    token: Token,
    readable: bool,
    writable: bool,
    asks_writable: bool,
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
        registry.register(&mut stream, token, Interest::READABLE)?;
        Ok(Self { stream, token, readable: false, writable: true, asks_writable: false })
    }

    /// The token under which it is watched.
    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// Remembers what `event` says; `true` when the other side has gone (both ways are closed).
    pub(super) fn note(&mut self, event: &Event) -> bool {
        self.readable |= event.is_readable() || event.is_read_closed();
        self.writable |= event.is_writable();
        event.is_read_closed() && event.is_write_closed() || event.is_error()
    }

    /// Whether there may be something to read.
    pub(super) fn is_readable(&self) -> bool {
        self.readable
    }

    /// Reads into `room`, which is not empty.
    pub(super) fn read(&mut self, room: &mut [u8]) -> Moved {
        match retry(|| self.stream.read(room)) {
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
        if !self.writable {
            return Moved::Nothing;
        }
        match retry(|| self.stream.write(bytes)) {
            Ok(n) => {
                self.ask_writable(false, registry);
                Moved::Bytes(n)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.writable = false;
                self.ask_writable(true, registry);
                Moved::Nothing
            }
            Err(_) => Moved::Broken,
        }
    }

    /// Says that nothing more will be sent.
    pub(super) fn finish(&self) {
        // Fails only when the other side has gone, which its own event tells.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn ask_writable(&mut self, ask: bool, registry: &Registry) {
        if self.asks_writable != ask {
            let both = Interest::READABLE | Interest::WRITABLE;
            let interest = if ask { both } else { Interest::READABLE };
            // Fails only without memory; then the socket stays silent and is closed by its client.
            if registry.reregister(&mut self.stream, self.token, interest).is_ok() {
                self.asks_writable = ask;
            }
        }
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
