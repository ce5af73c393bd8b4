//! What is kept of a session in which nothing is going on, so that what else it needs can be lent to
//! another one meanwhile.

use super::{Link, Session};

/// A session in which nothing is going on: no request, no bytes, no ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Bytes that have left for the daemon since it was connected.
    sent: u64,
}

/// For the shell.
impl Session {
    /// Makes a session that rests the one of a client that was just accepted, as [`new`](Self::new)
    /// does.
    pub fn begin(&mut self) {
        self.lanes.begin_after(0);
        self.link = Link::Dialling;
    }

    /// Makes a session that rests the one that goes on after `rest`.
    pub fn wake(&mut self, rest: Rest) {
        self.lanes.begin_after(rest.sent);
        self.link = Link::Connected { since: 0 };
    }

    /// What is to be kept of it, if nothing is going on.
    #[must_use]
    pub fn rest(&self) -> Option<Rest> {
        let Link::Connected { since } = self.link else { return None };
        let quiet = self.lanes.up.is_untouched() && self.lanes.down.is_untouched();
        let settled = self.hangups == 0 && self.notes.is_empty() && !self.closed;
        let rests = self.is_idle() && quiet && settled;
        rests.then(|| Rest { sent: self.lanes.up.count().saturating_sub(since) })
    }
}
