//! The pump between the sockets of a pair, the only place that reads and writes them. It advances the core,
//! performs its steps, writes permitted bytes and reads new ones, and repeats that while bytes move, up to
//! a budget.

mod dial;

use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Instant;

use mio::Registry;

use super::peer::{Moved, Peer};
use super::pools::Pools;
use super::shell::{Shell, Sockets, Wants};
use super::transfer::Transfer;
use crate::net::host::caller::{Connection, KERNEL};
use crate::net::host::question::{Host, Lookup};
use crate::net::listen::jobs::Job;
use crate::net::log::access;
use crate::net::slab::place;
use crate::proxy::{
    DIAL_LIMIT, Deadline, HostFact, ListenerSettings, Outcome, Parked, Session, Step,
};
use crate::rules::Refusal;
use crate::rules::facts::HostQuestion;
use crate::rules::job::no_socket;
use crate::rules::socket::Note;
use crate::stats::answers;
use dial::Dial;

/// Maximum number of bytes that one pair moves per turn: a few full socket queues.
const BUDGET: usize = 1024 * 1024;

/// The part of a pair that it needs only while it is active.
#[derive(Debug)]
pub(super) struct Pump {
    session: Session,
    /// From the client to the daemon.
    up: Transfer,
    /// From the daemon to the client.
    down: Transfer,
    dial: Dial,
    lookup: Lookup,
    deadline: Deadline,
    expires: Option<Instant>,
    /// The container that the request is to create, if it gets a socket.
    created: Option<Rc<Job>>,
}

/// The bytes read from both sides.
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

impl Pump {
    /// Makes an idle pump, which a pair can use.
    pub(super) fn parked(settings: &Rc<ListenerSettings>) -> Self {
        Self {
            session: Session::new(Rc::clone(settings)),
            up: Transfer::default(),
            down: Transfer::default(),
            dial: Dial::Idle,
            lookup: Lookup::default(),
            deadline: Deadline::Endless,
            expires: None,
            created: None,
        }
    }

    /// Uses an idle pump for an accepted client. Its first turn connects to the daemon without waiting for a
    /// request, so that this overlaps with the client's first write.
    pub(super) fn welcome(&mut self, settings: &Rc<ListenerSettings>, now: Instant) {
        self.session.begin(settings);
        if !settings.answers {
            self.dial = Dial::Due { at: now, until: now + DIAL_LIMIT };
        }
    }

    /// Uses an idle pump for a pair that was idle.
    pub(super) fn unpark(&mut self, settings: &Rc<ListenerSettings>, parked: Parked) {
        self.session.unpark(settings, parked);
    }

    /// Returns the state to keep if the pair is idle. Then another pair can use the pump.
    pub(super) fn park(&mut self) -> Option<Parked> {
        let parked = self.session.park()?;
        self.up = Transfer::default();
        self.down = Transfer::default();
        Some(parked)
    }

    /// Returns the time of the next turn without an event.
    pub(super) fn wakes(&self) -> Option<Instant> {
        [self.dial.wakes(), self.lookup.until(), self.expires].into_iter().flatten().min()
    }

    /// Handles expired timers.
    fn tick(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>) {
        if let Dial::Due { at, until } = self.dial
            && at <= shell.now
        {
            self.dial(sockets, shell, until);
        }
        self.see(sockets, shell);
        if self.expires.is_some_and(|expires| expires <= shell.now) {
            self.expires = None;
            let step = self.session.expired(shell.now);
            self.obey(step, sockets, shell);
        }
    }

    /// Passes an answer from the host to the core, if there is one.
    fn see(&mut self, sockets: &Sockets, shell: &mut Shell<'_>) {
        if self.lookup.is_pending()
            && let Some(host) = host(self.session.settings(), sockets, shell)
            && let Some(fact) = self.lookup.answer(&host)
        {
            self.session.found(fact);
        }
    }

