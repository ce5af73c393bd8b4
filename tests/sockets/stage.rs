//! Plays one transcript over real sockets.
//!
//! The bytes that a side gets are recorded as in a transcript: `<end>` when the proxy half-closes, `<closed>`
//! when it closes, `<dialled>` when it connects again. From outside, a half-close directly before a close
//! looks like a close, so `<end><closed>` counts as `<closed>`. A closed side sees nothing more, so its
//! expected ends are not checked.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::proxy::PATIENCE;
use super::transcript::{Line, Transcript, What};

/// One side: its bytes to send, those it got, and those it should have got by now.
#[derive(Debug, Default)]
struct Side {
    stream: Option<UnixStream>,
    sends: VecDeque<u8>,
    saw_end: bool,
    got: Vec<u8>,
    wanted: Vec<u8>,
    gone: bool,
}

/// The two sides of the proxy, and the daemon's socket while it exists.
pub(crate) struct Stage {
    client: Side,
    daemon: Side,
    /// The proxy's connection for events, on which none are sent.
    events: Option<UnixStream>,
    listener: Option<UnixListener>,
    path: PathBuf,
}

/// Start of the connection for events.
const DIALLED: &[u8] = b"<dialled>GET /events?";

impl Stage {
    pub(crate) fn new(client: UnixStream, listener: UnixListener, path: PathBuf) -> Self {
        client.set_nonblocking(true).unwrap();
        listener.set_nonblocking(true).unwrap();
        let client = Side { stream: Some(client), ..Side::default() };
        Self { client, daemon: Side::default(), events: None, listener: Some(listener), path }
    }

    /// Plays a transcript up to the first difference.
    pub(crate) fn play(&mut self, transcript: &Transcript) -> Result<(), String> {
        self.pump("the first connection to the daemon", |stage| stage.daemon.stream.is_some())?;
        self.daemon.got.clear();
        let mut expects = false;
        for (line, what) in &transcript.lines {
            let sends = matches!(line, Line::ClientSends | Line::DaemonSends);
            if sends && expects {
                self.settle()?;
            }
            expects = !sends;
            match (line, what) {
                (Line::ClientGot, what) => self.client.wants(what),
                (Line::DaemonGot, what) => self.daemon.wants(what),
                (_, What::Mark(mark)) => self.act(*line, mark)?,
                (Line::ClientSends, What::Bytes(bytes)) => self.client.sends.extend(bytes),
                (Line::DaemonSends, What::Bytes(bytes)) => self.daemon.sends.extend(bytes),
            }
        }
        self.settle()
    }

    fn act(&mut self, line: Line, mark: &str) -> Result<(), String> {
        if mark == "away" {
            self.listener = None;
            std::fs::remove_file(&self.path).unwrap();
            return Ok(());
        }
        self.pump("all is sent", |stage| {
            stage.client.sends.is_empty() && stage.daemon.sends.is_empty()
        })?;
        let side = match line {
            Line::ClientSends => &mut self.client,
            _ => &mut self.daemon,
        };
        let stream = side.stream.as_ref().unwrap();
        match mark {
            "end" => stream.shutdown(Shutdown::Write).unwrap(),
            "gone" => side.goes(),
            other => panic!("<{other}> means nothing"),
        }
        Ok(())
    }

    /// Waits until both sides have got the expected bytes.
    fn settle(&mut self) -> Result<(), String> {
        self.pump("what both should get", |stage| stage.client.has_all() && stage.daemon.has_all())
    }

