//! The sockets of the desk where the proxy answers questions about itself; what is said there is
//! `stats::desk`'s business.
//!
//! It must not disturb those who are served: there are only so many guests at a time, each says and
//! gets only so much, has only so much time, and is never waited for.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use log::warn;
use mio::net::UnixStream;
use mio::{Interest, Registry, Token};

use super::daemons::unreachable;
use crate::net::listen::Listener;
use crate::proxy::Unreachable;
use crate::stats::desk::{self, Asked, PING, Question};
use crate::stats::{Counters, Present, page};

/// Guests at a time: somebody who scrapes, some who look after the process, and a person. Others
/// wait in the kernel's queue.
const GUESTS: usize = 4;

/// Descriptors that the desk may have open: its listener, and a guest's and a daemon's socket each.
pub(super) const FILES: usize = 1 + 2 * GUESTS;

/// How long a guest may take to ask, and to read the answer.
const GUEST_TIME: Duration = Duration::from_secs(5);

/// How long the daemon may take to say that it is ready.
const DAEMON_TIME: Duration = Duration::from_secs(2);

/// The pause before accepting is tried again when the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The token of the listener; those of the guests' and their daemons' sockets follow. Tokens of
/// pairs are larger, the server's own are smaller.
const FIRST: usize = 1 << 20;

/// The desk.
#[derive(Debug)]
pub(super) struct Desk {
    listener: Listener,
    door: Door,
    guests: [Option<Guest>; GUESTS],
    /// Whether an event has come since the last turn.
    stirred: bool,
}

/// Whether somebody waits to be a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Quiet,
    Knocked,
    /// Somebody does, but is not let in before this time.
    Paused(Instant),
}

/// What the answers are made of.
pub(super) struct Facts<'f> {
    pub(super) counters: &'f Counters,
    pub(super) present: Present,
    /// The path of the daemon's socket.
    pub(super) daemon: &'f Path,
    pub(super) registry: &'f Registry,
    pub(super) now: Instant,
}

#[derive(Debug)]
struct Guest {
    stream: UnixStream,
    work: Work,
    until: Instant,
}

/// What is going on with a guest.
#[derive(Debug)]
enum Work {
    /// The request is read.
    Reading(Vec<u8>),
    /// The daemon is asked whether it is ready.
    Asking(Probe),
    /// The answer is written.
    Writing { answer: Vec<u8>, written: usize },
}

#[derive(Debug)]
struct Probe {
    daemon: UnixStream,
    unsent: &'static [u8],
    answer: Vec<u8>,
    to_head: bool,
}

/// What comes of a look at a guest.
enum Step {
    Wait,
    Then(Work),
    Leave,
}

impl Desk {
    /// Answers whoever connects to `listener`.
    pub(super) fn new(mut listener: Listener, registry: &Registry) -> io::Result<Self> {
        registry.register(&mut listener, Token(FIRST), Interest::READABLE)?;
        let guests = [const { None }; GUESTS];
        Ok(Self { listener, door: Door::Quiet, guests, stirred: false })
    }

    pub(super) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Takes the listener's file from another process that answers there no more.
    pub(super) fn take_file(&mut self) {
        self.listener.take_file();
    }

    /// Leaves the listener, and its file, to another process that has it open.
    pub(super) fn leave(mut self, registry: &Registry) {
        // It stays open there, and its guests would go on waking us.
        let _ = registry.deregister(&mut self.listener);
        self.listener.leave_file();
    }

    /// Remembers an event; `false` when it is not the desk's.
    pub(super) fn note(&mut self, token: Token) -> bool {
        let ours = (FIRST..=FIRST + 2 * GUESTS).contains(&token.0);
        self.stirred |= ours;
        if token.0 == FIRST && self.door == Door::Quiet {
            self.door = Door::Knocked;
        }
        ours
    }

    /// When it is to be looked at even without an event, `now` if at once.
    pub(super) fn wakes(&self, now: Instant) -> Option<Instant> {
        if self.stirred {
            return Some(now);
        }
        let door = match self.door {
            Door::Paused(until) => Some(until),
            Door::Quiet | Door::Knocked => None,
        };
        self.guests.iter().flatten().map(|guest| guest.until).chain(door).min()
    }

