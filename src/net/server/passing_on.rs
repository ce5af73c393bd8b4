//! The passing of clients from a superseded process to the serving one, each between two exchanges, as
//! part of the event loop. See [`crate::net::service::handover::passing`].

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use mio::event::Event;
use mio::net::UnixStream;
use mio::{Interest, Registry};

use super::accepting::{ACCEPTS, Accepting};
use super::{PREDECESSORS, SUCCESSOR, Served, Server};
use crate::net::service::handover::passing::{
    Kind, Obstacle, TAKES, came_by, has_descriptor, receive, send,
};
use crate::net::slab::Side;
use crate::net::wire::pair::Pair;
use crate::net::wire::peer::Peer;

/// The pause before a descriptor is sent or received again if the kernel does not report when that is
/// possible.
const PAUSE: Duration = Duration::from_millis(100);

/// The passing in both directions: from earlier processes, and to the next one.
#[derive(Debug)]
pub(super) struct Passing {
    predecessors: Predecessors,
    recipient: Option<Recipient>,
    /// The paths of the listening sockets that the next process has, in the order in which they were passed.
    pub(super) sockets: Vec<PathBuf>,
    /// Number of clients that were passed on.
    pub(super) handed_over: usize,
}

/// The earlier processes, which may still pass clients.
#[derive(Debug)]
struct Predecessors {
    links: Vec<UnixStream>,
    /// `true` if a link may have messages.
    pending: bool,
    /// The time of the next attempt, if no descriptor was left.
    again: Option<Instant>,
}

/// The process that serves after this one.
#[derive(Debug)]
struct Recipient {
    number: u32,
    link: UnixStream,
    said: Vec<u8>,
    taking: Taking,
}

/// Readiness of the next process for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    /// It has not reported that it takes clients.
    Unknown,
    Now,
    /// Its link is full; an event will follow.
    Full,
    /// The kernel has too many descriptors in transit.
    Later(Instant),
}

impl Passing {
    pub(super) fn new() -> Self {
        let predecessors = Predecessors { links: Vec::new(), pending: false, again: None };
        Self { predecessors, recipient: None, sockets: Vec::new(), handed_over: 0 }
    }

    /// Returns the number of a client's listening socket among those of the next process.
    fn number(&self, client: &impl AsFd) -> Option<u32> {
        let path = came_by(client)?;
        u32::try_from(self.sockets.iter().position(|socket| *socket == path)?).ok()
    }

    /// Returns the number of descriptors of the links.
    pub(super) fn files(&self) -> usize {
        self.predecessors.links.len()
    }

    /// Records that a link of a predecessor may have messages.
    pub(super) fn note_predecessors(&mut self) {
        self.predecessors.pending = true;
    }

    /// Returns `true` if a link may have messages.
    pub(super) fn is_pending(&self) -> bool {
        self.predecessors.pending && self.predecessors.again.is_none()
    }

    /// Returns `true` if no link of a predecessor is left.
    pub(super) fn has_no_links(&self) -> bool {
        self.predecessors.links.is_empty()
    }

    /// Returns `true` if the next process takes clients, now or later.
    pub(super) fn has_recipient(&self) -> bool {
        self.recipient.as_ref().is_some_and(|to| to.taking != Taking::Unknown)
    }

    /// Returns `true` if the next process takes clients now.
    fn is_open(&self) -> bool {
        self.recipient.as_ref().is_some_and(|to| to.taking == Taking::Now)
    }

    /// Returns the time of the next attempt.
    pub(super) fn wakes(&self) -> Option<Instant> {
        let later = self.recipient.as_ref().and_then(|to| match to.taking {
            Taking::Later(at) => Some(at),
            Taking::Unknown | Taking::Now | Taking::Full => None,
        });
        [later, self.predecessors.again].into_iter().flatten().min()
    }
}

impl Predecessors {
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

/// Clients from earlier processes.
impl Server {
    /// Takes clients from the earlier process over this link.
    pub(super) fn take_clients(&mut self, link: UnixStream) {
        self.passing.predecessors.add(link, self.poll.registry());
    }

    /// Returns `true` if a client of a predecessor can be taken now.
    pub(super) fn can_adopt(&self) -> bool {
        self.accepting.serves() && self.passing.is_pending() && self.has_room()
    }

