//! A histogram of durations.

use std::time::Duration;

/// Upper bounds of the buckets, in nanoseconds and as text in seconds. The proxy adds tens of
/// microseconds; a rewritten body may take milliseconds, and a query to the daemon some more.
/// Longer times indicate a problem.
pub(super) const BOUNDS: [(u64, &str); 14] = [
    (10_000, "0.00001"),
    (25_000, "0.000025"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (100_000_000, "0.1"),
    (1_000_000_000, "1"),
    (10_000_000_000, "10"),
];

/// Counts by upper bound, and the sum.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Counts of durations within each bound and above the previous one.
    within: [u64; BOUNDS.len()],
    above: u64,
    nanoseconds: u64,
}

impl Histogram {
    pub(super) fn observe(&mut self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds = self.nanoseconds.saturating_add(nanoseconds);
        let mut buckets = BOUNDS.iter().zip(&mut self.within);
        match buckets.find(|((bound, _), _)| nanoseconds <= *bound) {
            Some((_, count)) => *count += 1,
            None => self.above += 1,
        }
    }

    /// Returns the bounds in seconds, each with the count of durations within it.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.within.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.iter().map(|(_, seconds)| *seconds).zip(counts)
    }

    pub(super) fn count(&self) -> u64 {
        self.within.iter().sum::<u64>() + self.above
    }

    /// Returns the sum of all durations in seconds.
    pub(super) fn sum(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds).as_secs_f64()
    }
}

#[cfg(test)]
mod tests;
