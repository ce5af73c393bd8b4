//! The daemon's events about images: one connection, for as long as creates ask about images.
//!
//! Events are not parsed: any byte clears the cache of images ([`Images`]), and so does the end of the
//! connection. It is read before any client whose bytes arrived in the same poll.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use crate::http::head::{self, Scan};
use crate::proxy::Images;

/// The filters of the request, in a form that every daemon accepts.
const IMAGES: &str = "filters=%7B%22type%22%3A%5B%22image%22%5D%7D";

/// Seconds of past events to request. The daemon sends the head of its response before it begins to
/// collect events, so events in between would be missed otherwise. More than one second allows for a
/// correction of the clock.
const BEFORE: u64 = 2;

/// Maximum age of the connection and of the cache. A new connection follows at once if the cache was used
/// meanwhile, as jobs create containers every few minutes. An idle host has no connection. If the daemon is
/// another proxy that was superseded, this lets it end.
const LIFE: Duration = Duration::from_mins(5);

/// The shortest and the longest pause before a new connection. The pause doubles while connections last less
/// than the longest, so that a daemon that ends each connection is not asked at every create.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Size in bytes of one read. Events have some hundreds.
const PIECE: usize = 4096;

/// Maximum number of reads per turn. The connection to a daemon that sends more is closed.
const PIECES: usize = 64;

/// The connection for the daemon's events, and the state for making it.
#[derive(Debug)]
pub(super) struct Watch {
    token: Token,
    stream: Option<Stream>,
    pause: Duration,
    /// The earliest time for a new connection.
    not_before: Option<Instant>,
}

/// A connection.
#[derive(Debug)]
struct Stream {
    socket: UnixStream,
    /// The received part of the response head, until that is complete.
    head: Option<(Scan, Vec<u8>)>,
    /// The end of its life.
    until: Instant,
}

/// The failure of the connection: the daemon ended it, or sent something unexpected.
struct Broken;

/// Returns the request for all events since shortly before `now`.
fn question(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let since = seconds.saturating_sub(BEFORE);
    format!("GET /events?since={since}&{IMAGES} HTTP/1.1\r\nHost: docker\r\n\r\n")
}

impl Watch {
    /// Makes one without a connection. `token` is for its later connections.
    pub(super) fn new(token: Token) -> Self {
        Self { token, stream: None, pause: PAUSES.0, not_before: None }
    }

    /// Returns the time until [`tend`](Self::tend) has something to do.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        Some(self.stream.as_ref()?.until.saturating_duration_since(now))
    }

    /// Makes the connection if it is wanted, and closes it at the end of its life.
    pub(super) fn tend(
        &mut self,
        registry: &Registry,
        daemon: &Path,
        images: &Images,
        now: Instant,
    ) {
        match &self.stream {
            Some(stream) if stream.until > now => return,
            Some(_) => {
                self.stream = None;
                images.renew();
            }
            None => {}
        }
        if images.wants_events() && self.not_before.is_none_or(|at| at <= now) {
            match Stream::open(registry, self.token, daemon, now) {
                Ok(stream) => self.stream = Some(stream),
                Err(Broken) => self.broke(None, images, now),
            }
        }
    }

    /// Reads the received bytes.
    pub(super) fn read(&mut self, images: &Images, now: Instant) {
        if let Some(stream) = &mut self.stream
            && stream.read(images).is_err()
        {
            let until = stream.until;
            self.broke(Some(until), images, now);
        }
    }

    fn broke(&mut self, until: Option<Instant>, images: &Images, now: Instant) {
        self.stream = None;
        images.deaf();
        let lasted = until.is_some_and(|until| until <= now + LIFE.saturating_sub(PAUSES.1));
        self.pause = if lasted { PAUSES.0 } else { self.pause };
        self.not_before = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSES.1);
    }
}

impl Stream {
    fn open(
        registry: &Registry,
        token: Token,
        daemon: &Path,
        now: Instant,
    ) -> Result<Self, Broken> {
        let mut socket = UnixStream::connect(daemon).map_err(|_| Broken)?;
        registry.register(&mut socket, token, Interest::READABLE).map_err(|_| Broken)?;
        let question = question(SystemTime::now());
        // The request fits into the socket's empty queue.
        match socket.write(question.as_bytes()) {
            Ok(length) if length == question.len() => {}
            _ => return Err(Broken),
        }
        let head = Some((Scan::default(), Vec::new()));
        Ok(Self { socket, head, until: now + LIFE })
    }

    fn read(&mut self, images: &Images) -> Result<(), Broken> {
        let mut piece = [0; PIECE];
        for _ in 0..PIECES {
            match self.socket.read(&mut piece) {
                Ok(0) => return Err(Broken),
                Ok(length) => self.take(piece.get(..length).unwrap_or_default(), images)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken),
            }
        }
        Err(Broken)
    }

    fn take(&mut self, bytes: &[u8], images: &Images) -> Result<(), Broken> {
        let Some((scan, seen)) = &mut self.head else {
            images.forget();
            return Ok(());
        };
        seen.extend_from_slice(bytes);
        let Some(end) = scan.end_of_head(seen).map_err(|_| Broken)? else { return Ok(()) };
        let head = head::response(seen.get(..end).unwrap_or_default(), false);
        if !head.is_ok_and(|head| head.status == 200) {
            return Err(Broken);
        }
        // Events in the same bytes precede everything that will be cached.
        self.head = None;
        images.hears();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