    /// Does what can be done for the guests.
    pub(super) fn turn(&mut self, facts: &Facts<'_>) {
        if matches!(self.door, Door::Paused(until) if until <= facts.now) {
            self.door = Door::Knocked;
            self.stirred = true;
        }
        let due = self.guests.iter().flatten().any(|guest| guest.until <= facts.now);
        if !self.stirred && !due {
            return;
        }
        // One at a time: whoever comes without end has no more than a part of the loop's time.
        self.welcome(facts);
        self.serve(facts);
        let room = self.guests.iter().any(Option::is_none);
        self.stirred = room && self.door == Door::Knocked;
    }

    /// Sends all guests away.
    pub(super) fn clear(&mut self) {
        self.guests = [const { None }; GUESTS];
    }

    fn serve(&mut self, facts: &Facts<'_>) {
        for (place, seat) in self.guests.iter_mut().enumerate() {
            if seat.as_mut().is_some_and(|guest| !guest.turn(place, facts)) {
                *seat = None;
            }
        }
    }

    /// Lets the next one in, if somebody waits and there is room.
    fn welcome(&mut self, facts: &Facts<'_>) {
        let mut seats = self.guests.iter_mut().enumerate();
        let Some((place, seat)) = seats.find(|(_, seat)| seat.is_none()) else { return };
        if self.door != Door::Knocked {
            return;
        }
        let guest = self.listener.accept().and_then(|stream| Guest::new(stream, place, facts));
        match guest {
            Ok(guest) => *seat = Some(guest),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.door = Door::Quiet,
            Err(error) => {
                warn!("cannot accept on the stats socket: {error}; trying again");
                self.door = Door::Paused(facts.now + PAUSE);
            }
        }
    }
}

impl Guest {
    fn new(mut stream: UnixStream, place: usize, facts: &Facts<'_>) -> io::Result<Self> {
        watch(&mut stream, FIRST + 1 + 2 * place, facts.registry)?;
        let work = Work::Reading(Vec::new());
        Ok(Self { stream, work, until: facts.now + GUEST_TIME })
    }

    /// Goes on as far as nothing has to be waited for; `false` when it is to leave.
    fn turn(&mut self, place: usize, facts: &Facts<'_>) -> bool {
        loop {
            let late = self.until <= facts.now;
            let step = match &mut self.work {
                Work::Asking(probe) if late => {
                    let seconds = DAEMON_TIME.as_secs();
                    let why = format!("the daemon did not answer /_ping in {seconds} seconds");
                    probe.over(Err(&why))
                }
                _ if late => Step::Leave,
                Work::Reading(request) => read(&mut self.stream, request, place, facts),
                Work::Asking(probe) => probe.turn(),
                Work::Writing { answer, written } => write(&mut self.stream, answer, written),
            };
            match step {
                Step::Wait => return true,
                Step::Leave => return false,
                Step::Then(work) => {
                    let asks = matches!(work, Work::Asking(_));
                    self.until = facts.now + if asks { DAEMON_TIME } else { GUEST_TIME };
                    self.work = work;
                }
            }
        }
    }
}

fn watch(stream: &mut UnixStream, token: usize, registry: &Registry) -> io::Result<()> {
    registry.register(stream, Token(token), Interest::READABLE | Interest::WRITABLE)
}

fn read(stream: &mut UnixStream, request: &mut Vec<u8>, place: usize, facts: &Facts<'_>) -> Step {
    let mut piece = [0; 1024];
    loop {
        match desk::asked(request) {
            Asked::Partly => {}
            Asked::For(question, to_head) => return answer(question, to_head, place, facts),
            Asked::Wrong(answer) => return say(answer),
        }
        let room = (desk::REQUEST_LIMIT - request.len()).min(piece.len());
        match stream.read(piece.get_mut(..room).unwrap_or_default()) {
            Ok(0) => return Step::Leave,
            Ok(n) => request.extend(piece.iter().take(n)),
            Err(error) => return stuck(&error),
        }
    }
}

