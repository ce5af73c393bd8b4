//! The passing of clients to the process that serves after this one, each between two exchanges, as part of
//! the event loop. See [`crate::net::service::handover::passing`].

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::Interest;
use mio::event::Event;
use mio::net::UnixStream;

use super::accepting::Accepting;
use super::{SUCCESSOR, Server};
use crate::net::listen::Listener;
use crate::net::service::handover::passing::{Kind, Obstacle, TAKES, came_by, send};
use crate::net::wire::pair::Pair;

/// The pause before a descriptor is sent or received again if the kernel does not report when that is
/// possible.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The passing of clients to the next process.
#[derive(Debug, Default)]
pub(super) struct Passing {
    recipient: Option<Recipient>,
    /// The paths of the listening sockets that the next process has, in the order in which they were passed.
    pub(super) sockets: Vec<PathBuf>,
    /// Sockets for containers that the next process does not have yet.
    pub(super) jobs: Vec<Listener>,
    /// Number of clients that were passed on.
    pub(super) handed_over: usize,
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
    /// Returns the number of a client's listening socket among those of the next process.
    fn number(&self, client: &impl AsFd) -> Option<u32> {
        let path = came_by(client)?;
        u32::try_from(self.sockets.iter().position(|socket| *socket == path)?).ok()
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
        self.recipient.as_ref().and_then(|to| match to.taking {
            Taking::Later(at) => Some(at),
            Taking::Unknown | Taking::Now | Taking::Full => None,
        })
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

    /// Passes the sockets for containers that the next process does not have. Without a next process they are
    /// closed, so that no client waits in vain.
    pub(super) fn pass_jobs_on(&mut self) {
        if self.passing.recipient.is_none() {
            return self.close_jobs();
        }
        while self.passing.is_open()
            && let Some(listener) = self.passing.jobs.pop()
        {
            let to = self.passing.recipient.as_ref();
            if let Some(why) = to.and_then(|to| send(&to.link, Kind::Job, &listener).err()) {
                self.passing.jobs.push(listener);
                return self.not_passed(&why);
            }
        }
    }

    fn close_jobs(&mut self) {
        let is_kept = self.manager.is_there();
        for listener in std::mem::take(&mut self.passing.jobs).into_iter().filter(|_| !is_kept) {
            warn!("no process serves the socket {} of a container", listener.path().display());
        }
    }

    /// Passes the sockets for containers, the links of predecessors and all idle clients.
    fn pass_all_on(&mut self) {
        // First, since clients may have come by them.
        self.pass_jobs_on();
        while self.passing.is_open()
            && let Some(mut link) = self.predecessors.links.pop()
        {
            let to = self.passing.recipient.as_ref();
            if let Some(why) = to.and_then(|to| send(&to.link, Kind::Link, &link).err()) {
                self.predecessors.links.push(link);
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
        self.close_jobs();
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
        self.close_jobs();
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
