//! One direction of a connection: bytes from a source to a sink, in order.
//!
//! ```text
//!  source ──┬─► inbox: [ permitted │ unseen ]        permit may reach beyond what has come
//!           │               │
//!           │ outbox ───────┴──► sink                the outbox (our own bytes) goes first
//!           └─► passing ─────────► sink              what passes by goes before both
//! ```
//!
//! What is permitted and has not come yet need not come into the inbox: while inbox and outbox are
//! empty, the shell may move it past them, and only tell how much.

mod passing;

use crate::buffer::{Buffer, Pool};

/// Bytes from one source that a connection holds in user space, a head that is not complete
/// aside: what two of the daemon's writes fill. Then the source waits.
pub const LANE_LIMIT: usize = 64 * 1024;

/// How many of the bytes that come next may leave without being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permit {
    Bytes(u64),
    Endless,
}

/// What has become of the end where bytes leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    /// It takes bytes.
    Open,
    /// It is to be half-closed once everything has left.
    Finishing,
    /// It was half-closed.
    Finished,
    /// It takes nothing any more, or is not there.
    Broken,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Lane {
    inbox: Buffer,
    outbox: Buffer,
    permit: Permit,
    piece: u64,
    source_ended: bool,
    sink: Sink,
    /// Bytes that have left the source past the inbox and have not reached the sink.
    passing: usize,
    /// Bytes of the inbox that are copies: they are still in the source.
    peeked: usize,
    /// Whether what is unseen will be looked at from its first byte on when more has come.
    cut: bool,
    left: u64,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            inbox: Buffer::default(),
            outbox: Buffer::default(),
            permit: Permit::Bytes(0),
            piece: 0,
            source_ended: false,
            sink: Sink::Open,
            passing: 0,
            peeked: 0,
            cut: false,
            left: 0,
        }
    }
}

/// For the shell: moving bytes.
impl Lane {
    /// Room for bytes from the source; the inbox never holds more than `limit`.
    pub fn room(&mut self, limit: usize) -> &mut [u8] {
        if self.source_ended {
            return &mut [];
        }
        self.inbox.spare(limit)
    }

    /// `n` bytes came into the room.
    pub fn received(&mut self, n: usize) {
        self.inbox.fill(n);
        self.swallow();
    }

    /// The source will send nothing more; all it sent was received.
    pub fn source_ended(&mut self) {
        self.source_ended = true;
    }

    /// What may leave now, as far as it lies in one piece.
    #[must_use]
    pub fn leaving(&self) -> &[u8] {
        if !self.outbox.is_empty() {
            return self.outbox.data();
        }
        let permitted = self.permitted();
        self.inbox.data().get(..permitted).unwrap_or_default()
    }

    /// The first `n` of the [`leaving`](Self::leaving) bytes have left.
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

    /// Whether the sink is to be half-closed now: everything has left.
    #[must_use]
    pub fn to_finish(&self) -> bool {
        self.sink == Sink::Finishing && self.is_flushed()
    }

    /// The sink was half-closed.
    pub fn finished(&mut self) {
        self.sink = Sink::Finished;
    }

    /// The sink takes nothing any more: what was and will be permitted is lost.
    pub fn sink_broke(&mut self) {
        self.sink = Sink::Broken;
        self.outbox = Buffer::default();
        self.passing = 0;
        self.swallow();
    }

    /// How many bytes are held that have not left.
    #[must_use]
    pub fn held(&self) -> usize {
        self.inbox.len() + self.outbox.len()
    }

    /// Gives the inbox storage for a turn.
    pub fn lend(&mut self, pool: &mut Pool) {
        pool.lend(&mut self.inbox);
    }

    /// Takes the storage back if nothing is in it.
    pub fn reclaim(&mut self, pool: &mut Pool) {
        pool.reclaim(&mut self.inbox);
    }
}

/// For the core: looking, permitting, speaking.
impl Lane {
    /// What has come behind everything that is permitted.
    pub(super) fn unseen(&self) -> &[u8] {
        self.inbox.data().get(self.permitted()..).unwrap_or_default()
    }

    /// Lets the next `n` bytes leave as they come.
    pub(super) fn permit(&mut self, n: u64) {
        if let Permit::Bytes(permitted) = &mut self.permit {
            *permitted = permitted.saturating_add(n);
        }
        self.cut = false;
        self.swallow();
    }

    /// What is unseen is the beginning of something that can only be read whole, and will then be
    /// read from its first byte on.
    pub(super) fn mark_cut(&mut self) {
        self.cut = true;
    }

    /// Lets the next `framing` bytes leave, and a piece of `data` bytes behind them.
    pub(super) fn permit_piece(&mut self, framing: usize, data: u64) {
        // The line behind a chunk tells nothing about the next one.
        if data > 0 {
            self.piece = data;
        }
        self.permit((framing as u64).saturating_add(data));
    }

    /// Lets all bytes leave as they come.
    pub(super) fn permit_all(&mut self) {
        self.permit = Permit::Endless;
        self.piece = u64::MAX;
        self.swallow();
    }

    /// Takes the first `n` unseen bytes away; they will not leave. Nothing may be permitted.
    pub(super) fn take(&mut self, n: usize) {
        self.inbox.consume(n);
    }

    /// Lets `bytes` of our own leave, behind what has come and is permitted.
    pub(super) fn say(&mut self, bytes: Vec<u8>) {
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

    /// Puts what has come and is permitted behind our own bytes, so that nothing is permitted.
    pub(super) fn set_aside(&mut self) {
        self.say(Vec::new());
    }

    /// Bytes of our own that have not left, and those of the source that stand before them.
    pub(super) fn backlog(&self) -> usize {
        self.outbox.len()
    }

    /// Forgets what has come and is not permitted, and lets nothing more leave than has come.
    pub(super) fn stop(&mut self) {
        let permitted = self.permitted();
        self.inbox.truncate(permitted);
        self.permit = Permit::Bytes(permitted as u64);
        self.source_ended = true;
    }

    /// Counts from `left` on; the lane is untouched.
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

    /// Whether the source will send nothing more.
    pub(super) fn has_ended(&self) -> bool {
        self.source_ended
    }

    /// Whether nothing is here or to come, and both ends are as at first.
    pub(super) fn is_untouched(&self) -> bool {
        let open = self.sink == Sink::Open && !self.source_ended;
        open && self.inbox.is_empty() && self.is_clear()
    }

    /// Whether everything permitted has come and left.
    pub(super) fn is_clear(&self) -> bool {
        self.is_flushed() && self.permit == Permit::Bytes(0)
    }

    /// Whether everything that has come and may leave has left.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.leaving().is_empty() && self.passing == 0
    }

    /// Bytes that have left since the connection began.
    pub(super) fn count(&self) -> u64 {
        self.left
    }

    /// How many bytes that have not come may leave as they come.
    fn beyond(&self) -> u64 {
        match self.permit {
            Permit::Bytes(n) => n.saturating_sub(self.inbox.len() as u64),
            Permit::Endless => u64::MAX,
        }
    }

    /// How many bytes at the front of the inbox are permitted.
    fn permitted(&self) -> usize {
        match self.permit {
            Permit::Bytes(n) => usize::try_from(n).unwrap_or(usize::MAX).min(self.inbox.len()),
            Permit::Endless => self.inbox.len(),
        }
    }

    /// Loses what is permitted to leave for a broken sink.
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
        if let Permit::Bytes(permitted) = &mut self.permit {
            *permitted = permitted.saturating_sub(n as u64);
        }
    }
}

#[cfg(test)]
mod tests;
