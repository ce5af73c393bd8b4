//! One direction of a connection: bytes from a source to a sink, in order.
//!
//! ```text
//!  source ──┬─► inbox: [ permitted │ unseen ]        a permit may exceed what has arrived
//!           │               │
//!           │ outbox ───────┴──► sink                the outbox (bytes of the proxy) goes first
//!           └─► passing ─────────► sink              passing bytes go before both
//! ```
//!
//! Permitted bytes that have not arrived can skip the inbox: while inbox and outbox are empty, the
//! shell may move them directly and only report their number.

mod passing;

use crate::buffer::{Buffer, Pool};

/// Limit in bytes of data from one source in user space, incomplete heads excepted. Two writes of
/// the daemon fit. At the limit the proxy stops reading from the source.
pub const LANE_LIMIT: usize = 64 * 1024;

/// A permit that no connection uses up.
const ENDLESS: u64 = u64::MAX;

/// The state of the end where bytes leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sink {
    /// It accepts bytes.
    #[default]
    Open,
    /// It will be half-closed once everything has left.
    Finishing,
    /// It was half-closed.
    Finished,
    /// It accepts no more bytes, or does not exist.
    Broken,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub struct Lane {
    inbox: Buffer,
    outbox: Buffer,
    /// The number of next bytes that may leave unread.
    permit: u64,
    piece: u64,
    source_ended: bool,
    sink: Sink,
    /// Bytes that have left the source past the inbox and have not reached the sink.
    passing: usize,
    /// Bytes of the inbox that are copies: they are still in the source.
    peeked: usize,
    /// `true` if the unseen bytes will be read again from their first byte once more arrive.
    cut: bool,
    left: u64,
}

/// For the shell: moving bytes.
impl Lane {
    /// Returns room for bytes from the source; the inbox never holds more than `limit` bytes.
    pub fn room(&mut self, limit: usize) -> &mut [u8] {
        if self.source_ended {
            return &mut [];
        }
        self.inbox.spare(limit)
    }

    /// Counts `n` bytes in the room as received.
    pub fn received(&mut self, n: usize) {
        self.inbox.fill(n);
        self.swallow();
    }

    /// Records the end of the source; everything it sent has been received.
    pub fn source_ended(&mut self) {
        self.source_ended = true;
    }

    /// Returns the first contiguous bytes that may leave now.
    #[must_use]
    pub fn leaving(&self) -> &[u8] {
        if !self.outbox.is_empty() {
            return self.outbox.data();
        }
        let permitted = self.permitted();
        self.inbox.data().get(..permitted).unwrap_or_default()
    }

    /// Removes the first `n` of the [`leaving`](Self::leaving) bytes, which have left.
    pub fn left(&mut self, n: usize) {
        self.left += n as u64;
        if self.outbox.is_empty() {
            self.take_permitted(n);
        } else {
            self.outbox.consume(n);
            if self.outbox.is_empty() {
                self.outbox = Buffer::default();
            }
        }
    }

    /// Returns `true` if everything has left and the sink is to be half-closed now.
    #[must_use]
    pub fn to_finish(&self) -> bool {
        self.sink == Sink::Finishing && self.is_flushed()
    }

    /// Records that the sink was half-closed.
    pub fn finished(&mut self) {
        self.sink = Sink::Finished;
    }

    /// Records that the sink accepts no more bytes. Permitted bytes are dropped from now on.
    pub fn sink_broke(&mut self) {
        self.sink = Sink::Broken;
        self.outbox = Buffer::default();
        self.passing = 0;
        self.swallow();
    }

    /// Returns the number of bytes in inbox and outbox.
    #[must_use]
    pub fn held(&self) -> usize {
        self.inbox.len() + self.outbox.len()
    }

    /// Lends storage to the inbox for a turn.
    pub fn lend(&mut self, pool: &mut Pool) {
        pool.lend(&mut self.inbox);
    }

    /// Takes the storage of the inbox back if it is empty.
    pub fn reclaim(&mut self, pool: &mut Pool) {
        pool.reclaim(&mut self.inbox);
    }
}

/// For the core: reading, permitting, writing.
impl Lane {
    /// Returns the received bytes after everything permitted.
    pub(super) fn unseen(&self) -> &[u8] {
        self.inbox.data().get(self.permitted()..).unwrap_or_default()
    }

