//! What became of one exchange: the log's line and the metrics are views of it.

use std::time::{Duration, Instant};

use super::fault::Fault;
use crate::engine::{Operation, UNKNOWN};

/// What became of one exchange.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was asked for.
    pub operation: &'static Operation,
    /// What we did about it.
    pub verdict: Verdict,
    /// The status that the client got, or `None` when it got none.
    pub status: Option<u16>,
    /// Bytes that the daemon got.
    pub sent: u64,
    /// Bytes that the client got.
    pub received: u64,
    /// From the complete request head to the last byte.
    pub took: Duration,
}

/// What we did about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It passed as it came.
    Passed,
    /// The labels were put in.
    Labelled,
    /// The labels and the cgroup parent were put in.
    LabelledAndMoved,
    /// It was refused, or answered in the daemon's place, for this reason.
    Refused(Box<Fault>),
}

impl Verdict {
    /// The names of all kinds, each at the place of its number.
    pub const NAMES: [&'static str; 4] = ["passed", "labelled", "labelled_and_moved", "refused"];

    /// The number of its kind.
    #[must_use]
    pub fn number(&self) -> usize {
        match self {
            Self::Passed => 0,
            Self::Labelled => 1,
            Self::LabelledAndMoved => 2,
            Self::Refused(_) => 3,
        }
    }

    /// Its name in metrics and in the log, which will not change.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.number()).copied().unwrap_or_default()
    }
}

/// An exchange that is going on: what its outcome will be made of.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) operation: &'static Operation,
    pub(super) verdict: Verdict,
    /// Whether it is a HEAD, whose response has no body.
    pub(super) to_head: bool,
    pub(super) status: Option<u16>,
    pub(super) started: Instant,
    /// What had left both ways before it began.
    pub(super) before: Traffic,
}

/// Bytes that have left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the daemon got.
    pub to_daemon: u64,
    /// Bytes that the client got.
    pub to_client: u64,
}

impl Traffic {
    /// What has left since it was `before`.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            to_daemon: self.to_daemon.saturating_sub(before.to_daemon),
            to_client: self.to_client.saturating_sub(before.to_client),
        }
    }
}

impl Call {
    /// A call of which nothing is known yet.
    pub(super) fn new(now: Instant, before: Traffic) -> Self {
        Self {
            operation: &UNKNOWN,
            verdict: Verdict::Passed,
            to_head: false,
            status: None,
            started: now,
            before,
        }
    }

    /// The outcome, when `traffic` has left.
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