    /// Moves bytes until a condition holds.
    fn pump(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            if Instant::now() > deadline {
                let (client, daemon) = (&self.client, &self.daemon);
                return Err(format!("waited for {what}\n  client: {client}\n  daemon: {daemon}"));
            }
            self.wait();
            self.take_connection();
            self.client.moves();
            self.daemon.moves();
            self.put_events_aside();
        }
        Ok(())
    }

    /// Waits for an event of one of the sockets.
    fn wait(&self) {
        let mut asked = Vec::new();
        for side in [&self.client, &self.daemon] {
            if let Some(stream) = &side.stream {
                asked.push(PollFd::new(stream, side.interest()));
            }
        }
        if let Some(listener) = &self.listener {
            asked.push(PollFd::new(listener, PollFlags::IN));
        }
        let pause = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        poll(&mut asked, Some(&pause)).unwrap();
    }

    /// Recognises a new connection for events after the previous one has ended.
    fn put_events_aside(&mut self) {
        let asks = self.daemon.got.windows(DIALLED.len()).rposition(|window| window == DIALLED);
        if let Some(at) = asks
            && self.daemon.got[at + DIALLED.len()..].ends_with(b"\r\n\r\n")
        {
            self.events = self.daemon.stream.take();
            self.daemon.got.truncate(at);
        }
    }

    fn take_connection(&mut self) {
        // First the bytes of the previous connection.
        self.daemon.moves();
        let Some(Ok((stream, _))) = self.listener.as_ref().map(UnixListener::accept) else {
            return;
        };
        stream.set_nonblocking(true).unwrap();
        // A client has no second daemon connection while the first is open.
        if self.daemon.stream.is_some() && !self.daemon.saw_end && !self.daemon.gone {
            self.events = Some(stream);
            return;
        }
        let got = std::mem::take(&mut self.daemon.got);
        let wanted = std::mem::take(&mut self.daemon.wanted);
        self.daemon = Side { stream: Some(stream), got, wanted, ..Side::default() };
        self.daemon.got.extend(b"<dialled>");
    }
}

impl Side {
    fn wants(&mut self, what: &What) {
        let mut bytes = match what {
            What::Bytes(bytes) => bytes.clone(),
            What::Mark(mark) => format!("<{mark}>").into_bytes(),
        };
        if self.gone && !bytes.starts_with(b"<dialled>") {
            bytes = replaced(&replaced(&bytes, b"<end>", b""), b"<closed>", b"");
        }
        self.wanted.extend(bytes);
        self.wanted = replaced(&self.wanted, b"<end><closed>", b"<closed>");
    }

    /// Closes both directions. The proxy may end the connection at the same moment; that end is not checked.
    fn goes(&mut self) {
        // A close alone may be delayed: a process that is just being started for another transcript has a copy of
        // the socket until it execs the proxy.
        if let Some(stream) = self.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.gone = true;
        let behind = self.got.strip_prefix(&*self.wanted).unwrap_or_default();
        if [&b"<end>"[..], b"<closed>"].contains(&behind) {
            self.got.truncate(self.wanted.len());
        }
    }

    fn has_all(&self) -> bool {
        self.got == self.wanted
    }

    fn interest(&self) -> PollFlags {
        let mut flags = PollFlags::empty();
        if !self.saw_end {
            flags |= PollFlags::IN;
        }
        if !self.sends.is_empty() {
            flags |= PollFlags::OUT;
        }
        flags
    }

    fn moves(&mut self) {
        let Some(mut stream) = self.stream.as_ref() else {
            return;
        };
        match stream.write(self.sends.make_contiguous()) {
            Ok(n) => drop(self.sends.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // The proxy reads nothing more, as some transcripts expect.
            Err(_) => self.sends.clear(),
        }
        let mut piece = [0; 16384];
        while !self.saw_end {
            match stream.read(&mut piece) {
                Ok(0) => self.saw_end = true,
                Ok(n) => self.got.extend(&piece[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.saw_end = true,
            }
            if self.saw_end {
                self.got.extend(b"<end>");
            }
        }
        if self.got.ends_with(b"<end>") {
            let mut asked = [PollFd::new(&stream, PollFlags::empty())];
            if poll(&mut asked, Some(&Timespec::default())).unwrap() > 0 {
                self.got.truncate(self.got.len() - b"<end>".len());
                self.got.extend(b"<closed>");
            }
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (got, wanted) = (self.got.escape_ascii(), self.wanted.escape_ascii());
        write!(out, "got         {got}\n      and not     {wanted}")
    }
}

/// Replaces each `what` in `bytes` by `with`.
fn replaced(bytes: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(at) = memchr::memmem::find(rest, what) {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    all.extend_from_slice(rest);
    all
}
