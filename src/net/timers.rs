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
mod tests {
    use super::*;

    #[test]
    fn each_has_one_time_and_they_come_in_order() {
        let mut timers = Timers::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        timers.set(7, Some(at(1)));
        timers.set(3, Some(at(2)));
        timers.set(7, Some(at(3)));
        timers.set(5, Some(at(2)));
        timers.set(5, None);
        assert_eq!(timers.wait(start), Some(Duration::from_secs(2)));
        assert_eq!(
            (timers.due(at(1)), timers.due(at(2)), timers.due(at(2))),
            (None, Some(3), None)
        );
        assert_eq!((timers.due(at(4)), timers.due(at(4))), (Some(7), None));
        assert_eq!(timers.wait(start), None);
    }
}
