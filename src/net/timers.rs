//! What is to be looked at again at some time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use mio::Token;

/// Tokens by the time at which they are to be looked at. Nothing is ever taken back: whoever is
/// looked at knows whether it still waits for anything.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Token)>>,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, token: Token) {
        self.heap.push(Reverse((at, token)));
    }

    /// The next token whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<Token> {
        let Reverse((at, token)) = *self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        Some(token)
    }

    /// How long until the first one's time comes.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let Reverse((at, _)) = self.heap.peek()?;
        Some(at.saturating_duration_since(now))
    }
}
