//! A client socket and the daemon socket paired with it.
//!
//! Most pairs rest most of the time: nothing is owed, nothing has come. Such a pair is no more than its
//! sockets; what it needs while something is going on, its pump, is lent to it.

use std::rc::Rc;
use std::time::Instant;

use mio::event::Event;
use mio::{Registry, Token};

use super::daemons::Daemon;
use super::looks::Looks;
use super::peer::Peer;
use super::pump::Pump;
use super::slab::Side;
use super::stores::Stores;
use crate::config::look::Look;
use crate::proxy::{Common, Rest};
use crate::stats::Counters;

/// What all pairs of a server use.
pub(super) struct Shell<'s> {
    pub(super) registry: &'s Registry,
    pub(super) stores: &'s mut Stores,
    pub(super) common: &'s Rc<Common>,
    /// The daemon of the pair.
    pub(super) daemon: &'s mut Daemon,
    /// What is counted.
    pub(super) counters: &'s mut Counters,
    /// Answers what may take long.
    pub(super) looks: &'s Looks,
    /// Knows the daemon's socket under all its names.
    pub(super) look: &'s Look,
    /// Makes the token of a new daemon socket of the pair whose turn it is.
    pub(super) daemon_token: Token,
    /// When the event loop woke, before any pair had its turn.
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

/// The sockets of a pair.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) client: Peer,
    pub(super) daemon: Option<Peer>,
}

/// A client socket and the daemon socket paired with it.
#[derive(Debug)]
pub(super) struct Pair {
    sockets: Sockets,
    work: Work,
    /// The listening socket by which the client came, by its place among all.
    listener: usize,
    /// Whether it waits for a turn.
    pub(super) queued: bool,
    /// Whether something happened since [`was_quiet`](Self::was_quiet) was asked.
    touched: bool,
}

/// What is going on in a pair.
#[derive(Debug)]
enum Work {
    Resting(Rest),
    Busy(Box<Pump>),
}

impl Pair {
    /// A client that was accepted at this listening socket, and its pump.
    pub(super) fn new(client: Peer, listener: usize, pump: Box<Pump>) -> Self {
        Self::of(client, listener, Work::Busy(pump))
    }

    /// A client that another process has accepted at this listening socket, and owes nothing.
    pub(super) fn adopted(client: Peer, listener: usize) -> Self {
        Self::of(client, listener, Work::Resting(Rest::unconnected()))
    }

    fn of(client: Peer, listener: usize, work: Work) -> Self {
        let sockets = Sockets { client, daemon: None };
        Self { sockets, work, listener, queued: false, touched: true }
    }

    /// Returns the place of the listening socket by which the client came.
    pub(super) fn listener(&self) -> usize {
        self.listener
    }

    /// The client and its listening socket, if another process may go on with it: nothing that it has
    /// sent was read without having been answered.
    pub(super) fn free(&mut self) -> Option<(&mut Peer, usize)> {
        let free = match &self.work {
            Work::Resting(_) => true,
            Work::Busy(pump) => pump.is_free(),
        };
        free.then_some((&mut self.sockets.client, self.listener))
    }

    /// Remembers an event; `false` when it is not of this pair any more.
    pub(super) fn note(&mut self, side: Side, event: &Event) -> bool {
        let peer = match side {
            Side::Client => Some(&mut self.sockets.client),
            Side::Daemon => self.sockets.daemon.as_mut(),
        };
        let Some(peer) = peer.filter(|peer| peer.token() == event.token()) else {
            return false;
        };
        peer.note(event);
        self.touched = true;
        true
    }

    /// When it is to be looked at even without an event.
    pub(super) fn wakes(&self) -> Option<Instant> {
        match &self.work {
            Work::Resting(_) => None,
            Work::Busy(pump) => pump.wakes(),
        }
    }

    /// Does what is due and moves what can be moved.
    pub(super) fn turn(&mut self, shell: &mut Shell<'_>) -> Wants {
        if let Work::Resting(rest) = self.work {
            let mut pump = shell.stores.pump(shell.common);
            pump.wake(shell.common, rest);
            self.work = Work::Busy(pump);
        }
        let Work::Busy(pump) = &mut self.work else {
            return Wants::Events;
        };
        let wants = pump.turn(&mut self.sockets, shell);
        if wants == Wants::Events
            && let Some(rest) = pump.rest()
            && let Work::Busy(pump) = std::mem::replace(&mut self.work, Work::Resting(rest))
        {
            shell.stores.reclaim(pump);
        }
        wants
    }

    /// Whether nothing is owed to the client, and nothing has happened since this was asked before.
    pub(super) fn was_quiet(&mut self) -> bool {
        !std::mem::take(&mut self.touched) && self.is_idle()
    }

    /// Cuts off what is going on.
    pub(super) fn abandon(&mut self, shell: &mut Shell<'_>) {
        if let Work::Busy(pump) = &mut self.work {
            pump.abandon(&self.sockets, shell);
        }
    }

    /// Whether nothing is owed to the client.
    pub(super) fn is_idle(&self) -> bool {
        match &self.work {
            Work::Resting(_) => true,
            Work::Busy(pump) => pump.is_idle(),
        }
    }
}

#[cfg(test)]
mod tests;
