//! A thin layer over epoll, with numbers for sockets.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::time::Timespec;

/// Events taken from the kernel at once.
const AT_ONCE: usize = 256;

/// A set of sockets to wait for.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poll {
    pub(crate) fn new() -> Self {
        let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
        Self { epoll, events: Vec::with_capacity(AT_ONCE) }
    }

    pub(crate) fn add(&self, socket: impl AsFd, number: u64, flags: EventFlags) {
        epoll::add(&self.epoll, socket, EventData::new_u64(number), flags).unwrap();
    }

    pub(crate) fn change(&self, socket: impl AsFd, number: u64, flags: EventFlags) {
        epoll::modify(&self.epoll, socket, EventData::new_u64(number), flags).unwrap();
    }

    /// Waits and returns the number of events; 0 after the timeout.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> usize {
        let timeout = timeout.map(|time| Timespec::try_from(time).unwrap());
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => self.events.len(),
            Err(error) => panic!("epoll_wait: {error}"),
        }
    }

    /// Returns an event: the number of its socket, and its flags.
    pub(crate) fn event(&self, at: usize) -> (u64, EventFlags) {
        let event = self.events[at];
        (event.data.u64(), event.flags)
    }
}
