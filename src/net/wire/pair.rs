//! A client socket and the daemon socket paired with it.
//!
//! Most pairs are idle most of the time. An idle pair consists only of its sockets; an active one borrows a
//! pump.

use std::rc::Rc;
use std::time::Instant;

use mio::event::Event;

use super::peer::Peer;
use super::pump::Pump;
use super::pumps::Pumps;
use super::shell::{Shell, Sockets, Wants};
use crate::net::listen::jobs::Job;
use crate::net::slab::Side;
use crate::proxy::{ListenerSettings, Parked};

/// A client socket and the daemon socket paired with it.
#[derive(Debug)]
pub(in crate::net) struct Pair {
    sockets: Sockets,
    work: Work,
    /// The place of the listening socket that accepted the client.
    listener: usize,
    /// `true` while it waits for a turn.
    pub(in crate::net) queued: bool,
    /// `true` if its listening socket was closed: then it ends once it is quiet.
    pub(in crate::net) leaves: bool,
    /// `true` if an event came since the last call of [`was_quiet`](Self::was_quiet).
    touched: bool,
}

/// The activity of a pair.
#[derive(Debug)]
enum Work {
    Parked(Parked),
    Busy(Box<Pump>),
}

impl Pair {
    /// Makes the pair of a client that was accepted by this listening socket, which may be that of a container.
    /// These are its settings.
    pub(in crate::net) fn accepted(
        client: Peer,
        (listener, job): (usize, Option<Rc<Job>>),
        pumps: &mut Pumps,
        settings: &Rc<ListenerSettings>,
        now: Instant,
    ) -> Self {
        let mut pump = pumps.lend(settings);
        pump.welcome(settings, now);
        Self::of(client, (listener, job), Work::Busy(pump))
    }

    /// Makes the pair of an idle client that another process accepted at this listening socket.
    pub(in crate::net) fn adopted(client: Peer, by: (usize, Option<Rc<Job>>)) -> Self {
        Self::of(client, by, Work::Parked(Parked::unconnected()))
    }

    fn of(client: Peer, (listener, job): (usize, Option<Rc<Job>>), work: Work) -> Self {
        let sockets = Sockets { client, job, since: Instant::now(), daemon: None };
        Self { sockets, work, listener, queued: false, leaves: false, touched: true }
    }

    /// Returns the place of the listening socket that accepted the client.
    pub(in crate::net) fn listener(&self) -> usize {
        self.listener
    }

    /// Returns the client, if another process may continue with it: all bytes that
    /// were read from it were answered.
    pub(in crate::net) fn free(&mut self) -> Option<&mut Peer> {
        let free = match &self.work {
            Work::Parked(_) => true,
            Work::Busy(pump) => pump.is_free(),
        };
        free.then_some(&mut self.sockets.client)
    }

    /// Records an event. Returns `false` if it belongs to a socket that the pair no longer has.
    pub(in crate::net) fn note(&mut self, side: Side, event: &Event) -> bool {
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

    /// Returns the time at which it needs a turn even without an event.
    pub(in crate::net) fn wakes(&self) -> Option<Instant> {
        match &self.work {
            Work::Parked(_) => None,
            Work::Busy(pump) => pump.wakes(),
        }
    }

    /// Handles timers and moves bytes.
    pub(in crate::net) fn turn(&mut self, pumps: &mut Pumps, shell: &mut Shell<'_>) -> Wants {
        if let Work::Parked(parked) = &mut self.work {
            let parked = std::mem::replace(parked, Parked::unconnected());
            let mut pump = pumps.lend(shell.settings);
            pump.unpark(shell.settings, parked);
            self.work = Work::Busy(pump);
        }
        let Work::Busy(pump) = &mut self.work else {
            return Wants::Events;
        };
        let wants = pump.turn(&mut self.sockets, shell);
        if wants == Wants::Events
            && let Some(parked) = pump.park()
            && let Work::Busy(pump) = std::mem::replace(&mut self.work, Work::Parked(parked))
        {
            pumps.reclaim(pump);
        }
        wants
    }

    /// Closes the daemon connection of an idle pair, whose next request is for another daemon. A busy one
    /// does that itself before its next request.
    pub(in crate::net) fn leave_daemon(&mut self) {
        if matches!(self.work, Work::Parked(_)) {
            self.sockets.daemon = None;
            self.work = Work::Parked(Parked::unconnected());
        }
    }

    /// Returns `true` if no exchange is running, and no event came since the last call.
    pub(in crate::net) fn was_quiet(&mut self) -> bool {
        !std::mem::take(&mut self.touched) && self.is_idle()
    }

    /// Ends the running exchange.
    pub(in crate::net) fn abandon(&mut self, shell: &mut Shell<'_>) {
        if let Work::Busy(pump) = &mut self.work {
            pump.abandon(&self.sockets, shell);
        }
    }

    /// Returns `true` if no exchange is running.
    pub(in crate::net) fn is_idle(&self) -> bool {
        match &self.work {
            Work::Parked(_) => true,
            Work::Busy(pump) => pump.is_idle(),
        }
    }
}

#[cfg(test)]
mod tests;
