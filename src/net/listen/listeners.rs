//! The listening sockets of a server.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_passcred;

use crate::net::listen::Listener;
use crate::net::listen::jobs::Job;

/// The token of the first listener; those of the others follow. Tokens of daemons are larger.
const FIRST: usize = 1 << 16;

/// The token of the stats socket, the last one.
const STATS: usize = 2 * FIRST - 1;

/// The listening sockets, each with a token of its own, and the place to which its clients belong.
#[derive(Debug)]
pub(in crate::net) struct Listeners {
    all: Vec<Door>,
    /// The listener that is asked first. It rotates, so that no listener's clients starve.
    first: usize,
    /// The smallest token.
    base: usize,
    /// The token from which the search for a free one begins: there may be thousands of listeners.
    next: usize,
    /// `true` if a client may be waiting at any of them.
    stirred: bool,
}

/// A listening socket.
#[derive(Debug)]
struct Door {
    listener: Listener,
    token: Token,
    place: usize,
    /// The container for which it is, if it is for one.
    job: Option<Rc<Job>>,
    /// `true` if a client may be waiting.
    stirred: bool,
}

/// A client that was accepted.
#[derive(Debug)]
pub(in crate::net) struct Accepted {
    pub(in crate::net) stream: UnixStream,
    /// The place of its listener.
    pub(in crate::net) place: usize,
    /// The container of the listening socket, if that is for one.
    pub(in crate::net) job: Option<Rc<Job>>,
}

impl Listeners {
    /// Makes an empty list of sockets for clients.
    pub(in crate::net) fn for_clients() -> Self {
        Self { all: Vec::new(), first: 0, base: FIRST, next: FIRST, stirred: false }
    }

    /// Makes an empty list for the stats socket.
    pub(in crate::net) fn for_guests() -> Self {
        Self { base: STATS, next: STATS, ..Self::for_clients() }
    }

    /// Adds a listener whose clients belong to `place`, and registers it.
    ///
    /// # Errors
    /// The kernel gives no registration.
    pub(in crate::net) fn add(
        &mut self,
        listener: Listener,
        place: usize,
        registry: &Registry,
    ) -> io::Result<()> {
        self.add_for(None, listener, place, registry)
    }

    /// Adds the listener for one container.
    ///
    /// # Errors
    /// The kernel gives no registration.
    pub(in crate::net) fn add_for(
        &mut self,
        job: Option<Rc<Job>>,
        mut listener: Listener,
        place: usize,
        registry: &Registry,
    ) -> io::Result<()> {
        let is_free = |token: &Token| self.all.iter().all(|door| door.token != *token);
        let token = (self.next..2 * FIRST).chain(self.base..self.next).map(Token).find(is_free);
        let token = token.ok_or_else(|| io::Error::other("there are too many listeners"))?;
        registry.register(&mut listener, token, Interest::READABLE)?;
        self.next = token.0 + 1;
        self.all.push(Door { listener, token, place, job, stirred: false });
        Ok(())
    }

    /// Removes the listeners of the containers for which `stays` returns `false`. Returns their containers.
    pub(in crate::net) fn retire(
        &mut self,
        registry: &Registry,
        stays: impl Fn(&Job) -> bool,
    ) -> Vec<Rc<Job>> {
        let mut gone = Vec::new();
        for mut door in std::mem::take(&mut self.all) {
            match &door.job {
                Some(job) if !stays(job) => {
                    let _ = registry.deregister(&mut door.listener);
                    gone.push(Rc::clone(job));
                }
                Some(_) | None => self.all.push(door),
            }
        }
        gone
    }

    /// Removes the listeners for containers that were made after `begun`. They are not watched any more.
    pub(in crate::net) fn take_made_after(
        &mut self,
        begun: Instant,
        registry: &Registry,
    ) -> Vec<Listener> {
        let is_late = |door: &mut Door| door.job.as_ref().is_some_and(|job| job.since() > begun);
        let late = self.all.extract_if(.., is_late).map(|mut door| {
            let _ = registry.deregister(&mut door.listener);
            door.listener
        });
        late.collect()
    }

    /// Returns the place and the container of the listener with this path, if it is for one container.
    pub(in crate::net) fn job_at(&self, path: &Path) -> Option<(usize, Rc<Job>)> {
        let door =
            self.all.iter().find(|door| door.job.is_some() && door.listener.path() == path)?;
        door.job.clone().map(|job| (door.place, job))
    }

    /// Returns the listeners that are for all containers.
    pub(in crate::net) fn of_clients(&self) -> impl Iterator<Item = &Listener> {
        self.all.iter().filter(|door| door.job.is_none()).map(|door| &door.listener)
    }

