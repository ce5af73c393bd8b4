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
    Refused(Fault),
}

impl Verdict {
    /// Its name in metrics and in the log, which will not change.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Labelled => "labelled",
            Self::LabelledAndMoved => "labelled_and_moved",
            Self::Refused(_) => "refused",
        }
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

/// Bytes that have left since the connection began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    pub(super) to_daemon: u64,
    pub(super) to_client: u64,
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
        Outcome {
            operation: self.operation,
            verdict: self.verdict,
            status: self.status,
            sent: traffic.to_daemon - self.before.to_daemon,
            received: traffic.to_client - self.before.to_client,
            took: now.saturating_duration_since(self.started),
        }
    }
}
