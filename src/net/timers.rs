//! Times at which pairs must run even without an event.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Timers of pairs: at most one per pair, so memory is bounded by the number of pairs.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// The time of each pair, by slot.
    times: Vec<Option<Instant>>,
    /// The same times in order.
    order: BTreeSet<(Instant, usize)>,
}

impl Timers {
    /// Replaces the time of a pair.
    pub(super) fn set(&mut self, slot: usize, at: Option<Instant>) {
        if at.is_some() && self.times.len() <= slot {
            self.times.resize(slot + 1, None);
        }
        let Some(time) = self.times.get_mut(slot).filter(|time| **time != at) else {
            return;
        };
        if let Some(before) = std::mem::replace(time, at) {
            self.order.remove(&(before, slot));
        }
        if let Some(at) = at {
            self.order.insert((at, slot));
        }
    }

    /// Removes and returns the next pair whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        let &(at, slot) = self.order.first()?;
        if at > now {
            return None;
        }
        self.set(slot, None);
        Some(slot)
    }

    /// Returns the duration until the first time.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let (at, _) = self.order.first()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
