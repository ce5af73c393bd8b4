//! The pump between the sockets of a pair: the only place where bytes touch the world. It lets the
//! core advance, obeys its steps, lets leave what may, and takes what has come; again while anything
//! moves, up to a budget.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::Registry;
use mio::net::UnixStream;

use super::peer::{Moved, Peer};
use super::pools::Pools;
use super::shell::{Shell, Sockets, Wants};
use super::transfer::Transfer;
use crate::net::daemons::unreachable;
use crate::net::host::question::{Eyes, Sight};
use crate::net::log::access;
use crate::net::service::notify::Reach;
use crate::net::slab::place;
use crate::proxy::{Away, DIAL_LIMIT, ListenerSettings, Outcome, Patience, Rest, Session, Step};
use crate::stats::answers;

/// Bytes that one pair may move before the others have their turn: a few full socket queues.
const BUDGET: usize = 1024 * 1024;

/// The first and the longest pause before it is asked again; pauses grow, so that many who wait do
/// not make its trouble worse.
const DIAL_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What a pair needs while something is going on.
#[derive(Debug)]
pub(super) struct Pump {
    session: Session,
    /// From the client to the daemon.
    up: Transfer,
    /// From the daemon to the client.
    down: Transfer,
    dial: Dial,
    sight: Sight,
    patience: Patience,
    deadline: Option<Instant>,
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

impl Pump {
    /// One that rests, until it is given to a pair.
    pub(super) fn resting(settings: &Rc<ListenerSettings>) -> Self {
        Self {
            session: Session::new(Rc::clone(settings)),
            up: Transfer::default(),
            down: Transfer::default(),
            dial: Dial::Rest,
            sight: Sight::default(),
            patience: Patience::Endless,
            deadline: None,
        }
    }

    /// Gives one that rests to an accepted client. Its first turn makes the daemon connection, without
    /// waiting for a request, so that this overlaps with the client's first write.
    pub(super) fn welcome(&mut self, settings: &Rc<ListenerSettings>, now: Instant) {
        self.session.begin(settings);
        if !settings.answers {
            self.dial = Dial::Due { at: now, until: now + DIAL_LIMIT };
        }
    }

    /// Gives one that rests to a pair that rested.
    pub(super) fn wake(&mut self, settings: &Rc<ListenerSettings>, rest: Rest) {
        self.session.wake(settings, rest);
    }

    /// What is to be kept of the pair, if nothing is going on. Then it may be given to another.
    pub(super) fn rest(&mut self) -> Option<Rest> {
        let rest = self.session.rest()?;
        self.up = Transfer::default();
        self.down = Transfer::default();
        Some(rest)
    }

    /// When it is to be looked at even without an event.
    pub(super) fn wakes(&self) -> Option<Instant> {
        let dials = match self.dial {
            Dial::Due { at, .. } => Some(at),
            Dial::Rest => None,
        };
        [dials, self.sight.until(), self.deadline].into_iter().flatten().min()
    }

    /// Blocking whether something was waited for too long.
    fn tick(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>) {
        if let Dial::Due { at, until } = self.dial
            && at <= shell.now
        {
            self.dial(sockets, shell, until);
        }
        self.see(shell);
        if self.deadline.is_some_and(|deadline| deadline <= shell.now) {
            self.deadline = None;
            let step = self.session.expired(shell.now);
            self.obey(step, sockets, shell);
        }
    }

    /// Gives the core an answer that it waits for, if it is there.
    fn see(&mut self, shell: &Shell<'_>) {
        if let Some(fact) = self.sight.answer(&eyes(shell)) {
            self.session.found(fact);
        }
    }

    /// Does what is due and moves what can be moved.
    pub(super) fn turn(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>) -> Wants {
        let mut budget = BUDGET;
        let before = self.session.traffic();
        if sockets.client.is_gone() {
            self.session.client_gone();
        }
        if sockets.daemon.as_ref().is_some_and(Peer::is_gone) {
            self.session.daemon_gone();
        }
        self.tick(sockets, shell);
        let mut filled = self.fill(sockets, shell.pools);
        let wants = loop {
            if !self.advance(sockets, shell) {
                break Wants::Nothing;
            }
            self.settle(sockets, filled);
            let flushed = self.flush(sockets, shell.registry);
            self.measure(shell);
            if budget == 0 {
                break Wants::Turn;
            }
            // In this order: where the core has made room, there may be something that was not
            // read before and of which no event will tell again.
            filled = self.fill(sockets, shell.pools);
            let moved = flushed + filled.count();
            if moved == 0 && !self.gathers(sockets) {
                break Wants::Events;
            }
            budget = budget.saturating_sub(moved);
        };
        if wants != Wants::Nothing {
            self.refuse(sockets);
        }
        if !shell.settings.answers {
            shell.counters.moved(self.session.traffic().since(before));
        }
        self.up.rest(self.session.up(), shell.pools);
        self.down.rest(self.session.down(), shell.pools);
        self.set_deadline(shell.now);
        wants
    }

    /// Counts for how long a request was held that has left now.
    fn measure(&mut self, shell: &mut Shell<'_>) {
        if let Some(since) = self.session.handed() {
            shell.counters.held(Instant::now().saturating_duration_since(since));
        }
    }

    /// Cuts off what is going on.
    pub(super) fn abandon(&mut self, sockets: &Sockets, shell: &mut Shell<'_>) {
        if let Some(outcome) = self.session.abandon(shell.now) {
            report(&outcome, sockets, shell);
        }
    }

    /// Whether nothing is owed to the client.
    pub(super) fn is_idle(&self) -> bool {
        self.session.is_idle()
    }

