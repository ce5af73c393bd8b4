//! The surroundings of a pair: its sockets, and what it uses of the server.

use std::rc::Rc;
use std::time::Instant;

use mio::{Registry, Token};

use super::peer::Peer;
use super::pools::Pools;
use crate::net::daemons::Daemons;
use crate::net::host::blocking::Blocking;
use crate::proxy::ListenerSettings;
use crate::stats::{Counters, Present, Verdicts};

/// The parts of the server that the pair uses whose turn it is.
pub(in crate::net) struct Shell<'s> {
    pub(in crate::net) registry: &'s Registry,
    pub(in crate::net) pools: &'s mut Pools,
    /// The present settings of the pair's listener.
    pub(in crate::net) settings: &'s Rc<ListenerSettings>,
    /// The daemons of all settings.
    pub(in crate::net) daemons: &'s mut Daemons,
    /// The state of the process, if the proxy itself answers.
    pub(in crate::net) present: Option<Box<Present>>,
    pub(in crate::net) counters: &'s mut Counters,
    /// The completed exchanges of the pair's listener.
    pub(in crate::net) requests: &'s mut Verdicts,
    /// The threads for questions that may take long.
    pub(in crate::net) blocking: &'s Blocking,
    /// The token of a new daemon socket of the pair.
    pub(in crate::net) daemon_token: Token,
    /// The time when the event loop woke, before any pair had its turn.
    pub(in crate::net) now: Instant,
}

/// The request of a pair after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Wants {
    /// Another turn at the next event.
    Events,
    /// Another turn without an event: it stopped at its budget.
    Turn,
    /// To be dropped.
    Nothing,
}

/// The sockets of a pair.
#[derive(Debug)]
pub(in crate::net) struct Sockets {
    pub(super) client: Peer,
    /// The time at which the client was accepted or taken over.
    pub(super) since: Instant,
    pub(super) daemon: Option<Peer>,
}