    /// Returns the listeners that are for one container.
    pub(in crate::net) fn jobs(&self) -> impl Iterator<Item = (&Listener, &Job)> {
        self.all.iter().filter_map(|door| Some((&door.listener, &**door.job.as_ref()?)))
    }

    /// Gives each listener the place that `place` returns for it, its present place, and `true` if it is for one
    /// container. Returns those for which there is none, with their present places. They are not watched any more.
    pub(in crate::net) fn assign(
        &mut self,
        registry: &Registry,
        place: impl Fn(&Listener, usize, bool) -> Option<usize>,
    ) -> Vec<(Listener, usize)> {
        let mut left = Vec::new();
        for mut door in std::mem::take(&mut self.all) {
            if let Some(place) = place(&door.listener, door.place, door.job.is_some()) {
                self.all.push(Door { place, ..door });
            } else {
                let _ = registry.deregister(&mut door.listener);
                left.push((door.listener, door.place));
            }
        }
        left
    }

    /// Removes the registrations. Closing the sockets would not do where another process has them open,
    /// too: its clients would continue to wake this one.
    pub(in crate::net) fn unwatch(&mut self, registry: &Registry) {
        for door in &mut self.all {
            // Fails only if it is not registered.
            let _ = registry.deregister(&mut door.listener);
        }
    }

    /// Returns `true` if `token` is that of a listener, be it closed.
    pub(in crate::net) fn has(Token(token): Token) -> bool {
        (FIRST..2 * FIRST).contains(&token)
    }

    /// Records that a client waits at the listener with this token.
    pub(in crate::net) fn note(&mut self, token: Token) {
        if let Some(door) = self.all.iter_mut().find(|door| door.token == token) {
            door.stirred = true;
            self.stirred = true;
        }
    }

    /// Records that clients may wait at all listeners.
    #[cfg(test)]
    pub(in crate::net) fn stir_all(&mut self) {
        self.all.iter_mut().for_each(|door| door.stirred = true);
        self.stirred = true;
    }

    /// Returns `true` if a client may be waiting.
    pub(in crate::net) fn is_stirred(&self) -> bool {
        self.stirred
    }

    /// Returns the listeners with their places.
    pub(in crate::net) fn iter(&self) -> impl Iterator<Item = (&Listener, usize)> {
        self.all.iter().map(|door| (&door.listener, door.place))
    }

    pub(in crate::net) fn len(&self) -> usize {
        self.all.len()
    }

    /// Transfers the socket files to another process that listens on them.
    pub(in crate::net) fn leave_files(&mut self) {
        self.all.iter_mut().for_each(|door| door.listener.leave_file());
    }

    /// Leaves the files of sockets for containers.
    pub(in crate::net) fn leave_job_files(&mut self) {
        let jobs = self.all.iter_mut().filter(|door| door.job.is_some());
        jobs.for_each(|door| door.listener.leave_file());
    }

    /// Takes the socket files over from another process that has stopped listening.
    pub(in crate::net) fn take_files(&mut self) {
        self.all.iter_mut().for_each(|door| door.listener.take_file());
    }

    /// Accepts the next waiting client of any listener.
    ///
    /// # Errors
    /// `WouldBlock` when no client waits, and the errors of accept(2).
    pub(in crate::net) fn accept(&mut self) -> io::Result<Accepted> {
        let count = self.all.len();
        let (before, after) = self.all.split_at_mut(self.first.min(count));
        for (distance, door) in after.iter_mut().chain(before).enumerate() {
            match door.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    self.first = (self.first + distance + 1) % count;
                    let (place, job) = (door.place, door.job.clone());
                    return Ok(Accepted { stream: result?, place, job });
                }
            }
        }
        self.stirred = false;
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Door {
    /// Accepts the next client, if one may be waiting.
    fn accept(&mut self) -> io::Result<UnixStream> {
        self.stirred = self.stirred && has_client(&self.listener);
        if !self.stirred {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let stream = self.listener.accept()?;
        if self.listener.is_passed() {
            // The unit may set `PassCredentials=`. A read would then stop where another process begins
            // to write, and no event would announce the rest.
            set_socket_passcred(&stream, false)?;
        }
        Ok(stream)
    }
}

/// Returns `true` if a client may be waiting. accept(2) allocates a file before it checks the
/// queue, which costs 3 µs per accepted client.
fn has_client(listener: &Listener) -> bool {
    let mut files = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut files, Some(&Timespec::default())) != Ok(0)
}

#[cfg(test)]
mod tests;
