//! The outcome of one exchange, from which the log line and the metrics are made.

use std::time::{Duration, Instant};

use super::ListenerSettings;
use super::fault::Fault;
use super::images::{Change, Images};
use crate::engine::{Operation, UNKNOWN};
use crate::rules::Forced;
use crate::rules::policy::Rule;

/// The outcome of one exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The operation of the request.
    pub operation: &'static Operation,
    /// The treatment of the request.
    pub verdict: Verdict,
    /// The status that the client got, or `None` when it got none.
    pub status: Option<u16>,
    /// Bytes sent to the daemon.
    pub sent: u64,
    /// Bytes sent to the client.
    pub received: u64,
    /// Time from the complete request head to the last byte.
    pub took: Duration,
}

impl Outcome {
    /// Returns `true` if the daemon has answered that it did not do what was requested.
    #[must_use]
    pub fn daemon_refused(&self) -> bool {
        matches!(self.verdict, Verdict::Forwarded(_)) && self.status.is_some_and(|it| it >= 400)
    }
}

/// The treatment of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Forwarded with this injected. What removes the containers of a build's steps does not count.
    Forwarded(Forced),
    /// Refused, or answered in place of the daemon, because of this fault.
    Refused(Box<Fault>),
}

impl Verdict {
    /// Names of all kinds, indexed by [`number`](Self::number).
    pub const NAMES: [&'static str; 6] =
        ["passed", "labelled", "labelled_and_moved", "moved", "edited", "refused"];

    /// Returns the index of the kind.
    #[must_use]
    pub fn number(&self) -> usize {
        match self {
            Self::Forwarded(forced) => {
                let labels = forced.has(Forced::LABELS);
                match (labels, forced.has(Forced::CGROUP_PARENT)) {
                    (false, false) if forced.has(Forced::FIELDS) => 4,
                    (false, false) => 0,
                    (true, false) => 1,
                    (true, true) => 2,
                    (false, true) => 3,
                }
            }
            Self::Refused(_) => 5,
        }
    }

    /// Returns the rule of the policy that refused the request, if one did.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Refused(fault) => match &**fault {
                Fault::Refused(refusal) => refusal.rule(),
                _ => None,
            },
            Self::Forwarded(_) => None,
        }
    }

    /// Returns the stable name in metrics and in the log.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.number()).copied().unwrap_or_default()
    }
}

/// An exchange in progress, as far as its outcome is known.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: &'static Operation,
    pub(super) verdict: Verdict,
    /// `true` for a HEAD, whose response has no body.
    pub(super) to_head: bool,
    pub(super) status: Option<u16>,
    pub(super) started: Instant,
    /// The traffic of the connection before the exchange began.
    pub(super) before: Traffic,
    /// It may change images until it is over.
    pub(super) change: Option<Change>,
}

/// Bytes written in each direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes written to the daemon.
    pub to_daemon: u64,
    /// Bytes written to the client.
    pub to_client: u64,
}

impl Traffic {
    /// Returns the difference to an earlier count.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            to_daemon: self.to_daemon.saturating_sub(before.to_daemon),
            to_client: self.to_client.saturating_sub(before.to_client),
        }
    }
}

impl Call {
    /// Begins a call of which nothing is known yet.
    pub(super) fn new(now: Instant, before: Traffic) -> Self {
        Self {
            operation: &UNKNOWN,
            verdict: Verdict::Forwarded(Forced::NOTHING),
            to_head: false,
            status: None,
            started: now,
            before,
            change: None,
        }
    }

    /// Records that images may change until the call ends, if its operation can change them.
    pub(super) fn begin_change(&mut self, settings: &ListenerSettings) {
        if self.operation.changes_images() {
            self.change = Some(Images::change(&settings.upstream.images));
        }
    }

    /// Records that the proxy answers instead of the daemon.
    pub(super) fn refused(&mut self, fault: &Fault) {
        self.status = Some(fault.status());
        self.verdict = Verdict::Refused(Box::new(fault.clone()));
    }

    /// Returns the outcome; `traffic` is that of the connection up to `now`.
    pub(super) fn over(self, now: Instant, traffic: Traffic) -> Outcome {
        let Traffic { to_daemon, to_client } = traffic.since(self.before);
        Outcome {
            operation: self.operation,
            verdict: self.verdict,
            status: self.status,
            sent: to_daemon,
            received: to_client,
            took: now.saturating_duration_since(self.started),
        }
    }
}
