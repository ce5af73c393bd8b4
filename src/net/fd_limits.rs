//! The limit of open files, and its division between pairs and pipes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::slab::MAX_SLOTS;

/// Descriptors other than pairs, pipes and listeners: standard streams, epoll, signals, the
/// connection for the daemon's events, and a few
/// that libraries open for a moment.
const OTHERS: u64 = 24;

/// Maximum number of pipes. The pipes of an unprivileged user may have 16,384 pages in total; these
/// take a quarter.
const PIPES: u64 = 64;

/// Maximum numbers, chosen so that descriptors suffice for the daemon connection of each accepted
/// client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FdLimits {
    /// Pairs, of two sockets each.
    pub(super) pairs: usize,
    /// Pipes, of two ends each.
    pub(super) pipes: usize,
}

impl FdLimits {
    /// Raises the soft limit of open files to the hard limit, and divides what `listeners`
    /// listening sockets leave.
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
        // Without a pipe bytes are copied, without a socket a client waits. So pipes get few files.
        let pipes = PIPES.min(left / 32);
        let pairs = usize::try_from((left - 2 * pipes) / 2).unwrap_or(MAX_SLOTS);
        Self { pairs: pairs.clamp(1, MAX_SLOTS), pipes: usize::try_from(pipes).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests;
