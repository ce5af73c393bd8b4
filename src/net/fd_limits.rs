//! How many file descriptors there may be, and how they are shared.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::slab::MAX_SLOTS;

/// Descriptors that are not sockets of pairs, pipes or listening: standard streams, epoll, signals,
/// a few that libraries open for a moment.
const OTHERS: u64 = 23;

/// Pipes that there may be at once. Without privileges, all pipes of a user may have 16,384 pages:
/// these have a quarter.
const PIPES: u64 = 64;

/// What there may be at most, so that a client is not accepted whose daemon cannot be reached for want
/// of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FdLimits {
    /// Pairs of two sockets.
    pub(super) pairs: usize,
    /// Pipes, of two ends.
    pub(super) pipes: usize,
}

impl FdLimits {
    /// Raises the soft limit of open files to the hard one, and shares them, beside so many listening
    /// sockets.
    pub(super) fn beside(listeners: usize) -> Self {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let files = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(_) => limit.current,
        };
        Self::of(files.unwrap_or(u64::MAX), listeners)
    }

    fn of(files: u64, listeners: usize) -> Self {
        let left = files.saturating_sub(OTHERS + listeners as u64);
        // Who gets no pipe copies; who gets no socket waits. So few files are few pipes.
        let pipes = PIPES.min(left / 32);
        let pairs = usize::try_from((left - 2 * pipes) / 2).unwrap_or(MAX_SLOTS);
        Self { pairs: pairs.clamp(1, MAX_SLOTS), pipes: usize::try_from(pipes).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests;