    /// Handles timers and moves all bytes that can be moved, up to a budget.
    pub(super) fn turn(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>) -> Wants {
        self.session.follow(shell.settings);
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
            // After flushing: there may be more room now, and bytes that were not read before cause no
            // further event.
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

    /// Measures the time from the arrival of a request until it was sent.
    fn measure(&mut self, shell: &mut Shell<'_>) {
        if let Some(since) = self.session.handed() {
            shell.counters.held(Instant::now().saturating_duration_since(since));
        }
    }

    /// Ends the running exchange.
    pub(super) fn abandon(&mut self, sockets: &Sockets, shell: &mut Shell<'_>) {
        if let Some(outcome) = self.session.abandon(shell.now) {
            report(&outcome, self.session.settings(), sockets, shell);
        }
    }

    /// Returns `true` if no exchange is running.
    pub(super) fn is_idle(&self) -> bool {
        self.session.is_idle()
    }

    /// Returns `true` if another process can continue with the client's socket.
    pub(super) fn is_free(&self) -> bool {
        self.session.is_free()
    }

    /// Reads from both sides.
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
        // Bytes for a client that has gone are not read; see `refuse`.
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

    /// Decides how the bytes of both sides are forwarded.
    fn settle(&mut self, sockets: &mut Sockets, filled: Filled) {
        self.up.settle(&mut sockets.client, self.session.up(), filled.up);
        match &mut sockets.daemon {
            Some(daemon) => self.down.settle(daemon, self.session.down(), filled.down),
            None => self.session.down().keep_peeked(),
        }
    }

    /// Makes the daemon's writes fail after its client has gone, as they would without the proxy, even if
    /// bytes of the client are still on their way.
    fn refuse(&self, sockets: &mut Sockets) {
        if !self.session.hears_daemon()
            && let Some(daemon) = &mut sockets.daemon
        {
            daemon.refuse();
        }
    }

    /// Writes permitted bytes and passes ends on. Returns the amount of progress.
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

    /// Returns `true` if bytes that waited for more can be sent now.
    fn gathers(&mut self, sockets: &Sockets) -> bool {
        let down = self.session.down().passing() > 0 && !sockets.client.is_stuck();
        let to_daemon = sockets.daemon.as_ref().is_some_and(|daemon| !daemon.is_stuck());
        down || to_daemon && self.session.up().passing() > 0
    }

    /// Advances the core and performs its steps. Returns `false` if the pair is to be closed.
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
                self.dial = Dial::Idle;
            }
            Step::Ask(HostQuestion::JobSocket) => {
                let path = self.open_for_container(shell);
                self.session.found(HostFact::JobSocket(path));
            }
            Step::Ask(question) => {
                if let Some(host) = host(self.session.settings(), sockets, shell)
                    && let Some(fact) = self.lookup.ask(question, &host)
                {
                    self.session.found(fact);
                }
            }
            Step::Answer(query) => {
                if let Some(present) = &shell.present {
                    self.session.answered(answers::answer(&query, shell.counters, present));
                }
            }
            Step::Report(outcome) => {
                // What the daemon refuses does not need its socket, and a client may try without end.
                let is_unneeded = |_: &Rc<Job>| outcome.daemon_refused();
                shell.unneeded.extend(self.created.take().filter(is_unneeded));
                report(&outcome, self.session.settings(), sockets, shell);
                // The next request may already be there.
                self.session.follow(shell.settings);
            }
            Step::Warn(what, operation) => {
                if let Note::Policy(warned) = &what {
                    shell.requests.would_refuse(&warned.rule);
                }
                let recent = (&mut *shell.recent, shell.now);
                access::warn(&what, operation, self.session.settings(), &sockets.client, recent);
            }
        }
    }

    /// Makes a socket for the container that the request creates. Returns its path as the daemon sees it.
    fn open_for_container(&mut self, shell: &mut Shell<'_>) -> Result<String, Refusal> {
        let job = self.created.insert(shell.open_for_container()?);
        job.path().to_str().map(ToOwned::to_owned).ok_or_else(|| no_socket("its path is not UTF-8"))
    }

    fn set_deadline(&mut self, now: Instant) {
        let deadline = self.session.deadline();
        if deadline != self.deadline {
            self.deadline = deadline;
            self.expires = deadline.limit().map(|limit| now + limit);
        }
    }
}

/// Returns the means to answer questions about the daemon of these settings.
fn host<'s>(
    settings: &ListenerSettings,
    sockets: &'s Sockets,
    shell: &'s mut Shell<'_>,
) -> Option<Host<'s>> {
    let (pair, _) = place(shell.daemon_token);
    let daemon = shell.daemons.of(&settings.upstream)?;
    let (look, blocking, now) = (daemon.look(), shell.blocking, shell.now);
    let client = Connection { socket: sockets.client.as_fd(), since: sockets.since };
    let job = sockets.job.as_deref();
    Some(Host { look, daemon, blocking, client, job, kernel: KERNEL, pair, now })
}

/// Counts and logs the outcome of an exchange with these settings.
fn report(
    outcome: &Outcome,
    settings: &ListenerSettings,
    sockets: &Sockets,
    shell: &mut Shell<'_>,
) {
    shell.counters.exchange(outcome);
    shell.requests.exchange(outcome);
    access::log(outcome, settings, &sockets.client);
}

/// Returns the amount of progress, in which an end counts as one byte.
fn count(moved: Moved) -> usize {
    match moved {
        Moved::Bytes(n) => n,
        Moved::Nothing => 0,
        Moved::End | Moved::Broken => 1,
    }
}
