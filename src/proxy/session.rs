//! One client connection and the daemon connection paired with it: their state, their ends, and the next
//! step of the shell.
//!
//! The table has the effect of each end. Permitted bytes are always sent first. Each cell has a page in
//! `tests/transcripts/endings`, named after its column and row:
//!
//! | | client half-closes | client disappears | daemon half-closes | daemon disappears |
//! |---|---|---|---|---|
//! | before a request | both are closed | both are closed | it is dialled again, unseen | the same |
//! | between requests | both are closed | both are closed | the client is half-closed | the same |
//! | in a head | both are closed | both are closed | it is dialled again, unseen | the same |
//! | in a body that is collected | the daemon is closed, the client gets an error | both are closed | it is dialled again, unseen | the same |
//! | while the daemon is asked | the request goes out, then the half-close | the request goes out, then the daemon is closed | the client gets an error | the same |
//! | in a body | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | behind a request | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a response | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a tunnel | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a refusal | the client is closed | the client is closed | nothing: it was closed | nothing |
//!
//! A client that the proxy half-closes after the daemon has gone, or answers with a fault, may continue
//! to send while it reads. These bytes are dropped, until it closes or its time is over
//! ([`Deadline::Linger`](super::Deadline::Linger)).
//!
//! While bytes of a disappeared client are still on their way to the daemon, the daemon's writes already
//! fail, as they would without the proxy.

mod expiry;
mod facts;
mod parked;

use std::mem;
use std::rc::Rc;
use std::time::Instant;

use super::exchange::Exchange;
use super::fault::{Away, Fault, Unreachable};
use super::lane::{Lane, Sink};
use super::lanes::Lanes;
use super::outcome::{Call, Outcome, Traffic};
use super::turn::{Hand, Turn};
use super::{ListenerSettings, Notes, Step};
use crate::http::head::Scan;
use crate::rules::socket::Note;

pub use parked::Parked;

/// The daemon connection of a session.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// It does not exist.
    Absent,
    /// The shell is making it.
    Dialling,
    /// It could not be made.
    Away(Box<Away>),
    /// It exists since this number of bytes had been sent to the daemon.
    Connected { since: u64 },
    /// The shell is to close it.
    Stale,
}

/// One client connection and the daemon connection paired with it.
#[derive(Debug)]
pub struct Session {
    settings: Rc<ListenerSettings>,
    lanes: Lanes,
    link: Link,
    exchange: Exchange,
    /// Daemon connections in a row that ended before anything was sent on them.
    hangups: u8,
    /// Pending notes for the log.
    notes: Notes,
    closed: bool,
}

const UNASKED: Note = Note::Way("the daemon sent something that nobody had asked for; closed");

const HUNG_UP: Note =
    Note::Way("the daemon hung up before its answer was complete; its log may tell why");

/// Maximum number of daemon connections in a row that end unused while a request waits. One ends so when
/// the daemon restarts, or has waited 5 minutes for a first request. A daemon that ends every connection
/// must not make the proxy redial forever.
const HANGUPS: u8 = 3;

/// The part for the shell.
impl Session {
    /// Makes the session of a client that was just accepted. The shell is already connecting to the
    /// daemon.
    #[must_use]
    pub fn new(settings: Rc<ListenerSettings>) -> Self {
        let mut session = Self {
            settings,
            lanes: Lanes::default(),
            link: Link::Dialling,
            exchange: Exchange::Idle(Scan::default()),
            hangups: 0,
            notes: Vec::new(),
            closed: false,
        };
        session.answer_itself();
        session
    }

    /// Returns the lane from the client to the daemon.
    pub fn up(&mut self) -> &mut Lane {
        &mut self.lanes.up
    }

    /// Returns the lane from the daemon to the client.
    pub fn down(&mut self) -> &mut Lane {
        &mut self.lanes.down
    }

    /// Returns the number of bytes of the client that may be held now.
    #[must_use]
    pub fn up_limit(&self) -> usize {
        self.exchange.up_limit()
    }

    /// Returns the number of bytes of the daemon that may be held now.
    #[must_use]
    pub fn down_limit(&self) -> usize {
        self.exchange.down_limit()
    }

