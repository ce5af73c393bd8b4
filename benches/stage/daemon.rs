//! A daemon that only sends prepared responses, faster than any proxy in front of it. The request-target
//! selects the response; see [`answer`].

use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use dockerd_ci_proxy::http::head;
use memchr::memmem;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};

use super::content::{Content, Message, Outbox, chunks, long, once};
use super::events::Poll;

/// Size of a read: a full socket queue.
const BUFFER: usize = 256 * 1024;

const LISTENER: u64 = u64::MAX;

const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);

/// The API version of a daemon whose images the proxy remembers, that of Docker 28.
pub(crate) const NEW: &str = "1.51";

/// The API version of a daemon that the proxy asks before each create, that of Docker 24.
pub(crate) const OLD: &str = "1.43";

/// The API version that this process reports.
static API: OnceLock<&str> = OnceLock::new();

/// Returns the fields that dockerd sends with every response.
fn fields() -> String {
    let api = API.get().unwrap();
    format!(
        "Api-Version: {api}\r\nContent-Type: application/json\r\nDocker-Experimental: false\r\n\
         Ostype: linux\r\nServer: Docker/28.5.2 (linux)\r\nDate: Tue, 04 Jun 2024 12:00:00 GMT\r\n"
    )
}

/// Reaction to a request once its body is complete.
#[derive(Clone)]
enum Answer {
    Say(Rc<Message>),
    /// A tunnel follows.
    Upgrade(Tunnel),
}

/// Behaviour in a tunnel.
#[derive(Clone)]
enum Tunnel {
    /// Sends back everything it receives.
    Echo,
    /// Answers each byte with this message.
    Source(Rc<Message>),
    /// Answers every `bytes` bytes with one byte.
    Sink { bytes: u64, left: u64 },
}

