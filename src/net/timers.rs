//! When pairs are to be looked at even without an event.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// At most one time for each pair, so that this never grows beyond their number.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// The times by the pairs' numbers.
    times: Vec<Option<Instant>>,
    /// The same in their order.
    order: BTreeSet<(Instant, usize)>,
}

impl Timers {
    /// Takes the place of the time that was set for the pair before.
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

    /// The next pair whose time has come; it has none any more.
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        let &(at, slot) = self.order.first()?;
        if at > now {
            return None;
        }
        self.set(slot, None);
        Some(slot)
    }

    /// How long until the first one's time comes.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let (at, _) = self.order.first()?;
        Some(at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests;