    /// Returns the settings of the present exchange, or those of the next one.
    #[must_use]
    pub fn settings(&self) -> &ListenerSettings {
        &self.settings
    }

    /// Returns the numbers of bytes sent since the connection was made, or since it was idle.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.lanes.traffic()
    }

    /// Takes the arrival time of a request that was just written to the daemon: of its head, or of its
    /// gathered body.
    pub fn handed(&mut self) -> Option<Instant> {
        self.lanes.handed()
    }

    /// Records that the daemon connection was made.
    pub fn connected(&mut self) {
        self.link = Link::Connected { since: self.lanes.up.count() };
    }

    /// There can be no connection to the daemon now.
    pub fn away(&mut self, away: Away) {
        self.link = match &mut self.exchange {
            Exchange::Answering(answering) => {
                answering.away(&away, &mut self.lanes);
                Link::Absent
            }
            _ => Link::Away(Box::new(away)),
        };
    }

    /// Returns `true` if bytes from the daemon have a reader: the client, or the proxy with a question.
    #[must_use]
    pub fn hears_daemon(&self) -> bool {
        self.lanes.down.sink() != Sink::Broken || self.exchange.owes_daemon()
    }

    /// Records that the client will send no more, and that everything was received.
    pub fn client_ended(&mut self) {
        self.lanes.up.source_ended();
    }

    /// Records that the client receives no more. Bytes that it sent may still follow.
    pub fn client_gone(&mut self) {
        self.lanes.down.sink_broke();
    }

    /// Records that the daemon will send no more, and that everything was received.
    pub fn daemon_ended(&mut self) {
        if !self.discards_unused() {
            self.lanes.down.source_ended();
        }
    }

    /// Records that the daemon receives no more. Bytes that it sent may still follow.
    pub fn daemon_gone(&mut self) {
        if !self.discards_unused() {
            self.lanes.up.sink_broke();
        }
    }

    /// Returns `true` if no exchange is running and no bytes of a request have arrived.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.exchange, Exchange::Idle(_)) && self.lanes.up.unseen().is_empty()
    }

    /// Ends the running exchange, which the shell cuts off. Returns its outcome.
    pub fn abandon(&mut self, now: Instant) -> Option<Outcome> {
        let call = mem::take(&mut self.exchange).into_call()?;
        Some(call.over(now, self.lanes.traffic()))
    }

    /// Processes the received bytes. Returns the next step of the shell, which calls this again after any
    /// step but [`Step::Wait`] and [`Step::Close`].
    pub fn advance(&mut self, now: Instant) -> Step {
        loop {
            if let Some(step) = self.tend_connections(now) {
                return step;
            }
            let mut hand = Hand {
                lanes: &mut self.lanes,
                notes: &mut self.notes,
                settings: &self.settings,
                now,
            };
            match self.exchange.advance(&mut hand) {
                Turn::Wait => return self.tend_connections(now).unwrap_or(Step::Wait),
                Turn::Again => {}
                Turn::Step(step) => return step,
                Turn::End(call, Some(last)) => return self.end(call, last, now),
                Turn::End(call, None) => {
                    self.note_hangup(&call);
                    self.cut();
                    return Step::Report(call.over(now, self.lanes.traffic()));
                }
                Turn::Unasked if self.discards_unused() => {
                    self.exchange = Exchange::Idle(Scan::default());
                }
                Turn::Unasked => {
                    self.cut();
                    return Step::Warn(UNASKED, None);
                }
                Turn::Close => self.closed = true,
            }
        }
    }
}

impl Session {
    /// Adds a note if the daemon hung up first. The daemon cancels requests at a half-close of the client.
    fn note_hangup(&mut self, call: &Call) {
        let down = &self.lanes.down;
        if down.has_ended() && down.sink() == Sink::Open && !self.lanes.up.has_ended() {
            self.notes.push((HUNG_UP, call.operation.name));
        }
    }

    /// Checks the two connections. This precedes the exchange.
    #[inline]
    fn tend_connections(&mut self, now: Instant) -> Option<Step> {
        if self.is_steady() { None } else { self.mend_connections(now) }
    }

