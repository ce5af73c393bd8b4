//! The daemon's events about the ends of containers, as something to wait for.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::net::client;

/// The filters of the request: the starts, the ends and the removals of containers. A start is heard so that the id of
/// a container is known before it is gone.
const LIVES: &str = "filters=%7B%22type%22%3A%5B%22container%22%5D%2C\
                     %22event%22%3A%5B%22start%22%2C%22die%22%2C%22destroy%22%5D%7D";

/// Seconds of past events to request: the daemon sends the head of its response before it begins to collect events.
const BEFORE: u64 = 2;

/// Maximum age of the connection. If the daemon is another proxy that was superseded, this lets it end.
const LIFE: Duration = Duration::from_mins(5);

/// The end of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The time, or an event.
    ToLook,
    /// The end of the other side of the thread's life.
    ToEnd,
}

/// The connection for events, and the life of the thread.
pub(super) struct Events {
    life: UnixStream,
    stream: Option<(UnixStream, Instant)>,
}

impl Events {
    /// Waits also for the end of `life`.
    ///
    /// # Errors
    ///
    /// `life` cannot be made non-blocking.
    pub(super) fn new(life: UnixStream) -> io::Result<Self> {
        life.set_nonblocking(true)?;
        Ok(Self { life, stream: None })
    }

    /// Makes the connection, unless there is one that is not old. Waits for the beginning of the answer.
    ///
    /// # Errors
    ///
    /// The daemon does not send its events.
    pub(super) fn connect(&mut self, daemon: &Path) -> Result<(), client::Error> {
        if self.stream.as_ref().is_some_and(|(_, made)| made.elapsed() < LIFE) {
            return Ok(());
        }
        self.stream = None;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let since = since.saturating_sub(BEFORE);
        let request = format!("GET /events?since={since}&{LIVES} HTTP/1.1\r\nHost: docker\r\n\r\n");
        let mut stream = client::connect(daemon, client::TIMEOUT)?;
        stream.write_all(request.as_bytes())?;
        stream.set_read_timeout(Some(client::TIMEOUT))?;
        let mut beginning = [0; 12];
        stream.read_exact(&mut beginning)?;
        let status = beginning.strip_prefix(b"HTTP/1.1 ").unwrap_or_default();
        if status != b"200" {
            let shown = beginning.escape_ascii();
            return Err(client::Error::Nonsense(format!("to /events it is \"{shown}\"")));
        }
        stream.set_nonblocking(true)?;
        // The rest of the head, which would look like an event.
        drain(&mut stream)?;
        self.stream = Some((stream, Instant::now()));
        Ok(())
    }

    /// Waits until a time, or until `rest` after an event or after the end of the connection.
    pub(super) fn wait(&mut self, until: Instant, rest: Duration) -> Woken {
        let mut until = until;
        let mut eventful = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Woken::ToLook;
            }
            let (life, event) = self.ready(left, !eventful);
            if life {
                return Woken::ToEnd;
            }
            if !event {
                continue;
            }
            eventful = true;
            until = until.min(Instant::now() + rest);
            if let Some((stream, _)) = &mut self.stream
                && drain(stream).is_err()
            {
                self.stream = None;
            }
        }
    }

    /// Waits for the end of the life, and also for an event if it is `wanted`.
    fn ready(&self, time: Duration, wanted: bool) -> (bool, bool) {
        let mut asked = vec![PollFd::new(&self.life, PollFlags::IN)];
        let stream = self.stream.as_ref().filter(|_| wanted);
        asked.extend(stream.map(|(stream, _)| PollFd::new(stream, PollFlags::IN)));
        let time = Timespec::try_from(time).ok();
        // An interrupted wait is one without an event.
        let _ = poll(&mut asked, time.as_ref());
        let mut ready = asked.iter().map(|asked| !asked.revents().is_empty());
        (ready.next().unwrap_or(false), ready.next().unwrap_or(false))
    }
}

/// Reads what has come.
///
/// # Errors
///
/// The connection has ended.
fn drain(stream: &mut UnixStream) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