    /// Permits the next `n` bytes to leave unread.
    pub(super) fn permit(&mut self, n: u64) {
        self.permit = self.permit.saturating_add(n);
        self.cut = false;
        self.swallow();
    }

    /// Marks the unseen bytes as the beginning of something that is read only when complete, and
    /// then from its first byte.
    pub(super) fn mark_cut(&mut self) {
        self.cut = true;
    }

    /// Permits `framing` bytes and a piece of `data` bytes after them.
    pub(super) fn permit_piece(&mut self, framing: usize, data: u64) {
        // The line after a chunk does not predict the next piece.
        if data > 0 {
            self.piece = data;
        }
        self.permit((framing as u64).saturating_add(data));
    }

    /// Permits all further bytes to leave unread.
    pub(super) fn permit_all(&mut self) {
        self.permit = ENDLESS;
        self.piece = ENDLESS;
        self.swallow();
    }

    /// Removes the first `n` unseen bytes, which will not be sent. No bytes may be permitted.
    pub(super) fn take(&mut self, n: usize) {
        self.inbox.consume(n);
    }

    /// Queues `bytes` of the proxy after what has arrived and is permitted.
    pub(super) fn queue(&mut self, bytes: Vec<u8>) {
        if self.sink == Sink::Broken {
            return;
        }
        let permitted = self.permitted();
        if permitted == 0 && self.outbox.is_empty() {
            self.outbox = Buffer::from(bytes);
            return;
        }
        let ahead = self.inbox.data().get(..permitted).unwrap_or_default();
        self.outbox.extend(ahead);
        self.take_permitted(permitted);
        self.outbox.extend(&bytes);
    }

    /// Moves what has arrived and is permitted to the outbox, so that no bytes are permitted.
    pub(super) fn set_aside(&mut self) {
        self.queue(Vec::new());
    }

    /// Returns the length of the outbox: bytes of the proxy, and those of the source before them.
    pub(super) fn backlog(&self) -> usize {
        self.outbox.len()
    }

    /// Ends the source: drops what has arrived and is not permitted, and permits nothing more.
    pub(super) fn stop(&mut self) {
        let permitted = self.permitted();
        self.inbox.truncate(permitted);
        self.permit = permitted as u64;
        self.source_ended = true;
    }

    /// Sets the count of bytes that have left; the lane must be untouched.
    pub(super) fn begin_after(&mut self, left: u64) {
        self.left = left;
        self.piece = 0;
        self.cut = false;
    }

    /// Half-closes the sink once everything has left.
    pub(super) fn finish(&mut self) {
        if self.sink == Sink::Open {
            self.sink = Sink::Finishing;
        }
    }

    pub(super) fn sink(&self) -> Sink {
        self.sink
    }

    /// Returns `true` if the source has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.source_ended
    }

    /// Returns `true` if the lane is empty, permits nothing, and both ends are open.
    pub(super) fn is_untouched(&self) -> bool {
        let open = self.sink == Sink::Open && !self.source_ended;
        open && self.inbox.is_empty() && self.is_clear()
    }

    /// Returns `true` if everything permitted has arrived and left.
    pub(super) fn is_clear(&self) -> bool {
        self.is_flushed() && self.permit == 0
    }

    /// Returns `true` if everything that has arrived and is permitted has left.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.leaving().is_empty() && self.passing == 0
    }

    /// Returns the number of bytes that have left since the connection began.
    pub(super) fn count(&self) -> u64 {
        self.left
    }

    /// Returns the number of permitted bytes that have not arrived.
    fn beyond(&self) -> u64 {
        self.permit.saturating_sub(self.inbox.len() as u64)
    }

    /// Returns the number of permitted bytes at the front of the inbox.
    fn permitted(&self) -> usize {
        usize::try_from(self.permit).unwrap_or(usize::MAX).min(self.inbox.len())
    }

    /// Drops permitted bytes if the sink is broken.
    fn swallow(&mut self) {
        if self.sink == Sink::Broken {
            self.take_permitted(self.permitted());
        }
    }

    fn take_permitted(&mut self, n: usize) {
        self.inbox.consume(n);
        self.use_permit(n);
    }

    fn use_permit(&mut self, n: usize) {
        self.permit = self.permit.saturating_sub(n as u64);
    }
}

#[cfg(test)]
mod tests;
