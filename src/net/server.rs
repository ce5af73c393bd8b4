//! The event loop: one poll for signals, the listening sockets, all pairs and all timers.
//!
//! It accepts and serves until the first SIGTERM or SIGINT. Then it stops accepting and lets running
//! exchanges end. It returns after the last one, after the drain time, or at a second signal. At SIGHUP it
//! starts the program again. Once the new process is prepared, it accepts instead, and gets all idle
//! clients; this one returns after its last exchange.

mod accepting;
mod changes;
mod group;
mod guests;
mod jobs;
mod keeping;
mod life;
mod passing_on;
mod predecessors;
mod preparing;
mod reload;
mod served;
mod task;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::error;
use mio::event::Event;
use mio::{Events, Poll, Token};
use signal_hook_mio::v1_0::Signals;

use super::daemons::Daemons;
use super::slab::{Side, Slab, is_paired, place, token};
use super::timers::Timers;
use crate::config::Drain;
use crate::net::host::blocking::Blocking;
use crate::net::listen::jobs::Job;
use crate::net::listen::listeners::Listeners;
use crate::net::log::recent::Recent;
use crate::net::service::handover::Program;
use crate::net::service::notify::{Manager, Phase, State};
use crate::net::wire::pair::Pair;
use crate::net::wire::pools::Pools;
use crate::net::wire::pumps::Pumps;
use crate::net::wire::shell::{Opened, Shell, Wants};
use crate::proxy::Shared;
use crate::reap::jobs::Rule;
use crate::stats::Counters;
use accepting::Accepting;
pub use group::ListenerGroup;
use guests::Guests;
pub use jobs::JobPlan;
use keeping::Keepers;
use life::Takeover;
use passing_on::Passing;
use predecessors::Predecessors;
use reload::Reload;
pub use reload::{EarlySignal, ListenerPlan};
use served::Served;

const SIGNALS: Token = Token(1);
/// The link to the new process that is to take over.
const SUCCESSOR: Token = Token(2);
/// Answers of blocking look-ups.
const LOOKS: Token = Token(3);
/// The links to earlier processes.
const PREDECESSORS: Token = Token(4);

/// Events taken from the kernel at once.
const EVENTS: usize = 256;

/// The event loop and its state.
pub struct Server {
    poll: Poll,
    signals: Option<Signals>,
    /// The listeners, each until its last client has left. Its sockets may be closed before.
    served: Slab<Served>,
    daemons: Daemons,
    shared: Rc<Shared>,
    drain: Drain,
    manager: Manager,
    counters: Counters,
    recent: Recent,
    guests: Guests,
    /// The time since the Unix epoch at which the process began to serve.
    started: Duration,
    /// The end of the last wait for events. The clock is read once per turn of the loop.
    woke: Instant,
    accepting: Accepting,
    /// The program that SIGHUP starts to take over; `None` if SIGHUP is not handled.
    program: Option<Program>,
    /// The new process that is to take over.
    upgrade: Option<Takeover>,
    predecessors: Predecessors,
    passing: Passing,
    reload: Reload,
    keepers: Keepers,
    pairs: Slab<Pair>,
    /// Maximum number of pairs, so that each accepted client has descriptors for its daemon connection.
    max_pairs: usize,
    /// The time of the last warning that this maximum was reached.
    full_warned: Option<Instant>,
    ready: VecDeque<usize>,
    timers: Timers,
    pools: Pools,
    pumps: Pumps,
    blocking: Blocking,
    /// The sockets for containers that were made in this turn.
    opened: Vec<Opened>,
    /// The sockets whose containers were not created.
    unneeded: Vec<Rc<Job>>,
    serial: u32,
}

/// The result of serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Number of connections that were closed during an exchange.
    pub cut: usize,
    /// Number of connections that were passed to another process.
    pub handed_over: usize,
    /// The removals that are due now, each with the socket of its daemon; none if another process serves.
    pub reaps: Vec<(PathBuf, Rule)>,
}

impl Server {
    /// Serves until a signal or a successor ends it.
    ///
    /// # Errors
    /// The kernel cannot wait for events.
    pub fn run(mut self) -> io::Result<Stopped> {
        self.turns(|| false)?;
        Ok(self.stop())
    }

