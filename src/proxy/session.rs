//! One client connection and the daemon connection paired with it: which of them are there, how
//! their ends are passed on, and what the shell is to do next.
//!
//! What happens at each end. The bytes that were permitted always leave first; and each cell is a
//! page of `tests/transcripts/endings`, which is called as the column and the row are:
//!
//! | | client half-closes | client disappears | daemon half-closes | daemon disappears |
//! |---|---|---|---|---|
//! | before a request | both are closed | both are closed | it is dialled again, unseen | the same |
//! | between requests | both are closed | both are closed | the client is half-closed | the same |
//! | in a head | both are closed | both are closed | it is dialled again, unseen | the same |
//! | in a body that is collected | the daemon is closed, the client told | both are closed | it is dialled again, unseen | the same |
//! | while the daemon is asked | the request goes out, then the half-close | the request goes out, then the daemon is closed | the client is told | the same |
//! | in a body | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | behind a request | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a response | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a tunnel | the daemon is half-closed | the daemon is closed | the client is half-closed | the same |
//! | in a refusal | the client is closed | the client is closed | nothing: it was closed | nothing |
//!
//! A client that is half-closed by us while its daemon is gone, or that is told why by us, may go on
//! sending into the void while it reads, until it closes or has had its time ([`Patience::Linger`]).
//!
//! While bytes of a client that disappeared are still on their way to the daemon, the daemon's own
//! writes fail already, as they would without us.

mod facts;
mod rest;

use std::mem;
use std::rc::Rc;
use std::time::Instant;

use super::exchange::Exchange;
use super::fault::{Away, Fault, Unreachable};
use super::lane::{Lane, Sink};
use super::lanes::Lanes;
use super::outcome::{Call, Outcome, Traffic};
use super::patience::Patience;
use super::turn::{Hand, Turn};
use super::{ListenerSettings, Notes, Step};
use crate::http::head::Scan;
use crate::rules::socket::Note;

pub use rest::Rest;

/// The daemon connection of a session.
#[derive(Debug, PartialEq, Eq)]
enum Link {
    /// There is none.
    Absent,
    /// The shell is making one.
    Dialling,
    /// It could not be made.
    Away(Box<Away>),
    /// There is one; when it was made, so many bytes had left for the daemon.
    Connected { since: u64 },
    /// It is to be closed.
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
    /// What the log is still to be told, and of which operation.
    notes: Notes,
    closed: bool,
}

const UNASKED: Note = "the daemon sent something that nobody had asked for; closed";

const HUNG_UP: Note = "the daemon hung up before its answer was complete; its log may tell why";

/// Daemon connections in a row that may end unused while a request waits. One ends so when the daemon
/// restarts or has waited 5 minutes for a first request; who ends each at once must not keep us busy.
const HANGUPS: u8 = 3;

/// For the shell.
impl Session {
    /// A client that was just accepted, to whose daemon connection the shell is dialling.
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

    /// From the client to the daemon.
    pub fn up(&mut self) -> &mut Lane {
        &mut self.lanes.up
    }

    /// From the daemon to the client.
    pub fn down(&mut self) -> &mut Lane {
        &mut self.lanes.down
    }

    /// Bytes of the client that may be held now.
    #[must_use]
    pub fn up_limit(&self) -> usize {
        self.exchange.up_limit()
    }

    /// Bytes of the daemon that may be held now.
    #[must_use]
    pub fn down_limit(&self) -> usize {
        self.exchange.down_limit()
    }

