//! The warnings of the last minute, so that a client that repeats a request does not fill the log.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash};
use std::time::{Duration, Instant};

/// Time for which an equal warning is left out, at most.
const PERIOD: Duration = Duration::from_mins(1);

/// Maximum number of remembered warnings. When it is reached, all are forgotten.
const MAX: usize = 1000;

/// The recent warnings.
#[derive(Debug, Default)]
pub(in crate::net) struct Recent {
    /// The beginning of the period.
    since: Option<Instant>,
    hashes: HashSet<u64>,
}

impl Recent {
    /// Remembers a warning. Returns `true` if it is not among the recent ones.
    pub(super) fn is_new(&mut self, warning: &impl Hash, now: Instant) -> bool {
        let is_over = |since| now.saturating_duration_since(since) >= PERIOD;
        if self.since.is_none_or(is_over) || self.hashes.len() >= MAX {
            self.since = Some(now);
            self.hashes.clear();
        }
        // The keys of the hash are random, so no client can make its warning equal to another one.
        let hash = self.hashes.hasher().hash_one(warning);
        self.hashes.insert(hash)
    }
}

#[cfg(test)]
mod tests;
