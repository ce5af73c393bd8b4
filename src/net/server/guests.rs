//! The clients of the stats socket, which the proxy answers itself. They have their own small limit, so
//! that they are answered even if the maximum number of clients is reached, and do not count as clients.

use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::warn;

use super::{Served, Server};
use crate::net::listen::Listener;
use crate::net::listen::listeners::Listeners;
use crate::proxy::{ListenerSettings, Upstream};
use crate::stats::Present;

/// Maximum number of guests: a scraper, some monitors, and an operator. Others wait in the kernel's queue.
const GUESTS: usize = 4;

/// Descriptors that are reserved: the listener, and the two sockets of each guest.
const FILES: usize = 1 + 2 * GUESTS;

/// Pause before accepting again if the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// The stats socket, and its clients.
#[derive(Debug, Default)]
pub(super) struct Guests {
    listeners: Option<Listeners>,
    /// Number of guests among the pairs.
    count: usize,
    /// No guest is accepted before this time.
    paused: Option<Instant>,
}

impl Guests {
    /// Returns the stats socket, until it is closed.
    pub(super) fn listener(&self) -> Option<&Listener> {
        self.listeners.as_ref()?.iter().next().map(|(listener, _)| listener)
    }

    pub(super) fn listeners(&mut self) -> Option<&mut Listeners> {
        self.listeners.as_mut()
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Returns the time until a guest may be accepted. Returns `None` if none is waiting.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let waits = self.listeners.as_ref().is_some_and(Listeners::is_stirred);
        let until = self.paused.unwrap_or(now);
        (waits && self.count < GUESTS).then(|| until.saturating_duration_since(now))
    }
}

impl Server {
    /// Answers at the stats socket `listener`, too; readiness is that of the daemon whose socket is at
    /// `daemon`.
    ///
    /// # Errors
    /// The kernel gives no registration.
    pub fn answer_at(&mut self, listener: Listener, daemon: &Path) -> io::Result<()> {
        let mut listeners = Listeners::for_guests();
        listeners.add(listener, self.served.next(), self.poll.registry())?;
        self.guests.listeners = Some(listeners);
        let upstream = self.daemons.add(daemon).upstream();
        self.served.insert(Served::new(self.answering(upstream), Vec::new()));
        self.max_pairs = self.max_pairs.saturating_sub(FILES.div_ceil(2)).max(1);
        Ok(())
    }

    /// Returns settings by which the proxy itself answers, with the readiness of this daemon.
    fn answering(&self, upstream: Rc<Upstream>) -> Rc<ListenerSettings> {
        let shared = Rc::clone(&self.shared);
        Rc::new(ListenerSettings { answers: true, upstream, shared, ..Default::default() })
    }

    /// Reports the readiness of another daemon from now on.
    pub(super) fn answer_for(&mut self, upstream: Rc<Upstream>) {
        let settings = self.answering(upstream);
        let place = self.served.iter().find(|(_, served)| served.settings.answers);
        if let Some(served) = place.map(|(place, _)| place).and_then(|at| self.served.get_mut(at)) {
            served.settings = settings;
        }
    }

    /// Returns the number of descriptors that are reserved for guests.
    pub(super) fn guest_files(&self) -> usize {
        if self.guests.listeners.is_some() { FILES } else { 0 }
    }

    /// Accepts the next guest, up to the limit. Only one is accepted per turn of the event loop, so that
    /// many guests cannot keep it busy.
    pub(super) fn accept_guest(&mut self) {
        if self.guests.wait(self.woke) != Some(Duration::ZERO) {
            return;
        }
        self.guests.paused = None;
        let Some(listeners) = &mut self.guests.listeners else { return };
        match listeners.accept() {
            Ok(accepted) => self.welcome(accepted),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                warn!("cannot accept on the stats socket: {error}; trying again");
                self.guests.paused = Some(self.woke + PAUSE);
            }
        }
    }

    /// Counts a new pair. Returns `true` if it is a guest's.
    pub(super) fn count_in(&mut self, listener: usize) -> bool {
        let Some(served) = self.served.get_mut(listener) else { return false };
        served.clients += 1;
        let guest = served.settings.answers;
        self.guests.count += usize::from(guest);
        guest
    }

    /// Uncounts a removed pair. The last one of a removed listener takes its settings along.
    pub(super) fn count_out(&mut self, listener: usize) {
        let Some(served) = self.served.get_mut(listener) else { return };
        served.clients -= 1;
        self.guests.count -= usize::from(served.settings.answers);
        if served.is_unused() {
            self.served.remove(listener);
        }
    }

    /// Returns `true` if the proxy itself answers the clients of this listening socket.
    pub(super) fn answers(&self, listener: usize) -> bool {
        self.served.get(listener).is_some_and(|served| served.settings.answers)
    }

    /// Returns the number of clients without guests.
    pub(super) fn clients(&self) -> usize {
        self.pairs.len() - self.guests.count()
    }

    /// Takes over the removal of the stats socket's file from the earlier process.
    pub(super) fn take_stats(&mut self) {
        if let Some(listeners) = self.guests.listeners() {
            listeners.take_files();
        }
    }

    /// Leaves the stats socket to the new process.
    pub(super) fn leave_stats(&mut self) {
        if let Some(mut listeners) = self.guests.listeners.take() {
            listeners.unwatch(self.poll.registry());
            listeners.leave_files();
        }
    }

    /// Returns the state of the process, if the pair is a guest's.
    pub(super) fn present_for(&self, slot: usize) -> Option<Box<Present>> {
        let guest = self.pairs.get(slot).is_some_and(|pair| self.answers(pair.listener()));
        guest.then(|| Box::new(self.present()))
    }

    fn present(&self) -> Present {
        let clients = self.served.iter().filter(|(_, served)| !served.settings.answers);
        Present {
            listeners: clients.map(|(_, served)| served.state()).collect(),
            reloads: self.reload.done,
            open: self.clients(),
            room: self.max_pairs,
            draining: !self.accepting.serves(),
            started: self.started,
            now: since_epoch(),
        }
    }
}

/// Returns the time since the Unix epoch.
pub(super) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Returns `true` if an error of accept(2) concerns only this client.
pub(super) fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::WouldBlock | Kind::ConnectionAborted | Kind::Interrupted)
}

#[cfg(test)]
mod tests;
