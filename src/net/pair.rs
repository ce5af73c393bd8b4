//! A client socket, the daemon socket paired with it, and the pump between them.
//!
//! The pump is the only place where bytes touch the world: let the core advance, obey its steps,
//! write what may leave, fill the inboxes; again while anything moves, up to a budget.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::warn;
use mio::event::Event;
use mio::net::UnixStream;
use mio::{Registry, Token};

use super::access;
use super::flow::{Flow, Stores};
use super::peer::{Moved, Peer};
use super::slab::Side;
use crate::proxy::{Away, Common, Patience, Session, Step};

/// Bytes that one pair may move before the others have their turn: a few full socket queues.
const BUDGET: usize = 1024 * 1024;

/// How long a daemon whose accept queue is full is asked again before the client is told.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// The first and the longest pause before it is asked again; pauses grow, so that many who wait do
/// not make its trouble worse.
const DIAL_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What all pairs of a server use.
pub(super) struct Shell<'s> {
    pub(super) registry: &'s Registry,
    pub(super) stores: &'s mut Stores,
    pub(super) common: &'s Rc<Common>,
    /// The path of the daemon's socket.
    pub(super) daemon: &'s Path,
    /// Makes the token of a new daemon socket of the pair whose turn it is.
    pub(super) daemon_token: Token,
    pub(super) now: Instant,
}

/// What a pair wants after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// To be told of events.
    Events,
    /// Another turn: it stopped at its budget.
    Turn,
    /// To be dropped.
    Nothing,
}

/// A client socket and the daemon socket paired with it.
#[derive(Debug)]
pub(super) struct Pair {
    session: Session,
    client: Peer,
    daemon: Option<Peer>,
    /// From the client to the daemon.
    up: Flow,
    /// From the daemon to the client.
    down: Flow,
    dial: Dial,
    patience: Patience,
    deadline: Option<Instant>,
    /// Whether it waits for a turn.
    pub(super) queued: bool,
}

/// What was taken from both sides.
#[derive(Debug, Clone, Copy)]
struct Filled {
    up: Moved,
    down: Moved,
}

impl Filled {
    fn count(self) -> usize {
        count(self.up) + count(self.down)
    }
}

/// The making of a daemon connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dial {
    /// Nothing is being made.
    Rest,
    /// To be tried at a time; while the accept queue is full, again until another.
    Due { at: Instant, until: Instant },
}

impl Pair {
    /// Pairs an accepted client with a daemon connection that its first turn makes, without
    /// waiting for a request, so that this overlaps with the client's first write.
    pub(super) fn new(client: Peer, common: &Rc<Common>, now: Instant) -> Self {
        Self {
            session: Session::new(Rc::clone(common)),
            client,
            daemon: None,
            up: Flow::default(),
            down: Flow::default(),
            dial: Dial::Due { at: now, until: now + DIAL_LIMIT },
            patience: Patience::Endless,
            deadline: None,
            queued: false,
        }
    }

    /// Remembers an event; `false` when it is not of this pair any more.
    pub(super) fn note(&mut self, side: Side, event: &Event) -> bool {
        let peer = match side {
            Side::Client => Some(&mut self.client),
            Side::Daemon => self.daemon.as_mut(),
        };
        let Some(peer) = peer.filter(|peer| peer.token() == event.token()) else {
            return false;
        };
        match (peer.note(event), side) {
            (true, Side::Client) => self.session.client_gone(),
            (true, Side::Daemon) => self.session.daemon_gone(),
            (false, _) => {}
        }
        true
    }

    /// When it is to be looked at even without an event.
    pub(super) fn wakes(&self) -> Option<Instant> {
        let dials = match self.dial {
            Dial::Due { at, .. } => Some(at),
            Dial::Rest => None,
        };
        [dials, self.deadline].into_iter().flatten().min()
    }

    /// Looks whether something was waited for too long.
    fn tick(&mut self, shell: &mut Shell<'_>) {
        if let Dial::Due { at, until } = self.dial
            && at <= shell.now
        {
            self.dial(shell, until);
        }
        if self.deadline.is_some_and(|deadline| deadline <= shell.now) {
            self.deadline = None;
            let step = self.session.expired(shell.now);
            self.obey(step, shell);
        }
    }

    /// Does what is due and moves what can be moved.
    pub(super) fn turn(&mut self, shell: &mut Shell<'_>) -> Wants {
        let mut budget = BUDGET;
        self.tick(shell);
        let mut filled = self.fill(shell.stores);
        let wants = loop {
            if !self.advance(shell) {
                break Wants::Nothing;
            }
            self.settle(filled);
            let flushed = self.flush(shell.registry);
            if budget == 0 {
                break Wants::Turn;
            }
            // In this order: where the core has made room, there may be something that was not
            // read before and of which no event will tell again.
            filled = self.fill(shell.stores);
            let moved = flushed + filled.count();
            if moved == 0 && !self.gathers() {
                break Wants::Events;
            }
            budget = budget.saturating_sub(moved);
        };
        if wants != Wants::Nothing {
            self.refuse();
        }
        self.up.rest(self.session.up(), shell.stores);
        self.down.rest(self.session.down(), shell.stores);
        self.set_deadline(shell.now);
        wants
    }

    /// Cuts off what is going on.
    pub(super) fn abandon(&mut self, shell: &Shell<'_>) {
        if let Some(outcome) = self.session.abandon(shell.now) {
            access::log(&outcome, &shell.common.injection);
        }
    }