fn answer(question: Question, to_head: bool, place: usize, facts: &Facts<'_>) -> Step {
    match question {
        Question::Metrics => {
            say(desk::metrics(&page::render(facts.counters, &facts.present), to_head))
        }
        Question::Health => say(desk::health(to_head)),
        Question::Ready if facts.present.draining => {
            say(desk::ready(Err("the proxy is shutting down"), to_head))
        }
        Question::Ready => match Probe::new(to_head, place, facts) {
            Ok(probe) => Step::Then(Work::Asking(probe)),
            Err(error) => {
                let why = match unreachable(&error) {
                    Unreachable::Slow => "its queue is full".to_owned(),
                    why => why.to_string(),
                };
                let why = format!("the daemon at {} is away: {why}", facts.daemon.display());
                say(desk::ready(Err(&why), to_head))
            }
        },
    }
}

fn say(answer: Vec<u8>) -> Step {
    Step::Then(Work::Writing { answer, written: 0 })
}

fn write(stream: &mut UnixStream, answer: &[u8], written: &mut usize) -> Step {
    loop {
        let rest = answer.get(*written..).unwrap_or_default();
        if rest.is_empty() {
            return Step::Leave;
        }
        match stream.write(rest) {
            Ok(n) => *written += n,
            Err(error) => return stuck(&error),
        }
    }
}

/// What an error of reading or writing means: an event will tell of more, or there is none.
fn stuck(error: &io::Error) -> Step {
    match error.kind() {
        ErrorKind::WouldBlock => Step::Wait,
        _ => Step::Leave,
    }
}

impl Probe {
    fn new(to_head: bool, place: usize, facts: &Facts<'_>) -> io::Result<Self> {
        let mut daemon = UnixStream::connect(facts.daemon)?;
        watch(&mut daemon, FIRST + 2 + 2 * place, facts.registry)?;
        Ok(Self { daemon, unsent: PING, answer: Vec::new(), to_head })
    }

    fn turn(&mut self) -> Step {
        while !self.unsent.is_empty() {
            match self.daemon.write(self.unsent) {
                Ok(n) => self.unsent = self.unsent.get(n..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(_) => return self.heard(true),
            }
        }
        let mut piece = [0; 1024];
        loop {
            match self.daemon.read(&mut piece) {
                Ok(0) => return self.heard(true),
                Ok(n) => self.answer.extend(piece.iter().take(n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Wait,
                Err(_) => return self.heard(true),
            }
            if !matches!(self.heard(false), Step::Wait) {
                return self.heard(false);
            }
        }
    }

    fn heard(&self, ended: bool) -> Step {
        match desk::pong(&self.answer, ended) {
            None => Step::Wait,
            Some(Ok(())) => self.over(Ok(())),
            Some(Err(why)) => self.over(Err(&why)),
        }
    }

    fn over(&self, ready: Result<(), &str>) -> Step {
        say(desk::ready(ready, self.to_head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SocketAccess;
    use std::os::unix::net::UnixStream as Client;

    /// Whether an answer has come.
    fn is_answered(guest: &Client) -> bool {
        guest.set_nonblocking(true).unwrap();
        let mut guest = guest;
        guest.read(&mut [0; 64]).is_ok_and(|n| n > 0)
    }

    #[test]
    fn guests_who_come_without_end_are_let_in_one_in_a_turn() {
        let folder = std::env::temp_dir().join(format!("dcp-desk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (socket, daemon) = (folder.join("stats"), folder.join("daemon"));
        let listener = Listener::bind(&socket, SocketAccess::default(), &daemon).unwrap();
        let poll = mio::Poll::new().unwrap();
        let mut desk = Desk::new(listener, poll.registry()).unwrap();
        let guests: Vec<_> = (0..3 * GUESTS)
            .map(|_| {
                let mut guest = Client::connect(&socket).unwrap();
                guest.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").unwrap();
                guest
            })
            .collect();
        let counters = Counters::default();
        let present = Present { open: 0, room: 1, draining: false, started: Duration::default() };
        let (registry, now) = (poll.registry(), Instant::now());
        let facts = Facts { counters: &counters, present, daemon: &daemon, registry, now };
        assert!(desk.note(Token(FIRST)));
        for turn in 1..=guests.len() {
            assert_eq!(desk.wakes(now), Some(now));
            desk.turn(&facts);
            assert!(guests.get(turn - 1).is_some_and(is_answered), "{turn}");
            assert!(!guests.get(turn).is_some_and(is_answered), "{turn}");
        }
        // One more look shows that nobody else is there; then it rests.
        desk.turn(&facts);
        assert_eq!(desk.wakes(now), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
