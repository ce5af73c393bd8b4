//! The desk beside the pairs: whoever asks how we do is answered in the same loop, and cannot disturb
//! it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::error;
use mio::Token;

use super::Server;
use crate::net::desk::{self, Desk, Facts};
use crate::net::listen::Listener;
use crate::stats::{Counters, Present};

/// What is counted, and the desk where that is told, if there is one.
#[derive(Debug)]
pub(super) struct Answering {
    counters: Counters,
    desk: Option<Desk>,
    /// Since 1970 in UTC.
    started: Duration,
}

impl Answering {
    pub(super) fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { counters: Counters::default(), desk: None, started }
    }

    /// The stats socket, while we answer there.
    pub(super) fn listener(&self) -> Option<&Listener> {
        self.desk.as_ref().map(Desk::listener)
    }

    pub(super) fn counters(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Remembers an event; `false` when it is not the desk's.
    pub(super) fn note(&mut self, token: Token) -> bool {
        self.desk.as_mut().is_some_and(|desk| desk.note(token))
    }

    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let wakes = self.desk.as_ref()?.wakes(now)?;
        Some(wakes.saturating_duration_since(now))
    }
}

impl Server {
    /// Answers on the stats socket `listener`, too.
    ///
    /// # Errors
    /// The kernel gives no registration.
    pub fn answer_at(&mut self, listener: Listener) -> io::Result<()> {
        self.answering.desk = Some(Desk::new(listener, self.poll.registry())?);
        // Its descriptors are not for pairs.
        self.max_pairs = self.max_pairs.saturating_sub(desk::FILES.div_ceil(2)).max(1);
        Ok(())
    }

    /// Takes the stats socket's file from another process that answers there no more.
    pub(super) fn take_desk(&mut self) {
        if let Some(desk) = &mut self.answering.desk {
            desk.take_file();
        }
    }

    /// Leaves the stats socket to another process that answers there.
    pub(super) fn leave_desk(&mut self) {
        if let Some(desk) = self.answering.desk.take() {
            desk.leave(self.poll.registry());
        }
    }

    pub(super) fn answer(&mut self) {
        let Some(desk) = &mut self.answering.desk else { return };
        let Some(daemon) = self.daemons.first() else { return };
        let present = Present {
            open: self.pairs.len(),
            room: self.max_pairs,
            draining: !self.accepting.serves(),
            started: self.answering.started,
        };
        let facts = Facts {
            counters: &self.answering.counters,
            present,
            daemon: daemon.path(),
            registry: self.poll.registry(),
            now: self.woke,
        };
        if catch_unwind(AssertUnwindSafe(|| desk.turn(&facts))).is_err() {
            error!("a bug ended what the stats socket answered; please report what stands above");
            desk.clear();
        }
    }
}
