//! The preparation of a server: its listeners, signals and limits.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use mio::{Interest, Poll, Registry};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook_mio::v1_0::Signals;

use super::accepting::Accepting;
use super::guests::{Guests, since_epoch};
use super::keeping::Keepers;
use super::passing_on::Passing;
use super::predecessors::Predecessors;
use super::reload::Reload;
use super::served::Served;
use super::{LOOKS, ListenerGroup, SIGNALS, Server};
use crate::config::Drain;
use crate::net::daemons::Daemons;
use crate::net::fd_limits::FdLimits;
use crate::net::host::blocking::Blocking;
use crate::net::listen::listeners::Listeners;
use crate::net::log::recent::Recent;
use crate::net::service::handover::Program;
use crate::net::service::notify::Manager;
use crate::net::slab::Slab;
use crate::net::timers::Timers;
use crate::net::wire::pools::Pools;
use crate::net::wire::pumps::Pumps;
use crate::proxy::ListenerSettings;
use crate::stats::Counters;

impl Server {
    /// Prepares to serve the clients of all `groups`, to report to the `manager`, and to have the
    /// `program` take over at SIGHUP, which is ignored without one.
    ///
    /// # Errors
    /// The kernel gives no epoll, no signal handling or no registration.
    pub fn new(
        groups: Vec<ListenerGroup>,
        drain: Drain,
        manager: Manager,
        program: Option<Program>,
    ) -> io::Result<Self> {
        let mut prepared = Self::without_signals(groups, drain, manager)?;
        prepared.signals = Some(signals(prepared.poll.registry(), program.is_some())?);
        prepared.program = program;
        Ok(prepared)
    }

    /// Prepares to serve like [`new`](Self::new), but handles no signals.
    ///
    /// # Errors
    /// The kernel gives no epoll or no registration.
    pub fn without_signals(
        groups: Vec<ListenerGroup>,
        drain: Drain,
        manager: Manager,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (listeners, daemons) = (Listeners::for_clients(), Daemons::default());
        let files = limits(&listeners, &daemons);
        let mut prepared = Self {
            signals: None,
            blocking: Blocking::new(poll.registry(), LOOKS)?,
            poll,
            served: Slab::new(),
            daemons,
            shared: Rc::default(),
            drain,
            manager,
            max_pairs: files.pairs,
            full_warned: None,
            accepting: Accepting::Open(listeners),
            counters: Counters::default(),
            recent: Recent::default(),
            guests: Guests::default(),
            started: since_epoch(),
            woke: Instant::now(),
            program: None,
            upgrade: None,
            predecessors: Predecessors::default(),
            passing: Passing::default(),
            reload: Reload::default(),
            keepers: Keepers::default(),
            pairs: Slab::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            pools: Pools::new(files.pipes),
            pumps: Pumps::default(),
            opened: Vec::new(),
            unneeded: Vec::new(),
            serial: 0,
        };
        for group in groups {
            prepared.add(group)?;
        }
        prepared.renew_limits();
        Ok(prepared)
    }

    /// Adds the listeners of a group.
    fn add(&mut self, group: ListenerGroup) -> io::Result<()> {
        let ListenerGroup { name, listeners, profile, daemon, jobs, look, reaps } = group;
        let upstream = self.daemons.add_known_by(&daemon, look).upstream();
        let settings = ListenerSettings {
            name,
            profile,
            upstream: Rc::clone(&upstream),
            shared: Rc::clone(&self.shared),
            ..ListenerSettings::default()
        };
        let paths = listeners.iter().map(|listener| listener.path().to_owned()).collect();
        let place = self.served.next();
        for listener in listeners {
            if let Some(open) = self.accepting.listeners() {
                open.add(listener, place, self.poll.registry())?;
            }
        }
        self.served.insert(Served::new(Rc::new(settings), paths));
        self.keepers.rules.push((daemon, reaps));
        self.renew_jobs(place, jobs, upstream);
        Ok(())
    }

    /// Adapts the maximum number of pairs to the present listeners and daemons.
    pub(super) fn renew_limits(&mut self) {
        if let Some(listeners) = self.accepting.listeners() {
            let pairs = limits(listeners, &self.daemons).pairs;
            self.max_pairs = pairs.saturating_sub(self.guest_files().div_ceil(2)).max(1);
        }
    }
}

/// Returns the limits beside these sockets. They include the events of one daemon.
fn limits(listeners: &Listeners, daemons: &Daemons) -> FdLimits {
    FdLimits::beside(listeners.len() + daemons.len().saturating_sub(1))
}

/// Handles signals as events of the loop; SIGHUP only if it `upgrades`.
fn signals(registry: &Registry, upgrades: bool) -> io::Result<Signals> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
    if upgrades {
        signals.add_signal(SIGHUP)?;
    }
    registry.register(&mut signals, SIGNALS, Interest::READABLE)?;
    Ok(signals)
}
