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
mod tests {
    use super::super::LANE_LIMIT;
    use super::super::tests::{flush, receive};
    use super::*;

    #[test]
    fn what_passes_by_is_older_than_what_waits() {
        let mut lane = Lane::default();
        receive(&mut lane, b"ab");
        lane.permit(10);
        assert_eq!(lane.ahead(), None);
        flush(&mut lane);
        assert_eq!(lane.ahead(), Some(8));
        lane.passes(8);
        assert_eq!((lane.ahead(), lane.passing(), lane.is_clear()), (Some(0), 8, false));
        lane.source_ended();
        assert_eq!(lane.ahead(), None);
        lane.finish();
        assert!(!lane.to_finish());
        lane.passed(8);
        assert!(lane.to_finish() && lane.is_clear());
        assert_eq!(lane.count(), 10);
    }

    #[test]
    fn a_copy_is_forgotten_only_with_all_behind_it() {
        let peek = |permit: u64| {
            let mut lane = Lane::default();
            lane.room(LANE_LIMIT)[..3].copy_from_slice(b"5\r\n");
            lane.peek(3);
            lane.permit(permit);
            (lane.unpeek(5), lane.unseen().to_vec(), flush(&mut lane))
        };
        assert_eq!(peek(8), (0, vec![], vec![]));
        assert_eq!(peek(7), (3, vec![], b"5\r\n".to_vec()));
        assert_eq!(peek(1), (3, b"\r\n".to_vec(), b"5".to_vec()));
    }

    #[test]
    fn a_copy_of_a_cut_line_is_forgotten_but_for_what_may_leave() {
        let mut lane = Lane::default();
        let mut peek = |cut: bool| {
            lane.room(LANE_LIMIT)[..4].copy_from_slice(b"\r\n80");
            lane.peek(4);
            lane.permit(2);
            if cut {
                lane.mark_cut();
            }
            let forgotten = lane.forget_cut();
            (forgotten, lane.unpeek(5), lane.ahead())
        };
        assert_eq!(peek(true), (true, 0, Some(2)));
        assert_eq!(peek(false), (false, 4, None));
    }
}
