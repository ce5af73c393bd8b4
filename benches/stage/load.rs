//! The client: several connections in one thread, each with one exchange after the other.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dockerd_ci_proxy::http::head;
use memchr::memmem;
use rustix::event::epoll::EventFlags;

use super::content::{Content, Message, Outbox};
use super::events::Poll;

/// Size of a read: a full socket queue.
const BUFFER: usize = 256 * 1024;

/// Maximum time between two bytes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message, and the answer that must come back before it is sent again.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) request: Message,
    pub(crate) expects: Expects,
}

/// Expected answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expects {
    /// A response with this status and this length of content.
    Response(u16, u64),
    /// A response with this status, whatever its content.
    Status(u16),
    /// This number of bytes.
    Bytes(u64),
}

/// Limit of the repetition.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// No exchange begins after this time.
    Over(Duration),
    /// Number of exchanges on each connection.
    Count(usize),
}

impl Until {
    /// Returns `true` if another exchange is to begin, after `exchanges` since `began`.
    pub(crate) fn goes_on(self, began: Instant, exchanges: usize) -> bool {
        match self {
            Self::Over(time) => began.elapsed() < time,
            Self::Count(count) => exchanges < count,
        }
    }
}

/// Progress of the answer.
#[derive(Debug)]
enum Heard {
    Head(Vec<u8>),
    Content { content: Content, line: Vec<u8> },
    Bytes(u64),
}

struct Connection {
    socket: UnixStream,
    outbox: Outbox,
    heard: Heard,
    started: Instant,
    stuck: bool,
    exchanges: usize,
}

/// Several connections, each with one exchange after the other.
pub(crate) struct Load {
    to: PathBuf,
    poll: Poll,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

/// Times of single exchanges, and of all together.
pub(crate) struct Times {
    pub(crate) each: Vec<Duration>,
    pub(crate) all: Duration,
}

impl Load {
    /// Connects.
    pub(crate) fn new(to: PathBuf, connections: usize) -> Self {
        let mut load = Self {
            to,
            poll: Poll::new(),
            connections: Vec::with_capacity(connections),
            buffer: vec![0; BUFFER],
        };
        for number in 0..connections {
            let connection = load.connect(number);
            load.connections.push(connection);
        }
        load
    }

    fn connect(&self, number: usize) -> Connection {
        let socket = UnixStream::connect(&self.to).unwrap();
        socket.set_nonblocking(true).unwrap();
        self.poll.add(&socket, number as u64, EventFlags::IN);
        let heard = Heard::Head(Vec::new());
        let (outbox, started) = (Outbox::default(), Instant::now());
        Connection { socket, outbox, heard, started, stuck: false, exchanges: 0 }
    }

    /// Repeats `exchange` on all connections at once. With `fresh` each exchange makes a new connection,
    /// which is part of its time.
    pub(crate) fn repeat(&mut self, exchange: &Exchange, until: Until, fresh: bool) -> Times {
        let began = Instant::now();
        let mut each = Vec::new();
        for number in 0..self.connections.len() {
            self.connections[number].exchanges = 0;
            self.begin(number, exchange, fresh);
        }
        let mut running = self.connections.len();
        while running > 0 {
            let events = self.poll.wait(Some(PATIENCE));
            assert!(events > 0, "timed out at {}", self.to.display());
            for at in 0..events {
                let (number, flags) = self.poll.event(at);
                let number = usize::try_from(number).unwrap();
                if !self.moved(number, flags, exchange) {
                    continue;
                }
                each.push(self.connections[number].started.elapsed());
                if until.goes_on(began, self.connections[number].exchanges) {
                    self.begin(number, exchange, fresh);
                } else {
                    running -= 1;
                }
            }
        }
        Times { each, all: began.elapsed() }
    }

    fn begin(&mut self, number: usize, exchange: &Exchange, fresh: bool) {
        let started = Instant::now();
        if fresh {
            let exchanges = self.connections[number].exchanges;
            self.connections[number] = Connection { exchanges, ..self.connect(number) };
        }
        let connection = &mut self.connections[number];
        connection.started = started;
        connection.exchanges += 1;
        connection.heard = match exchange.expects {
            Expects::Bytes(bytes) => Heard::Bytes(bytes),
            Expects::Response(..) | Expects::Status(_) => Heard::Head(Vec::new()),
        };
        connection.outbox.push(&exchange.request);
        connection.send(number, &self.poll);
    }

    /// Handles an event; returns `true` when the exchange is complete.
    fn moved(&mut self, number: usize, flags: EventFlags, exchange: &Exchange) -> bool {
        let connection = &mut self.connections[number];
        if flags.contains(EventFlags::OUT) {
            connection.send(number, &self.poll);
        }
        if !flags.contains(EventFlags::IN) {
            return false;
        }
        let read = rustix::io::read(&connection.socket, &mut *self.buffer).unwrap();
        assert!(read > 0, "{} ended the connection", self.to.display());
        connection.heard.hear(&self.buffer[..read], exchange.expects)
    }
}

impl Connection {
    fn send(&mut self, number: usize, poll: &Poll) {
        self.outbox.flush(&self.socket).unwrap();
        let stuck = !self.outbox.is_empty();
        if self.stuck != stuck {
            self.stuck = stuck;
            let also = if stuck { EventFlags::OUT } else { EventFlags::empty() };
            poll.change(&self.socket, number as u64, EventFlags::IN | also);
        }
    }
}

impl Heard {
    /// Reads the next bytes of the answer; returns `true` when it is complete.
    fn hear(&mut self, bytes: &[u8], expects: Expects) -> bool {
        match self {
            Self::Bytes(left) => {
                *left = left.checked_sub(bytes.len() as u64).unwrap();
                *left == 0
            }
            Self::Head(held) => {
                let at_once = held.is_empty();
                if !at_once {
                    held.extend_from_slice(bytes);
                }
                let whole = if at_once { bytes } else { held.as_slice() };
                let Some(end) = memmem::find(whole, b"\r\n\r\n") else {
                    *held = whole.to_vec();
                    return false;
                };
                let (top, rest) = whole.split_at(end + 4);
                let response = head::response(top, false).unwrap();
                let (Expects::Response(status, _) | Expects::Status(status)) = expects else {
                    unreachable!("a head was waited for");
                };
                let text = String::from_utf8_lossy(whole);
                assert_eq!(response.status, status, "{text}");
                let content = Content::new(response.framing);
                let mut next = Self::Content { content, line: Vec::new() };
                let over = next.hear(rest, expects);
                *self = next;
                over
            }
            Self::Content { content, line } => {
                if line.is_empty() {
                    let taken = content.take(bytes);
                    line.extend_from_slice(&bytes[taken..]);
                } else {
                    line.extend_from_slice(bytes);
                    let taken = content.take(line);
                    line.drain(..taken);
                }
                let over = content.is_over();
                if let Expects::Response(_, length) = expects
                    && over
                {
                    assert_eq!(content.length, length, "the content has another length");
                }
                over
            }
        }
    }
}
