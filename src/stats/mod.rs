//! Counters, and their presentation. This layer has no socket and no clock.
//!
//! ```text
//! Outcome, bytes, connects ──► Counters ──┬─ page ────► Prometheus text ──┐
//!                                         └─ summary ─► text for people ──┤
//!                                request ───────────────── answers ───────┴─► response
//! ```

pub mod answers;
pub mod calendar;
mod histogram;
pub mod page;
mod summary;

use std::collections::BTreeMap;
use std::time::Duration;

use self::histogram::Histogram;
use crate::engine::Class;
use crate::proxy::{Outcome, Traffic, Unreachable, Verdict};
use crate::rules::Reason;
use crate::rules::policy::{Act, Policy, Rule};

const CLASSES: usize = Class::ALL.len();
const REASONS: usize = Reason::ALL.len();
const VERDICTS: usize = Verdict::NAMES.len();

/// Reasons why connecting to the daemon may fail.
const CONNECT_REASONS: [Reason; 5] = [
    Reason::DaemonMissing,
    Reason::DaemonDown,
    Reason::DaemonDenied,
    Reason::DaemonSlow,
    Reason::DaemonUnreachable,
];

/// Counts since the process began. Counting only adds to numbers.
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
    /// Counts a completed exchange.
    pub fn exchange(&mut self, outcome: &Outcome) {
        let class = Class::from(outcome.operation);
        let row = self.requests.get_mut(class as usize);
        count(row.and_then(|row| row.get_mut(outcome.verdict.number())));
        if let Verdict::Refused(fault) = &outcome.verdict {
            count(self.refusals.get_mut(Reason::from(&**fault) as usize));
        }
    }

    /// Counts an accepted client.
    pub fn client(&mut self) {
        self.clients += 1;
    }

    /// Counts a failed connection to the daemon.
    pub fn connect_failed(&mut self, why: &Unreachable) {
        count(self.connect_failures.get_mut(Reason::from(why) as usize));
    }

    /// Counts bytes that were written.
    pub fn moved(&mut self, bytes: Traffic) {
        self.traffic.to_daemon += bytes.to_daemon;
        self.traffic.to_client += bytes.to_client;
    }

    /// Counts a request by the time from its arrival until it was written to the daemon.
    pub fn held(&mut self, took: Duration) {
        self.added.observe(took);
    }
}

fn count(counter: Option<&mut u64>) {
    if let Some(counter) = counter {
        *counter += 1;
    }
}

/// Numbers of completed exchanges of one listener by verdict, and of verdicts of its policy by rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    exchanges: [u64; VERDICTS],
    /// Numbers of [refusals and would-be refusals](RULED), by the name of the rule. Only the operator makes names.
    rules: [BTreeMap<String, u64>; RULED.len()],
}

/// The names of the verdicts of a rule.
const RULED: [&str; 2] = ["refused", "would_refuse"];

impl Verdicts {
    /// Counts a completed exchange.
    pub fn exchange(&mut self, outcome: &Outcome) {
        count(self.exchanges.get_mut(outcome.verdict.number()));
        if let Some(rule) = outcome.verdict.rule() {
            self.ruled(rule, false, 1);
        }
    }

    /// Counts a request that a rule would have refused.
    pub fn would_refuse(&mut self, rule: &Rule) {
        self.ruled(rule, true, 1);
    }

    /// Adds the rules of a policy that may refuse, so that each has a number before it does.
    #[must_use]
    pub fn with(mut self, policy: Option<&Policy>) -> Self {
        if let Some(policy) = policy {
            for rule in policy.refusing() {
                self.ruled(&rule, policy.trial || rule.act == Act::Warn, 0);
            }
        }
        self
    }

    fn ruled(&mut self, rule: &Rule, passes: bool, count: u64) {
        let [refused, would_refuse] = &mut self.rules;
        let counts = if passes { would_refuse } else { refused };
        *counts.entry(rule.name.clone()).or_default() += count;
    }

    /// Returns each verdict with its number.
    fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Verdict::NAMES.into_iter().zip(self.exchanges)
    }

    fn add(&mut self, other: &Self) {
        self.exchanges.iter_mut().zip(other.exchanges).for_each(|(sum, count)| *sum += count);
        for (sums, counts) in self.rules.iter_mut().zip(&other.rules) {
            for (rule, count) in counts {
                *sums.entry(rule.clone()).or_default() += count;
            }
        }
    }
}

/// The current state of a listener.
#[derive(Debug, Clone, Default)]
pub struct ListenerState {
    /// Its name; may be empty.
    pub name: String,
    /// The paths of its sockets; none once it was removed.
    pub sockets: Vec<String>,
    /// The path of its daemon's socket.
    pub daemon: String,
    /// Number of connected clients.
    pub clients: usize,
    /// Its completed exchanges.
    pub requests: Verdicts,
}

impl ListenerState {
    /// Returns the name in metrics and in the summary.
    fn label(&self) -> &str {
        if self.name.is_empty() { "default" } else { &self.name }
    }
}

/// The reloads of the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reloads {
    /// Number of those that succeeded.
    pub succeeded: u64,
    /// Number of those that changed nothing because of errors.
    pub failed: u64,
    /// The last one: its time since the Unix epoch, and `true` if it succeeded.
    pub last: Option<(Duration, bool)>,
}

impl Reloads {
    /// Counts a reload that ended at this time since the Unix epoch.
    pub fn ended(&mut self, at: Duration, succeeded: bool) {
        self.last = Some((at, succeeded));
        count(Some(if succeeded { &mut self.succeeded } else { &mut self.failed }));
    }
}

/// The current state of the process.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Number of connected clients.
    pub open: usize,
    /// Maximum number of connected clients, limited by file descriptors.
    pub room: usize,
    /// `true` while the process shuts down.
    pub draining: bool,
    /// Time since the Unix epoch when the process began to serve.
    pub started: Duration,
    /// The current time since the Unix epoch.
    pub now: Duration,
    /// The listeners.
    pub listeners: Vec<ListenerState>,
    /// The reloads of the configuration.
    pub reloads: Reloads,
}

#[cfg(test)]
mod tests;