    /// Whether the client's socket holds all that there is of the pair.
    pub(super) fn is_free(&self) -> bool {
        self.session.is_free()
    }

    /// Takes what has come from both sides.
    fn fill(&mut self, sockets: &mut Sockets, pools: &mut Pools) -> Filled {
        let limit = self.session.up_limit();
        let stuck = sockets.daemon.as_ref().is_some_and(Peer::is_stuck);
        let up = self.up.fill(&mut sockets.client, self.session.up(), limit, stuck, pools);
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
        let Some(daemon) = sockets.daemon.as_mut().filter(|_| wanted) else {
            return Filled { up, down: Moved::Nothing };
        };
        let limit = self.session.down_limit();
        let stuck = sockets.client.is_stuck();
        let down = self.down.fill(daemon, self.session.down(), limit, stuck, pools);
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
    fn settle(&mut self, sockets: &mut Sockets, filled: Filled) {
        self.up.settle(&mut sockets.client, self.session.up(), filled.up);
        match &mut sockets.daemon {
            Some(daemon) => self.down.settle(daemon, self.session.down(), filled.down),
            None => self.session.down().keep_peeked(),
        }
    }

    /// Lets a daemon know that its client is gone, although what that sent is still on its way: as
    /// without us, its writes fail.
    fn refuse(&self, sockets: &mut Sockets) {
        if !self.session.hears_daemon()
            && let Some(daemon) = &mut sockets.daemon
        {
            daemon.refuse();
        }
    }

    /// Writes what may leave, and passes ends on; tells how much has changed.
    fn flush(&mut self, sockets: &mut Sockets, registry: &Registry) -> usize {
        let more = sockets.daemon.as_ref().is_some_and(Peer::is_readable);
        let to_client = self.down.flush(&mut sockets.client, self.session.down(), more, registry);
        if to_client == Moved::Broken {
            self.session.client_gone();
        }
        let Some(daemon) = &mut sockets.daemon else {
            return count(to_client);
        };
        let more = sockets.client.is_readable();
        let to_daemon = self.up.flush(daemon, self.session.up(), more, registry);
        if to_daemon == Moved::Broken {
            self.session.daemon_gone();
        }
        count(to_client) + count(to_daemon)
    }

    /// Whether something that waited for more is to leave now.
    fn gathers(&mut self, sockets: &Sockets) -> bool {
        let down = self.session.down().passing() > 0 && !sockets.client.is_stuck();
        let to_daemon = sockets.daemon.as_ref().is_some_and(|daemon| !daemon.is_stuck());
        down || to_daemon && self.session.up().passing() > 0
    }

    /// Lets the core advance and does what it wants; `false` when it wants to be dropped.
    fn advance(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>) -> bool {
        loop {
            match self.session.advance(shell.now) {
                Step::Wait => return true,
                Step::Close => return false,
                step => self.obey(step, sockets, shell),
            }
        }
    }

    fn obey(&mut self, step: Step, sockets: &mut Sockets, shell: &mut Shell<'_>) {
        match step {
            Step::Wait | Step::Close => {}
            Step::Dial => self.dial(sockets, shell, shell.now + DIAL_LIMIT),
            Step::Hangup => {
                sockets.daemon = None;
                self.dial = Dial::Rest;
            }
            Step::Ask(question) => {
                if let Some(fact) = self.sight.ask(question, &eyes(shell)) {
                    self.session.found(fact);
                }
            }
            Step::Answer(query) => {
                if let Some(present) = &shell.present {
                    self.session.answered(answers::answer(&query, shell.counters, present));
                }
            }
            Step::Report(outcome) => report(&outcome, sockets, shell),
            Step::Warn(what, operation) => access::warn(what, operation, &sockets.client),
        }
    }

    fn dial(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>, until: Instant) {
        self.dial = Dial::Rest;
        let connected = UnixStream::connect(shell.daemon.path())
            .and_then(|stream| Peer::new(stream, shell.daemon_token, shell.registry));
        // A question about the daemon's readiness is none of its clients.
        let counts = !shell.settings.answers;
        match connected {
            Ok(daemon) => {
                if counts {
                    shell.daemon.reached(Reach::Reached);
                }
                sockets.daemon = Some(daemon);
                self.session.connected();
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && shell.now < until && counts =>
            {
                let waited = DIAL_LIMIT.saturating_sub(until.saturating_duration_since(shell.now));
                let pause = (waited / 2).clamp(DIAL_PAUSES.0, DIAL_PAUSES.1);
                self.dial = Dial::Due { at: shell.now + pause, until };
            }
            Err(error) => {
                let socket = shell.settings.upstream.socket.clone();
                let why = unreachable(&error);
                if counts {
                    shell.daemon.reached(Reach::Away);
                    shell.counters.connect_failed(&why);
                }
                self.session.away(Away { socket, why });
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

fn eyes<'s>(shell: &'s Shell<'_>) -> Eyes<'s> {
    let (pair, _) = place(shell.daemon_token);
    Eyes { look: shell.look, daemon: shell.daemon, blocking: shell.blocking, pair, now: shell.now }
}

/// Tells of an exchange that is over.
fn report(outcome: &Outcome, sockets: &Sockets, shell: &mut Shell<'_>) {
    shell.counters.exchange(outcome);
    access::log(outcome, &shell.settings.profile, &sockets.client);
}

/// How much has changed: ends count like a byte.
fn count(moved: Moved) -> usize {
    match moved {
        Moved::Bytes(n) => n,
        Moved::Nothing => 0,
        Moved::End | Moved::Broken => 1,
    }
}