    /// Takes clients of predecessors, up to the limits.
    pub(super) fn adopt(&mut self) {
        let Predecessors { pending, again, .. } = &mut self.passing.predecessors;
        if !*pending {
            return;
        }
        if again.is_some_and(|at| at <= self.woke) {
            *again = None;
        }
        if !self.accepting.serves() || !self.passing.is_pending() {
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
        match self.passing.predecessors.next(self.poll.registry()) {
            Ok(stream) => self.welcome_adopted(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.passing.predecessors.pending = false;
                return false;
            }
            Err(error) => {
                warn!("cannot take a client from a process before this one: {error}; trying again");
                self.passing.predecessors.again = Some(Instant::now() + PAUSE);
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
        let Some((listener, _)) = self.served.iter().find(|(_, served)| has(served)) else {
            return warn!("a client came by a socket that is not known; closed");
        };
        let slot = self.pairs.next();
        let token = self.next_token(slot, Side::Client);
        match Peer::new(stream, token, self.poll.registry()) {
            Ok(client) => self.pairs.insert(Pair::adopted(client, listener)),
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        }
        self.count_in(listener);
        self.counters.client();
        debug!("a client was taken over; {} are connected", self.clients());
    }

    /// Closes the links of predecessors. Takes the clients that were already sent, up to the limit; the
    /// predecessors keep all others.
    pub(super) fn close_predecessors(&mut self) {
        self.passing.predecessors.again = None;
        // Each may hold further links.
        while !self.passing.has_no_links() {
            for link in &self.passing.predecessors.links {
                // Further sends fail, so no client gets lost.
                let _ = link.shutdown(Shutdown::Read);
            }
            while self.has_room() && self.adopt_one() {}
            if self.passing.predecessors.again.take().is_some() || !self.has_room() {
                self.passing.predecessors.links.clear();
            }
        }
    }
}

/// Clients for the next process.
impl Server {
    /// Records that process `number` serves from now on. Its `link` is already registered, as that of the
    /// successor.
    pub(super) fn follow(&mut self, number: u32, link: UnixStream) {
        let taking = Taking::Unknown;
        self.passing.recipient = Some(Recipient { number, link, said: Vec::new(), taking });
    }

    /// Handles an event on the link of the next process.
    pub(super) fn recipient_spoke(&mut self, event: &Event) {
        let Some(to) = &mut self.passing.recipient else {
            return;
        };
        if event.is_writable() && to.taking == Taking::Full {
            to.taking = Taking::Now;
            let _ = self.poll.registry().reregister(&mut to.link, SUCCESSOR, Interest::READABLE);
        }
        match to.hear() {
            Ok(true) => return self.begin_passing(),
            Ok(false) => {}
            Err(why) => return self.recipient_gone(&why),
        }
        self.pass_all_on();
    }

    /// Passes clients if another attempt is due.
    pub(super) fn retry_passing(&mut self) {
        if let Some(to) = &mut self.passing.recipient
            && matches!(to.taking, Taking::Later(at) if at <= self.woke)
        {
            to.taking = Taking::Now;
            self.pass_all_on();
        }
    }

    fn begin_passing(&mut self) {
        self.pass_all_on();
        let (passed, left) = (self.passing.handed_over, self.clients());
        if let Some(Recipient { number, .. }) = self.passing.recipient
            && passed + left > 0
        {
            info!(
                "{passed} idle connections were handed over to process {number}; {left} go on here, each \
                 until its exchange ends"
            );
        }
    }

    /// Passes the links of predecessors and all idle clients.
    fn pass_all_on(&mut self) {
        while self.passing.is_open()
            && let Some(mut link) = self.passing.predecessors.links.pop()
        {
            let to = self.passing.recipient.as_ref();
            if let Some(why) = to.and_then(|to| send(&to.link, Kind::Link, &link).err()) {
                self.passing.predecessors.links.push(link);
                return self.not_passed(&why);
            }
            let _ = self.poll.registry().deregister(&mut link);
        }
        if self.passing.is_open() {
            let slots: Vec<_> = self.pairs.slots().collect();
            for slot in slots {
                self.pass_on(slot);
            }
        }
    }

    /// Passes the client of this pair to the next process, if it is idle and the process takes clients.
    pub(super) fn pass_on(&mut self, slot: usize) {
        let Some(to) = self.passing.recipient.as_ref().filter(|to| to.taking == Taking::Now) else {
            return;
        };
        let Some(client) = self.pairs.get_mut(slot).and_then(Pair::free) else {
            return;
        };
        // The next process does not have a socket that was closed before.
        let Some(number) = self.passing.number(client) else { return };
        match send(&to.link, Kind::Client(number), client) {
            Ok(()) => {
                client.unwatch(self.poll.registry());
                self.remove(slot);
                self.passing.handed_over += 1;
            }
            Err(why) => self.not_passed(&why),
        }
    }

    /// Handles a failed send.
    fn not_passed(&mut self, why: &io::Error) {
        let Some(to) = &mut self.passing.recipient else { return };
        match Obstacle::of(why) {
            Obstacle::Full => {
                to.taking = Taking::Full;
                let both = Interest::READABLE | Interest::WRITABLE;
                // This fails only without memory. Then the clients stay here.
                let _ = self.poll.registry().reregister(&mut to.link, SUCCESSOR, both);
            }
            Obstacle::Busy => to.taking = Taking::Later(Instant::now() + PAUSE),
            Obstacle::Gone => self.recipient_gone(why),
        }
    }

    /// Handles the end of the next process's link. The remaining clients stay here until they are quiet.
    fn recipient_gone(&mut self, why: &io::Error) {
        let Some(to) = self.passing.recipient.take() else { return };
        if self.clients() > 0 {
            let number = to.number;
            info!(
                "process {number} takes no connections over: {why}; those that are idle are closed"
            );
        }
        if matches!(self.accepting, Accepting::Superseded(_)) {
            self.close_predecessors();
            self.accepting = Accepting::superseded(Instant::now());
        }
    }

    /// Stops passing clients.
    pub(super) fn stop_passing(&mut self) {
        self.passing.recipient = None;
        self.close_predecessors();
    }
}

impl Recipient {
    /// Reads its messages. Returns `true` once it reports that it takes clients.
    fn hear(&mut self) -> io::Result<bool> {
        let mut piece = [0; TAKES.len()];
        loop {
            match self.link.read(&mut piece) {
                Ok(0) => return Err(io::Error::other("its link has ended")),
                Ok(n) => self.said.extend(piece.iter().take(n)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if !TAKES.starts_with(&self.said) {
                return Err(io::Error::other("it does not say that it takes them"));
            }
        }
        let takes = self.taking == Taking::Unknown && self.said == TAKES;
        if takes {
            self.taking = Taking::Now;
        }
        Ok(takes)
    }
}

#[cfg(test)]
mod tests;