    /// Whether nothing is owed to the client.
    pub(super) fn is_idle(&self) -> bool {
        self.session.is_idle()
    }

    /// Takes what has come from both sides.
    fn fill(&mut self, stores: &mut Stores) -> Filled {
        let limit = self.session.up_limit();
        let up = self.up.fill(&mut self.client, self.session.up(), limit, stores);
        match up {
            Moved::End => self.session.client_ended(),
            Moved::Broken => {
                self.session.client_gone();
                self.session.client_ended();
            }
            Moved::Bytes(_) | Moved::Nothing => {}
        }
        // Nobody would get what a daemon says to a client that is gone; see `refuse`.
        let wanted = self.session.hears_daemon();
        let Some(daemon) = self.daemon.as_mut().filter(|_| wanted) else {
            return Filled { up, down: Moved::Nothing };
        };
        let limit = self.session.down_limit();
        let down = self.down.fill(daemon, self.session.down(), limit, stores);
        match down {
            Moved::End => self.session.daemon_ended(),
            Moved::Broken => {
                self.session.daemon_gone();
                self.session.daemon_ended();
            }
            Moved::Bytes(_) | Moved::Nothing => {}
        }
        Filled { up, down }
    }

    /// Decides how both sides' bytes are to move on.
    fn settle(&mut self, filled: Filled) {
        self.up.settle(&mut self.client, self.session.up(), filled.up);
        match &mut self.daemon {
            Some(daemon) => self.down.settle(daemon, self.session.down(), filled.down),
            None => self.session.down().keep_peeked(),
        }
    }

    /// Lets a daemon know that its client is gone, although what that sent is still on its way: as
    /// without us, its writes fail.
    fn refuse(&mut self) {
        if !self.session.hears_daemon()
            && let Some(daemon) = &mut self.daemon
        {
            daemon.refuse();
        }
    }

    /// Writes what may leave, and passes ends on; tells how much has changed.
    fn flush(&mut self, registry: &Registry) -> usize {
        let more = self.daemon.as_ref().is_some_and(Peer::is_readable);
        let to_client = self.down.flush(&mut self.client, self.session.down(), more, registry);
        if to_client == Moved::Broken {
            self.session.client_gone();
        }
        let Some(daemon) = &mut self.daemon else {
            return count(to_client);
        };
        let more = self.client.is_readable();
        let to_daemon = self.up.flush(daemon, self.session.up(), more, registry);
        if to_daemon == Moved::Broken {
            self.session.daemon_gone();
        }
        count(to_client) + count(to_daemon)
    }

    /// Whether something that waited for more is to leave now.
    fn gathers(&mut self) -> bool {
        let down = self.session.down().passing() > 0 && !self.client.is_stuck();
        let to_daemon = self.daemon.as_ref().is_some_and(|daemon| !daemon.is_stuck());
        down || to_daemon && self.session.up().passing() > 0
    }

    /// Lets the core advance and does what it wants; `false` when it wants to be dropped.
    fn advance(&mut self, shell: &mut Shell<'_>) -> bool {
        loop {
            match self.session.advance(shell.now) {
                Step::Wait => return true,
                Step::Close => return false,
                step => self.obey(step, shell),
            }
        }
    }

    fn obey(&mut self, step: Step, shell: &mut Shell<'_>) {
        match step {
            Step::Wait | Step::Close => {}
            Step::Dial => self.dial(shell, shell.now + DIAL_LIMIT),
            Step::Hangup => {
                self.daemon = None;
                self.dial = Dial::Rest;
            }
            Step::Report(outcome) => access::log(&outcome, &shell.common.injection),
            Step::Warn(what) => warn!("{what}"),
        }
    }

    fn dial(&mut self, shell: &mut Shell<'_>, until: Instant) {
        self.dial = Dial::Rest;
        let connected = UnixStream::connect(shell.daemon)
            .and_then(|stream| Peer::new(stream, shell.daemon_token, shell.registry));
        match connected {
            Ok(daemon) => {
                self.daemon = Some(daemon);
                self.session.connected();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && shell.now < until => {
                let waited = DIAL_LIMIT.saturating_sub(until.saturating_duration_since(shell.now));
                let pause = (waited / 2).clamp(DIAL_PAUSES.0, DIAL_PAUSES.1);
                self.dial = Dial::Due { at: shell.now + pause, until };
            }
            Err(error) => {
                let slow = error.kind() == io::ErrorKind::WouldBlock;
                let socket = shell.common.socket.clone();
                self.session.away(Away { socket, error: words(&error, slow), slow });
            }
        }
    }

    fn set_deadline(&mut self, now: Instant) {
        let patience = self.session.patience();
        if patience != self.patience {
            self.patience = patience;
            self.deadline = patience.limit().map(|limit| now + limit);
        }
    }
}

/// What `error` says to the person who reads it in a client, without the number.
fn words(error: &io::Error, slow: bool) -> String {
    if slow {
        return format!("it did not accept a connection in {} seconds", DIAL_LIMIT.as_secs());
    }
    let text = error.to_string();
    let words = text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words);
    words.to_lowercase()
}

/// How much has changed: ends count like a byte.
fn count(moved: Moved) -> usize {
    match moved {
        Moved::Bytes(n) => n,
        Moved::Nothing => 0,
        Moved::End | Moved::Broken => 1,
    }
}
