//! Accepting clients, as part of the event loop.

use std::io;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::guests::is_passing;
use super::{Served, Server};
use crate::net::listen::listeners::{Accepted, Listeners};
use crate::net::slab::Side;
use crate::net::wire::pair::Pair;
use crate::net::wire::peer::Peer;

/// Maximum number of clients accepted per turn of the loop.
pub(super) const ACCEPTS: usize = 64;

/// Pause before accepting again if the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Minimum time between two warnings that the maximum number of clients is reached.
const FULL_PAUSE: Duration = Duration::from_mins(1);

/// The state of accepting, and of the shutdown.
#[derive(Debug)]
pub(super) enum Accepting {
    /// Clients are accepted.
    Open(Listeners),
    /// Clients are not accepted before this time.
    Paused(Listeners, Instant),
    /// Another process accepts clients.
    Superseded(Superseded),
    /// No more clients are accepted; those that were may finish their commands.
    Closing(Closing),
    /// No more clients are accepted, and no new exchanges begin.
    Draining(Draining),
    /// A second signal ends the process at once.
    Stopping,
}

/// The deadlines of clients that the new process does not take over.
#[derive(Debug)]
pub(super) struct Superseded {
    /// The next time at which quiet clients are closed.
    pub(super) sweep: Instant,
    /// The time from which no new exchanges begin, even for clients that are never quiet.
    pub(super) busy: Instant,
}

/// The deadlines for clients to finish their commands. A command often has several exchanges:
/// `docker exec` asks for the exit code after its stream.
#[derive(Debug)]
pub(super) struct Closing {
    /// The next check if all clients are quiet.
    pub(super) sweep: Instant,
    /// The time from which no new exchanges begin in any case; `None` for never.
    pub(super) last_call: Option<Instant>,
    /// The next state.
    pub(super) next: Draining,
}

/// The end of the remaining exchanges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draining {
    /// The time at which they are closed; `None` for never.
    pub(super) until: Option<Instant>,
    /// `true` if a second signal closes them.
    pub(super) hasty: bool,
}

impl Accepting {
    /// Returns the listening sockets, until they are closed.
    pub(super) fn listeners(&mut self) -> Option<&mut Listeners> {
        match self {
            Self::Open(listeners) | Self::Paused(listeners, _) => Some(listeners),
            Self::Superseded(_) | Self::Closing(_) | Self::Draining(_) | Self::Stopping => None,
        }
    }

    /// Returns `true` if clients are accepted now or after a pause.
    pub(super) fn serves(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Paused(..))
    }

    /// Returns `true` if a client may be waiting to be accepted.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Open(listeners) if listeners.is_stirred())
    }
}

impl Server {
    pub(super) fn has_room(&self) -> bool {
        let links = self.predecessors.files().div_ceil(2);
        self.clients() < self.max_pairs.saturating_sub(links).max(1)
    }

    pub(super) fn set_accepting(&mut self, state: impl FnOnce(Listeners) -> Accepting) {
        self.accepting = match std::mem::replace(&mut self.accepting, Accepting::Stopping) {
            Accepting::Open(listeners) | Accepting::Paused(listeners, _) => state(listeners),
            other => other,
        };
    }

    pub(super) fn accept(&mut self) {
        if matches!(self.accepting, Accepting::Paused(_, until) if until <= self.woke) {
            self.set_accepting(Accepting::Open);
        }
        for _ in 0..ACCEPTS {
            if !self.accepting.is_pending() {
                return;
            }
            if !self.has_room() {
                return self.warn_full();
            }
            let Accepting::Open(listeners) = &mut self.accepting else { return };
            match listeners.accept() {
                Ok(accepted) => self.welcome(accepted),
                Err(error) => return self.accept_failed(&error),
            }
        }
    }

    /// Accepts all clients, as if an event had announced them.
    #[cfg(test)]
    pub(super) fn accept_all(&mut self) {
        if let Some(listeners) = self.accepting.listeners() {
            listeners.stir_all();
        }
        self.accept();
    }

    /// Warns that the maximum number of clients is reached, at most once per [`FULL_PAUSE`].
    pub(super) fn warn_full(&mut self) {
        if self.full_warned.is_none_or(|at| self.woke.duration_since(at) > FULL_PAUSE) {
            self.full_warned = Some(self.woke);
            let limit = self.max_pairs;
            warn!(
                "{limit} clients are connected, and more would have to wait: the limit of open files lets in \
                 no more (ulimit -n, LimitNOFILE= of a unit)"
            );
        }
    }

    fn accept_failed(&mut self, error: &io::Error) {
        // Else there are no more, or the client has given up; the next may be there.
        if !is_passing(error) {
            warn!("cannot accept a client: {error}; trying again");
            let until = Instant::now() + ACCEPT_PAUSE;
            self.set_accepting(|listeners| Accepting::Paused(listeners, until));
        }
    }

    pub(super) fn welcome(&mut self, accepted: Accepted) {
        let Accepted { stream, place: listener, job } = accepted;
        let slot = self.pairs.next();
        let token = self.next_token(slot, Side::Client);
        let client = match Peer::new(stream, token, self.poll.registry()) {
            Ok(client) => client,
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        };
        let Some(Served { settings, .. }) = self.served.get(listener) else { return };
        let pair = Pair::accepted(client, (listener, job), &mut self.pumps, settings, self.woke);
        self.pairs.insert(pair);
        if !self.count_in(listener) {
            self.counters.client();
            debug!("a client was accepted; {} are connected", self.clients());
        }
        self.queue(slot);
    }
}
