//! What is counted while the proxy serves, and how it is told: no socket, no clock.
//!
//! ```text
//! Outcome, bytes, connects ──► Counters ── page ──► Prometheus text ── summary ──► text for people
//!                                request head ── desk::asked ──► what to answer with
//! ```

pub mod calendar;
pub mod desk;
mod histogram;
pub mod page;
pub mod summary;

use std::time::Duration;

use self::histogram::Histogram;
use crate::engine::Class;
use crate::proxy::{Outcome, Reason, Traffic, Unreachable, Verdict};

const CLASSES: usize = Class::ALL.len();
const REASONS: usize = Reason::ALL.len();
const VERDICTS: usize = Verdict::NAMES.len();

/// Why a daemon may not be reached when it is connected.
const CONNECT_REASONS: [Reason; 5] = [
    Reason::DaemonMissing,
    Reason::DaemonDown,
    Reason::DaemonDenied,
    Reason::DaemonSlow,
    Reason::DaemonUnreachable,
];

/// What has been counted since the process began. Counting is adding to a number.
#[derive(Debug)]
pub struct Counters {
    requests: [[u64; VERDICTS]; CLASSES],
    refusals: [u64; REASONS],
    connect_failures: [u64; REASONS],
    clients: u64,
    traffic: Traffic,
    added: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: Default::default(),
            refusals: [0; REASONS],
            connect_failures: [0; REASONS],
            clients: 0,
            traffic: Traffic::default(),
            added: Histogram::default(),
        }
    }
}

impl Counters {
    /// An exchange is over.
    pub fn exchange(&mut self, outcome: &Outcome) {
        let class = Class::from(outcome.operation);
        let row = self.requests.get_mut(class as usize);
        count(row.and_then(|row| row.get_mut(outcome.verdict.number())));
        if let Verdict::Refused(fault) = &outcome.verdict {
            count(self.refusals.get_mut(Reason::from(&**fault) as usize));
        }
    }

    /// A client was accepted.
    pub fn client(&mut self) {
        self.clients += 1;
    }

    /// No connection to the daemon could be made.
    pub fn connect_failed(&mut self, why: &Unreachable) {
        count(self.connect_failures.get_mut(Reason::from(why) as usize));
    }

    /// Bytes have reached the other side.
    pub fn moved(&mut self, bytes: Traffic) {
        self.traffic.to_daemon += bytes.to_daemon;
        self.traffic.to_client += bytes.to_client;
    }

    /// A request was held for so long before it was handed to the daemon.
    pub fn held(&mut self, took: Duration) {
        self.added.observe(took);
    }
}

fn count(counter: Option<&mut u64>) {
    if let Some(counter) = counter {
        *counter += 1;
    }
}

/// What is so at this moment.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    /// Connections of clients that are open.
    pub open: usize,
    /// How many there may be, for want of file descriptors.
    pub room: usize,
    /// Whether the process is about to end.
    pub draining: bool,
    /// When the process began to serve, since 1970 in UTC.
    pub started: Duration,
}

#[cfg(test)]
mod tests;
