//! The surroundings of a pair: its sockets, and what it uses of the server.

use std::rc::Rc;
use std::time::Instant;

use mio::{Registry, Token};

use super::peer::Peer;
use super::pools::Pools;
use crate::net::daemons::Daemons;
use crate::net::host::blocking::Blocking;
use crate::net::listen::Listener;
use crate::net::listen::jobs::{Job, JobSockets};
use crate::net::log::recent::Recent;
use crate::proxy::ListenerSettings;
use crate::rules::Refusal;
use crate::rules::job::no_socket;
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
    /// The recent warnings of all listeners.
    pub(in crate::net) recent: &'s mut Recent,
    /// The threads for questions that may take long.
    pub(in crate::net) blocking: &'s Blocking,
    /// The sockets for containers of the pair's listener, if they get some.
    pub(in crate::net) jobs: Option<&'s Jobs>,
    /// `true` if another socket may be made: the others leave enough files for clients.
    pub(in crate::net) has_room: bool,
    /// The sockets for containers that were made in this turn.
    pub(in crate::net) opened: &'s mut Vec<Opened>,
    /// The sockets whose containers the daemon did not create.
    pub(in crate::net) unneeded: &'s mut Vec<Rc<Job>>,
    /// The token of a new daemon socket of the pair.
    pub(in crate::net) daemon_token: Token,
    /// The time when the event loop woke, before any pair had its turn.
    pub(in crate::net) now: Instant,
}

impl Shell<'_> {
    /// Makes a socket for a container.
    pub(super) fn open_for_container(&mut self) -> Result<Rc<Job>, Refusal> {
        // The settings may have changed since the request was judged.
        let jobs =
            self.jobs.ok_or_else(|| no_socket("the configuration has changed; try again"))?;
        if !self.has_room {
            return Err(no_socket("there are too many for the limit of open files"));
        }
        let (listener, job) = jobs.sockets.open().map_err(|why| no_socket(&why.to_string()))?;
        self.opened.push(Opened { listener, job: Rc::clone(&job), place: jobs.place });
        Ok(job)
    }
}

/// The sockets for containers of one listener.
#[derive(Debug, Clone)]
pub(in crate::net) struct Jobs {
    pub(in crate::net) sockets: JobSockets,
    /// The place of the listener to which they belong.
    pub(in crate::net) place: usize,
}

/// A new socket for a container.
#[derive(Debug)]
pub(in crate::net) struct Opened {
    pub(in crate::net) listener: Listener,
    pub(in crate::net) job: Rc<Job>,
    /// The place of its listener.
    pub(in crate::net) place: usize,
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
    /// The container whose socket accepted the client, if it was one's own.
    pub(super) job: Option<Rc<Job>>,
    /// The time at which the client was accepted or taken over.
    pub(super) since: Instant,
    pub(super) daemon: Option<Peer>,
}
