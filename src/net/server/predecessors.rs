//! Taking over clients from earlier processes, each between two exchanges, as part of the event loop. See
//! [`crate::net::service::handover::passing`].

use std::io;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::time::Instant;

use log::{debug, warn};
use mio::net::UnixStream;
use mio::{Interest, Registry};

use super::accepting::ACCEPTS;
use super::passing_on::PAUSE;
use super::{PREDECESSORS, Served, Server};
use crate::net::service::handover::passing::{Kind, came_by, has_descriptor, receive};
use crate::net::slab::Side;
use crate::net::wire::pair::Pair;
use crate::net::wire::peer::Peer;

/// The earlier processes, which may still pass clients.
#[derive(Debug, Default)]
pub(super) struct Predecessors {
    pub(super) links: Vec<UnixStream>,
    /// Sockets for containers that they have passed.
    jobs: Vec<OwnedFd>,
    /// `true` if a link may have messages.
    pending: bool,
    /// The time of the next attempt, if no descriptor was left.
    pub(super) again: Option<Instant>,
}

impl Predecessors {
    /// Returns the number of descriptors of the links.
    pub(super) fn files(&self) -> usize {
        self.links.len()
    }

    /// Records that a link may have messages.
    pub(super) fn note(&mut self) {
        self.pending = true;
    }

    /// Returns `true` if a link may have messages.
    pub(super) fn is_pending(&self) -> bool {
        self.pending && self.again.is_none()
    }

    /// Adds a link. If it cannot be watched, it is closed, so the clients stay there.
    fn add(&mut self, mut link: UnixStream, registry: &Registry) {
        if let Err(error) = registry.register(&mut link, PREDECESSORS, Interest::READABLE) {
            return warn!("cannot watch a process before this one: {error}");
        }
        self.links.push(link);
        self.pending = true;
    }

    /// Receives the next client from any link.
    ///
    /// # Errors
    /// `WouldBlock` if there is none, and those of fcntl(2) if no descriptor is left.
    fn next(&mut self, registry: &Registry) -> io::Result<UnixStream> {
        let mut place = 0;
        while let Some(link) = self.links.get(place) {
            has_descriptor(link)?;
            match receive(link) {
                Ok(Some((Kind::Link, file))) => self.add(stream(file), registry),
                Ok(Some((Kind::Job, file))) => self.jobs.push(file),
                Ok(Some((Kind::Client(_), file))) => return Ok(stream(file)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => place += 1,
                Ok(None) => drop(self.links.remove(place)),
                Err(error) => {
                    warn!("what a process before this one passes is not understood: {error}");
                    self.links.remove(place);
                }
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }
}

fn stream(file: OwnedFd) -> UnixStream {
    // It is non-blocking since its first process.
    UnixStream::from_std(file.into())
}

impl Server {
    /// Takes clients from the earlier process over this link.
    pub(super) fn take_clients(&mut self, link: UnixStream) {
        self.predecessors.add(link, self.poll.registry());
    }

    /// Returns `true` if a client of a predecessor can be taken now.
    pub(super) fn can_adopt(&self) -> bool {
        self.accepting.serves() && self.predecessors.is_pending() && self.has_room()
    }

    /// Takes clients of predecessors, up to the limits.
    pub(super) fn adopt(&mut self) {
        let Predecessors { pending, again, .. } = &mut self.predecessors;
        if !*pending {
            return;
        }
        if again.is_some_and(|at| at <= self.woke) {
            *again = None;
        }
        if !self.accepting.serves() || !self.predecessors.is_pending() {
            return;
        }
        for _ in 0..ACCEPTS {
            if !self.has_room() {
                return self.warn_full();
            }
            if !self.adopt_one() {
                return;
            }
        }
    }

    /// Takes the next client of a predecessor. Returns `false` if there is none now.
    fn adopt_one(&mut self) -> bool {
        let next = self.predecessors.next(self.poll.registry());
        // First, since the client may have come by one of them.
        let jobs = std::mem::take(&mut self.predecessors.jobs);
        if !jobs.is_empty() {
            self.adopt_jobs(jobs);
        }
        match next {
            Ok(stream) => self.welcome_adopted(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.predecessors.pending = false;
                return false;
            }
            Err(error) => {
                warn!("cannot take a client from a process before this one: {error}; trying again");
                self.predecessors.again = Some(Instant::now() + PAUSE);
                return false;
            }
        }
        true
    }

    /// Takes a client with the settings of the listener that has the path by which it came. Numbers would
    /// not do: processes in between may have added and removed listeners.
    pub(super) fn welcome_adopted(&mut self, stream: UnixStream) {
        let path = came_by(&stream);
        let has = |served: &Served| path.as_ref().is_some_and(|path| served.sockets.contains(path));
        let by = self.served.iter().find(|(_, served)| has(served)).map(|(place, _)| (place, None));
        let by = by.or_else(|| {
            let (place, job) = self.accepting.listeners()?.job_at(path.as_deref()?)?;
            Some((place, Some(job)))
        });
        let Some((listener, job)) = by else {
            return warn!("a client came by a socket that is not known; closed");
        };
        let slot = self.pairs.next();
        let token = self.next_token(slot, Side::Client);
        match Peer::new(stream, token, self.poll.registry()) {
            Ok(client) => self.pairs.insert(Pair::adopted(client, (listener, job))),
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        }
        self.count_in(listener);
        self.counters.client();
        debug!("a client was taken over; {} are connected", self.clients());
    }

    /// Closes the links of predecessors. Takes the clients that were already sent, up to the limit; the
    /// predecessors keep all others.
    pub(super) fn close_predecessors(&mut self) {
        self.predecessors.again = None;
        // Each may hold further links.
        while !self.predecessors.links.is_empty() {
            for link in &self.predecessors.links {
                // Further sends fail, so no client gets lost.
                let _ = link.shutdown(Shutdown::Read);
            }
            while self.has_room() && self.adopt_one() {}
            if self.predecessors.again.take().is_some() || !self.has_room() {
                self.predecessors.links.clear();
            }
        }
    }
}
