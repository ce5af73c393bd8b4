//! Bytes that move past the inbox, and copies of bytes that are still in the source.

use super::{Lane, Sink};

/// For the shell: moving bytes past the inbox, and peeking.
impl Lane {
    /// Returns the length in bytes of the last permitted piece: a body, a chunk, a tunnel.
    #[must_use]
    pub fn piece(&self) -> u64 {
        self.piece
    }

    /// Returns the number of next bytes that may skip the inbox. `None` while earlier bytes are
    /// here, and if the sink is broken or the source has ended.
    #[must_use]
    pub fn ahead(&self) -> Option<u64> {
        let free = self.inbox.is_empty() && self.outbox.is_empty();
        let lives = !self.source_ended && self.sink != Sink::Broken;
        (free && lives).then(|| self.beyond())
    }

    /// Counts `n` of the bytes [`ahead`](Self::ahead) as passing: they have left the source.
    pub fn passes(&mut self, n: usize) {
        self.passing += n;
        self.use_permit(n);
    }

    /// Counts `n` of the passing bytes as written to the sink.
    pub fn passed(&mut self, n: usize) {
        self.passing = self.passing.saturating_sub(n);
        self.left += n as u64;
    }

    /// Returns the number of passing bytes.
    #[must_use]
    pub fn passing(&self) -> usize {
        self.passing
    }

    /// Counts `n` bytes in the room as a copy of the next bytes of the source.
    /// [`unpeek`](Self::unpeek) must decide about the copy before anything is read or leaves.
    pub fn peek(&mut self, n: usize) {
        self.received(n);
        self.peeked = n;
    }

    /// Drops the copy if it and at least `more` bytes after it are permitted, so that they can
    /// pass. Otherwise keeps the copy and returns the number of bytes to discard from the source.
    pub fn unpeek(&mut self, more: u64) -> usize {
        let peeked = std::mem::take(&mut self.peeked);
        if self.inbox.len() == peeked && self.beyond() >= more {
            self.inbox.truncate(0);
            return 0;
        }
        peeked
    }

    /// Returns the length of the copy.
    #[must_use]
    pub fn peeked(&self) -> usize {
        self.peeked
    }

    /// Drops the copy if it ends in an incomplete line, which will be peeked at again; returns
    /// `true` if it did.
    pub fn forget_cut(&mut self) -> bool {
        let forgets = self.cut && self.peeked > 0 && self.inbox.len() == self.peeked;
        if forgets {
            self.peeked = 0;
            self.inbox.truncate(0);
        }
        forgets
    }

    /// Keeps the copy as received bytes, since the source is gone.
    pub fn keep_peeked(&mut self) {
        self.peeked = 0;
    }
}

#[cfg(test)]
mod tests;
