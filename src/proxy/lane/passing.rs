//! Bytes that move past the inbox, and what is looked at where it lies, in the source.

use super::{Lane, Sink};

/// For the shell: moving bytes past the inbox, and looking at what has not left its source.
impl Lane {
    /// Bytes of content of the piece that was permitted last: a body, a chunk, a tunnel.
    #[must_use]
    pub fn piece(&self) -> u64 {
        self.piece
    }

    /// How many of the next bytes may pass by; `None` while something before them is here, when
    /// they are not to reach anybody, or when there will be none.
    #[must_use]
    pub fn ahead(&self) -> Option<u64> {
        let free = self.inbox.is_empty() && self.outbox.is_empty();
        let lives = !self.source_ended && self.sink != Sink::Broken;
        (free && lives).then(|| self.beyond())
    }

    /// `n` of the bytes [`ahead`](Self::ahead) have left the source, to pass by.
    pub fn passes(&mut self, n: usize) {
        self.passing += n;
        self.use_permit(n);
    }

    /// `n` of the bytes that pass by have reached the sink.
    pub fn passed(&mut self, n: usize) {
        self.passing = self.passing.saturating_sub(n);
        self.left += n as u64;
    }

    /// Bytes that are passing by.
    #[must_use]
    pub fn passing(&self) -> usize {
        self.passing
    }

    /// The room got a copy of the next `n` bytes, which are still in the source. Before anything is
    /// read or leaves, [`unpeek`](Self::unpeek) has to tell what becomes of them.
    pub fn peek(&mut self, n: usize) {
        self.received(n);
        self.peeked = n;
    }

    /// Forgets the copy if all of it and at least `more` behind it may leave, so that it may pass
    /// by. Else the copy stays, and the bytes in the source, as many as are returned, are to be
    /// thrown away.
    pub fn unpeek(&mut self, more: u64) -> usize {
        let peeked = std::mem::take(&mut self.peeked);
        if self.inbox.len() == peeked && self.beyond() >= more {
            self.inbox.truncate(0);
            return 0;
        }
        peeked
    }

    /// Bytes of the copy.
    #[must_use]
    pub fn peeked(&self) -> usize {
        self.peeked
    }

    /// Forgets the copy if the core could not tell anything by its end; `false` when it stays. What
    /// is still in the source will be looked at again.
    pub fn forget_cut(&mut self) -> bool {
        let forgets = self.cut && self.peeked > 0 && self.inbox.len() == self.peeked;
        if forgets {
            self.peeked = 0;
            self.inbox.truncate(0);
        }
        forgets
    }

    /// The copy stays: the source it was made of is gone.
    pub fn keep_peeked(&mut self) {
        self.peeked = 0;
    }
}

#[cfg(test)]
mod tests;