/// Returns the answer to a request-target.
///
/// `length=N` and `chunk=SIZE&count=N` select the content of a response; `echo`, `source=N` and `sink=N`
/// select the behaviour in a tunnel. Any other target gets a short version of a real daemon's response.
fn answer(target: &str) -> Answer {
    let fields = fields();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let asked: HashMap<&str, &str> =
        query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    let number = |name| asked.get(name).map(|number| number.parse::<u64>().unwrap());
    let (status, content) = match path.rsplit('/').next().unwrap() {
        "attach" => return Answer::Upgrade(tunnel(&number)),
        // Nothing happens.
        "events" => {
            return Answer::Say(Rc::new(vec![once(format!(
                "HTTP/1.1 200 OK\r\n{fields}Transfer-Encoding: chunked\r\n\r\n"
            ))]));
        }
        "_ping" => ("200 OK", "OK".to_owned()),
        "info" => ("200 OK", filled(r#"{"CgroupDriver":"cgroupfs","Filler":""#, 2048)),
        "json" => ("200 OK", filled(r#"{"Os":"linux","Config":{"Volumes":null},"Filler":""#, 1536)),
        "create" => ("201 Created", format!(r#"{{"Id":"{}","Warnings":[]}}"#, "5e".repeat(32))),
        _ => ("200 OK", "{}\n".to_owned()),
    };
    let said = |framing: &str, mut body: Message| {
        body.insert(0, once(format!("HTTP/1.1 {status}\r\n{fields}{framing}\r\n\r\n")));
        Answer::Say(Rc::new(body))
    };
    match (number("length"), number("chunk"), number("count")) {
        (Some(length), _, _) => said(&format!("Content-Length: {length}"), long(length)),
        (_, Some(size), Some(count)) => {
            said("Transfer-Encoding: chunked", chunks(usize::try_from(size).unwrap(), count))
        }
        _ => {
            let length = content.len();
            let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n");
            Answer::Say(Rc::new(vec![once(head + &content)]))
        }
    }
}

fn tunnel(number: &impl Fn(&'static str) -> Option<u64>) -> Tunnel {
    match (number("source"), number("sink")) {
        (Some(bytes), _) => Tunnel::Source(Rc::new(long(bytes))),
        (_, Some(bytes)) => Tunnel::Sink { bytes, left: bytes },
        _ => Tunnel::Echo,
    }
}

/// Fills `start` up to `length` with the rest of a string and the end of an object.
fn filled(start: &str, length: usize) -> String {
    format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
}

/// State of a connection.
enum State {
    Head,
    Body(Content, Answer),
    Tunnel(Tunnel),
}

struct Connection {
    socket: OwnedFd,
    state: State,
    /// The beginning of an incomplete head or line.
    inbox: Vec<u8>,
    outbox: Outbox,
    stuck: bool,
    /// There will be no further event from the client.
    ending: bool,
    /// The client wants the connection closed after the response.
    last: bool,
}

struct Daemon {
    poll: Poll,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answers: HashMap<String, Answer>,
    buffer: Vec<u8>,
    calm: bool,
}

/// Serves at `listen` until it is killed.
pub(crate) fn run(listen: &Path, calm: bool, api: &'static str) -> ! {
    API.set(api).unwrap();
    super::way::raise_limit();
    let listener = UnixListener::bind(listen).unwrap();
    rustix::net::listen(&listener, 4096).unwrap();
    let poll = Poll::new();
    poll.add(&listener, LISTENER, EventFlags::IN);
    let mut daemon = Daemon {
        poll,
        connections: Vec::new(),
        free: Vec::new(),
        answers: HashMap::new(),
        buffer: vec![0; BUFFER],
        calm,
    };
    loop {
        let mut ended = Vec::new();
        for at in 0..daemon.poll.wait(None) {
            let (number, flags) = daemon.poll.event(at);
            if number == LISTENER {
                daemon.accept(&listener).unwrap();
                continue;
            }
            let slot = usize::try_from(number).unwrap();
            if daemon.moved(slot, flags).is_err() && daemon.connections[slot].take().is_some() {
                ended.push(slot);
            }
        }
        // Only at the end: there may be events of sockets that are already closed.
        daemon.free.append(&mut ended);
    }
}

impl Daemon {
    fn accept(&mut self, listener: &UnixListener) -> io::Result<()> {
        let socket = accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        self.poll.add(&socket, slot as u64, WATCHED);
        let (inbox, outbox) = (Vec::new(), Outbox::default());
        let (state, stuck, ending, last) = (State::Head, false, false, false);
        self.connections[slot] =
            Some(Connection { socket, state, inbox, outbox, stuck, ending, last });
        Ok(())
    }

    /// Handles an event; returns `Err` when the connection has ended.
    fn moved(&mut self, slot: usize, flags: EventFlags) -> Result<(), Errno> {
        let Some(connection) = &mut self.connections[slot] else {
            return Ok(());
        };
        connection.ending |= flags.intersects(EventFlags::RDHUP | EventFlags::HUP);
        let mut heard = flags.intersects(!EventFlags::OUT);
        while heard {
            match rustix::io::read(&connection.socket, &mut *self.buffer) {
                Ok(0) => return Err(Errno::PIPE),
                Ok(read) => {
                    connection.hear(&self.buffer[..read], &mut self.answers);
                    // Bytes that come from now on cause a new event.
                    heard = read == BUFFER || connection.ending;
                }
                Err(Errno::AGAIN) => heard = false,
                Err(error) => return Err(error),
            }
        }
        if self.calm {
            sleep(Duration::from_millis(1));
        }
        connection.outbox.flush(&connection.socket)?;
        let stuck = !connection.outbox.is_empty();
        if connection.last && !stuck && matches!(connection.state, State::Head) {
            return Err(Errno::PIPE);
        }
        if connection.stuck != stuck {
            connection.stuck = stuck;
            let flags = if stuck { WATCHED | EventFlags::OUT } else { WATCHED };
            self.poll.change(connection.socket.as_fd(), slot as u64, flags);
        }
        Ok(())
    }
}

impl Connection {
    fn hear(&mut self, bytes: &[u8], answers: &mut HashMap<String, Answer>) {
        let mut held = mem::take(&mut self.inbox);
        let mut rest = bytes;
        if !held.is_empty() {
            held.extend_from_slice(bytes);
            rest = &held;
        }
        loop {
            let taken = self.step(rest, answers);
            if taken == 0 {
                break;
            }
            rest = &rest[taken..];
        }
        self.inbox = rest.to_vec();
    }

    /// Takes what is complete from the start of `bytes`. Returns the number of bytes, 0 if more are needed.
    fn step(&mut self, bytes: &[u8], answers: &mut HashMap<String, Answer>) -> usize {
        match &mut self.state {
            State::Head => {
                let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
                    return 0;
                };
                let request = head::request(&bytes[..end + 4]).unwrap();
                if !answers.contains_key(request.target) {
                    answers.insert(request.target.to_owned(), answer(request.target));
                }
                let answer = answers[request.target].clone();
                self.last = !request.persistent;
                self.state = State::Body(Content::new(request.framing), answer);
                self.settle(&[]);
                end + 4
            }
            State::Body(..) => self.settle(bytes),
            State::Tunnel(tunnel) => {
                tunnel.hear(bytes, &mut self.outbox);
                bytes.len()
            }
        }
    }

    /// Takes bytes of the body, and answers after its end.
    fn settle(&mut self, bytes: &[u8]) -> usize {
        let State::Body(content, answer) = &mut self.state else {
            return 0;
        };
        let taken = content.take(bytes);
        if content.is_over() {
            match answer {
                Answer::Say(message) => {
                    self.outbox.push(message);
                    self.state = State::Head;
                }
                Answer::Upgrade(tunnel) => {
                    self.outbox.push(&[once(
                        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n\
                         Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                    )]);
                    self.state = State::Tunnel(tunnel.clone());
                }
            }
        }
        taken
    }
}

impl Tunnel {
    fn hear(&mut self, bytes: &[u8], outbox: &mut Outbox) {
        match self {
            Self::Echo => outbox.push(&[once(bytes)]),
            Self::Source(message) => bytes.iter().for_each(|_| outbox.push(message)),
            Self::Sink { bytes: whole, left } => {
                *left = left.saturating_sub(bytes.len() as u64);
                if *left == 0 {
                    *left = *whole;
                    outbox.push(&[once("k")]);
                }
            }
        }
    }
}
