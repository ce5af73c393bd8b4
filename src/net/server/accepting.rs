//! Accepting clients, as part of the event loop.

use std::io;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::guests::is_passing;
use super::{Served, Server};
use crate::net::listen::listeners::Listeners;
use crate::net::slab::Side;
use crate::net::wire::pair::Pair;
use crate::net::wire::peer::Peer;

/// Clients accepted before the others have their turn.
pub(super) const ACCEPTS: usize = 64;

/// The pause before accepting is tried again when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long nobody is told again that there is no room.
const FULL_PAUSE: Duration = Duration::from_mins(1);

/// What is done about clients that want to be accepted.
#[derive(Debug)]
pub(super) enum Accepting {
    /// They are accepted as they come.
    Open(Listeners),
    /// Some are there, and are not accepted before this time.
    Paused(Listeners, Instant),
    /// Another process accepts them.
    Superseded(Superseded),
    /// No more are accepted; those that were may finish what they are about.
    Closing(Closing),
    /// No more are accepted, and no new exchanges begin.
    Draining(Draining),
    /// A second signal came.
    Stopping,
}

/// What becomes of clients that were accepted before another process did so, if that does not take
/// them over.
#[derive(Debug)]
pub(super) struct Superseded {
    /// When those that are quiet are closed, again and again.
    pub(super) sweep: Instant,
    /// When no new exchanges begin any more, even for those that are never quiet.
    pub(super) busy: Instant,
}

/// How clients finish what they are about: a command is often several exchanges, as `docker exec`, which
/// asks for the exit code behind its stream.
#[derive(Debug)]
pub(super) struct Closing {
    /// When it is looked whether all have been quiet, again and again.
    pub(super) sweep: Instant,
    /// When no new exchanges begin any more, even if they are not, if ever.
    pub(super) last_call: Option<Instant>,
    /// What comes then.
    pub(super) next: Draining,
}

/// How what is left ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draining {
    /// When it is closed, if ever.
    pub(super) until: Option<Instant>,
    /// Whether a second signal closes it.
    pub(super) hasty: bool,
}

impl Accepting {
    /// The sockets, while they are listened on.
    pub(super) fn listeners(&mut self) -> Option<&mut Listeners> {
        match self {
            Self::Open(listeners) | Self::Paused(listeners, _) => Some(listeners),
            Self::Superseded(_) | Self::Closing(_) | Self::Draining(_) | Self::Stopping => None,
        }
    }

    /// Whether clients are accepted, sooner or later.
    pub(super) fn serves(&self) -> bool {
        matches!(self, Self::Open(_) | Self::Paused(..))
    }

    /// Whether a client may be accepted now.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Open(listeners) if listeners.is_stirred())
    }
}

impl Server {
    pub(super) fn has_room(&self) -> bool {
        let links = self.passing.files().div_ceil(2);
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
                return self.tell_full();
            }
            let Accepting::Open(listeners) = &mut self.accepting else { return };
            match listeners.accept() {
                Ok((stream, listener)) => self.welcome(stream, listener),
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

    /// Now and then, for as long as it is so.
    pub(super) fn tell_full(&mut self) {
        if self.full_told.is_none_or(|told| self.woke.duration_since(told) > FULL_PAUSE) {
            self.full_told = Some(self.woke);
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

    pub(super) fn welcome(&mut self, stream: mio::net::UnixStream, listener: usize) {
        let slot = self.pairs.next();
        let token = self.next_token(slot, Side::Client);
        let client = match Peer::new(stream, token, self.poll.registry()) {
            Ok(client) => client,
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        };
        let Some(Served { settings, .. }) = self.served.get(listener) else { return };
        let pair = Pair::accepted(client, listener, &mut self.pumps, settings, self.woke);
        self.pairs.insert(pair);
        if !self.is_new_guest(listener) {
            self.counters.client();
            debug!("a client was accepted; {} are connected", self.clients());
        }
        self.queue(slot);
    }
}