    /// Bytes that have left since the connection began, or since it rested.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.lanes.traffic()
    }

    /// Since when a request has been here that the daemon's socket has got now, or as much of it as is
    /// looked at; told once. What is rewritten counts from the moment when its body was complete.
    pub fn handed(&mut self) -> Option<Instant> {
        self.lanes.handed()
    }

    /// There is a connection to the daemon.
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

    /// Whether what the daemon says is for anybody: a client that is there, or us who have asked.
    #[must_use]
    pub fn hears_daemon(&self) -> bool {
        self.lanes.down.sink() != Sink::Broken || self.exchange.owes_daemon()
    }

    /// The client will send nothing more; all it sent was received.
    pub fn client_ended(&mut self) {
        self.lanes.up.source_ended();
    }

    /// The client takes nothing any more. What it sent may still be on its way.
    pub fn client_gone(&mut self) {
        self.lanes.down.sink_broke();
    }

    /// The daemon will send nothing more; all it sent was received.
    pub fn daemon_ended(&mut self) {
        if !self.lets_unused_go() {
            self.lanes.down.source_ended();
        }
    }

    /// The daemon takes nothing any more. What it sent may still be on its way.
    pub fn daemon_gone(&mut self) {
        if !self.lets_unused_go() {
            self.lanes.up.sink_broke();
        }
    }

    /// What may be waited for only so long now.
    #[must_use]
    pub fn patience(&self) -> Patience {
        match &self.exchange {
            Exchange::Idle(_) if !self.lanes.up.unseen().is_empty() => Patience::Head,
            Exchange::Ending if self.lingers() => Patience::Linger,
            Exchange::Answering(answering) => answering.patience(),
            _ => Patience::Endless,
        }
    }

    /// What [`patience`](Self::patience) says was waited for too long.
    pub fn expired(&mut self, now: Instant) -> Step {
        match self.patience() {
            Patience::Endless => Step::Wait,
            Patience::Head => {
                self.answer(Call::new(now, self.lanes.traffic()), &Fault::SlowHead, now)
            }
            Patience::Pong => {
                if let Exchange::Answering(answering) = &mut self.exchange {
                    answering.late(&mut self.lanes);
                }
                Step::Wait
            }
            Patience::Linger | Patience::Query | Patience::Reader => {
                self.closed = true;
                Step::Close
            }
        }
    }

    /// Whether nothing is owed to the client.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.exchange, Exchange::Idle(_)) && self.lanes.up.unseen().is_empty()
    }

    /// The outcome of an exchange that the shell cuts off.
    pub fn abandon(&mut self, now: Instant) -> Option<Outcome> {
        let call = mem::take(&mut self.exchange).into_call()?;
        Some(call.over(now, self.lanes.traffic()))
    }

    /// Does what can be done with what has come, and says what the shell is to do next. To be
    /// called again after anything but [`Step::Wait`] and [`Step::Close`].
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
                Turn::Unasked if self.lets_unused_go() => {
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
    /// Notes that a daemon has gone although the client has not: a half-close cancels what runs.
    fn note_hangup(&mut self, call: &Call) {
        let down = &self.lanes.down;
        if down.has_ended() && down.sink() == Sink::Open && !self.lanes.up.has_ended() {
            self.notes.push((HUNG_UP, call.operation.name));
        }
    }

    /// Looks after the two connections; what is going on over them comes behind that.
    #[inline]
    fn tend_connections(&mut self, now: Instant) -> Option<Step> {
        if self.is_steady() { None } else { self.mend_connections(now) }
    }

    /// Whether both connections are as they are to be, and nothing is to be told of them.
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
                // Whatever it said belongs to nothing that the next one will be asked.
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

    /// Whether bytes wait for a daemon.
    fn owes_bytes(&self) -> bool {
        !self.lanes.up.is_flushed()
    }

    /// Whether nothing more can happen.
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

    fn lingers(&self) -> bool {
        self.lanes.down.sink() == Sink::Finished && self.lanes.up.sink() == Sink::Broken
    }

    /// Lets go of a daemon connection that ended unused, or was let go of; `false` for any other.
    fn lets_unused_go(&mut self) -> bool {
        if self.is_unused() {
            self.link = Link::Stale;
        }
        self.link == Link::Stale
    }

    fn is_unused(&self) -> bool {
        self.link == Link::Connected { since: self.lanes.up.count() }
    }

    /// Speaks in the daemon's place; the connection ends behind that.
    fn answer(&mut self, mut call: Call, fault: &Fault, now: Instant) -> Step {
        call.refused(fault);
        let answer = fault.answer(call.to_head);
        self.end(call, answer, now)
    }

    /// Says `last` as the last thing on the connection.
    fn end(&mut self, call: Call, last: Vec<u8>, now: Instant) -> Step {
        self.lanes.down.stop();
        let mut traffic = self.lanes.traffic();
        traffic.to_client += last.len() as u64;
        self.lanes.down.say(last);
        self.cut();
        Step::Report(call.over(now, traffic))
    }

    /// Lets go of the daemon; the client gets what had been permitted for it, and the end.
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