    /// Returns `true` if both connections are open, and no note is pending.
    fn is_steady(&self) -> bool {
        self.lanes.down.sink() == Sink::Open
            && matches!(self.link, Link::Connected { .. })
            && self.hangups == 0
            && self.notes.is_empty()
            && !self.closed
    }

    fn mend_connections(&mut self, now: Instant) -> Option<Step> {
        if let Some((note, operation)) = self.notes.pop() {
            return Some(Step::Warn(note, Some(operation)));
        }
        if self.closed || self.is_over() {
            if let Some(outcome) = self.abandon(now) {
                return Some(Step::Report(outcome));
            }
            return Some(Step::Close);
        }
        match &self.link {
            Link::Stale => {
                // Its bytes answer no request of the next connection.
                let unseen = self.lanes.down.unseen().len();
                self.lanes.down.take(unseen);
                self.link = Link::Absent;
                Some(Step::Hangup)
            }
            Link::Absent if self.owes_bytes() && self.hangups < HANGUPS => {
                self.hangups += 1;
                self.link = Link::Dialling;
                Some(Step::Dial)
            }
            Link::Absent if self.owes_bytes() => {
                let socket = self.settings.upstream.socket.clone();
                self.away(Away { socket, why: Unreachable::HangsUp });
                self.mend_connections(now)
            }
            Link::Away(away) if self.owes_bytes() => {
                let fault = Fault::Away(Away::clone(away));
                let call = mem::take(&mut self.exchange).into_call();
                let call = call.unwrap_or_else(|| Call::new(now, self.lanes.traffic()));
                Some(self.answer(call, &fault, now))
            }
            Link::Away(_) => {
                self.link = Link::Absent;
                None
            }
            Link::Absent | Link::Dialling => None,
            Link::Connected { .. } => {
                if !self.is_unused() {
                    self.hangups = 0;
                }
                None
            }
        }
    }

    /// Returns `true` if bytes wait for a daemon connection.
    fn owes_bytes(&self) -> bool {
        !self.lanes.up.is_flushed()
    }

    /// Returns `true` if nothing more can happen.
    fn is_over(&self) -> bool {
        let Lanes { up, down, .. } = &self.lanes;
        let client_done = match down.sink() {
            Sink::Broken => {
                up.has_ended() || !self.exchange.wants_client() || up.sink() == Sink::Broken
            }
            Sink::Finished => up.has_ended(),
            Sink::Open | Sink::Finishing => false,
        };
        client_done
            && !self.exchange.owes_daemon()
            && up.is_flushed()
            && !matches!(self.link, Link::Dialling)
    }

    /// Discards a daemon connection that ended unused. Returns `true` if the connection is discarded.
    fn discards_unused(&mut self) -> bool {
        if self.is_unused() {
            self.link = Link::Stale;
        }
        self.link == Link::Stale
    }

    fn is_unused(&self) -> bool {
        self.link == Link::Connected { since: self.lanes.up.count() }
    }

    /// Answers the client with a fault, and ends the connection.
    fn answer(&mut self, mut call: Call, fault: &Fault, now: Instant) -> Step {
        call.refused(fault);
        let answer = fault.answer(call.to_head);
        self.end(call, answer, now)
    }

    /// Sends `last` as the last bytes on the connection.
    fn end(&mut self, call: Call, last: Vec<u8>, now: Instant) -> Step {
        self.lanes.down.stop();
        let mut traffic = self.lanes.traffic();
        traffic.to_client += last.len() as u64;
        self.lanes.down.queue(last);
        self.cut();
        Step::Report(call.over(now, traffic))
    }

    /// Discards the daemon connection. The client gets the permitted bytes, and the end.
    fn cut(&mut self) {
        self.lanes.down.stop();
        self.lanes.down.finish();
        self.lanes.up.sink_broke();
        self.link = match self.link {
            Link::Absent | Link::Away(_) => Link::Absent,
            Link::Dialling | Link::Connected { .. } | Link::Stale => Link::Stale,
        };
        self.exchange = Exchange::Ending;
    }
}