    /// Turns the loop until a signal or a successor ends it, or nothing is to be served any more because it
    /// `is_over`.
    fn turns(&mut self, mut is_over: impl FnMut() -> bool) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        self.manager.ready();
        self.keep();
        self.reload_if_missed();
        while !self.is_done() {
            // In every turn of the loop, so that the watchdog notices a stuck loop.
            self.notify();
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    // Otherwise the next wait would have the full length again.
                    self.woke = Instant::now();
                    continue;
                }
                result => result?,
            }
            for event in &events {
                self.note(event);
            }
            self.tick();
            // First, since these clients have waited longer.
            self.adopt();
            self.accept();
            self.accept_guest();
            // Pairs that reach their budget now continue after the next poll.
            for _ in 0..self.ready.len() {
                if let Some(slot) = self.ready.pop_front() {
                    self.turn(slot);
                }
            }
            self.daemons.tend(self.poll.registry(), self.woke);
            if self.accepting.serves() && is_over() {
                self.end();
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        // Earlier than the present by the duration of the turns, which is exact enough.
        let now = self.woke;
        let can_accept = || self.accepting.is_pending() && self.has_room();
        if !self.ready.is_empty() || can_accept() || self.can_adopt() {
            return Some(Duration::ZERO);
        }
        let own = self.next_stage().map(|at| at.saturating_duration_since(now));
        let listens = self.manager.is_there();
        let manager = listens.then(|| self.manager.wait(now, self.state())).flatten();
        let guests = self.guests.wait(now);
        let events = self.daemons.wait(now);
        [own, manager, guests, events, self.timers.wait(now)].into_iter().flatten().min()
    }

    fn notify(&mut self) {
        if self.manager.is_there() {
            self.manager.notify(self.state());
        }
    }

    fn state(&self) -> State {
        let phase = match self.accepting.serves() {
            false => Phase::Ending,
            true if self.upgrade.is_some() || self.reload.is_running() => Phase::Reloading,
            true => Phase::Serving,
        };
        let upstreams = self.served.iter().map(|(_, served)| &served.settings.upstream);
        State { connections: self.clients(), daemon: self.daemons.reach(upstreams), phase }
    }

    fn note(&mut self, event: &Event) {
        let token = event.token();
        // First, since nearly all events are those of pairs.
        if is_paired(token) {
            let (slot, side) = place(token);
            if self.pairs.get_mut(slot).is_some_and(|pair| pair.note(side, event)) {
                self.queue(slot);
            }
            return;
        }
        match token {
            SIGNALS => self.signalled(),
            SUCCESSOR if self.upgrade.is_some() => self.successor_spoke(),
            SUCCESSOR => self.recipient_spoke(event),
            PREDECESSORS => self.predecessors.note(),
            // A pair that reuses the slot gets a harmless turn.
            LOOKS => {
                self.blocking.seen().into_iter().for_each(|slot| self.queue(slot));
                self.reloaded();
                self.retire_reported();
            }
            token if Listeners::has(token) => {
                let both = [self.accepting.listeners(), self.guests.listeners()];
                both.into_iter().flatten().for_each(|listeners| listeners.note(token));
            }
            // Before the turns, so that no client gets outdated answers.
            token => self.daemons.note(token),
        }
    }

    fn queue(&mut self, slot: usize) {
        if let Some(pair) = self.pairs.get_mut(slot)
            && !std::mem::replace(&mut pair.queued, true)
        {
            self.ready.push_back(slot);
        }
    }

    fn tick(&mut self) {
        self.woke = Instant::now();
        while let Some(slot) = self.timers.due(self.woke) {
            self.queue(slot);
        }
        self.next_stages();
    }

    /// Runs one turn of a pair. All work for a pair is done here, so that a panic, which is a bug, ends
    /// only this pair.
    fn turn(&mut self, slot: usize) {
        let turned = catch_unwind(AssertUnwindSafe(|| {
            self.with_pair(slot, |pair, pumps, shell| {
                pair.queued = false;
                (pair.turn(pumps, shell), pair.wakes())
            })
        }));
        if !self.opened.is_empty() {
            self.serve_opened();
        }
        if !self.unneeded.is_empty() {
            self.close_unneeded();
        }
        let (wants, wakes) = match turned {
            Ok(Some(turned)) => turned,
            Ok(None) => return,
            Err(_) => {
                error!("a bug ended one connection; please report what stands above");
                (Wants::Nothing, None)
            }
        };
        self.timers.set(slot, wakes);
        match wants {
            Wants::Events => self.pass_on(slot),
            Wants::Turn => self.queue(slot),
            Wants::Nothing => self.remove(slot),
        }
    }

    fn remove(&mut self, slot: usize) {
        self.timers.set(slot, None);
        if let Some(pair) = self.pairs.remove(slot) {
            self.count_out(pair.listener());
        }
    }

    fn with_pair<T>(
        &mut self,
        slot: usize,
        act: impl FnOnce(&mut Pair, &mut Pumps, &mut Shell<'_>) -> T,
    ) -> Option<T> {
        let daemon_token = self.next_token(slot, Side::Daemon);
        let present = (self.guests.count() > 0).then(|| self.present_for(slot)).flatten();
        // A third of the files for sockets, and two thirds for pairs of clients and daemons.
        let listeners = self.accepting.listeners();
        let has_room = listeners.is_none_or(|open| open.len() <= self.max_pairs);
        let pair = self.pairs.get_mut(slot)?;
        let Served { settings, requests, jobs, .. } = self.served.get_mut(pair.listener())?;
        let mut shell = Shell {
            registry: self.poll.registry(),
            pools: &mut self.pools,
            settings,
            daemons: &mut self.daemons,
            present,
            counters: &mut self.counters,
            requests,
            recent: &mut self.recent,
            blocking: &self.blocking,
            jobs: jobs.as_ref(),
            has_room,
            opened: &mut self.opened,
            unneeded: &mut self.unneeded,
            daemon_token,
            now: self.woke,
        };
        Some(act(pair, &mut self.pumps, &mut shell))
    }

    fn next_token(&mut self, slot: usize, side: Side) -> Token {
        self.serial = self.serial.wrapping_add(1);
        token(slot, side, self.serial)
    }
}

#[cfg(test)]
mod tests;
