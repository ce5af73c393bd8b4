//! Flow control between two sides of which one is told less, or more, than the other has sent
//! (RFC 9113 §5.2).
//!
//! ```text
//! client ──  may still send `client` bytes ──► us ── may still send `daemon` bytes ──► daemon
//!                                              └ `waiting`: bytes that are to be sent there
//! ```
//!
//! Where nothing is changed, all that the client may send fits at the daemon: `client` is what
//! `daemon` leaves beside `waiting`. Bytes that we add make it less, so updates of the daemon are kept
//! back; bytes that we take for ourselves, or drop, make it more, so the client gets an update.

use super::Malformed;
use super::frame::USUAL_LENGTH;

/// Bytes that a window may have (§6.9.1).
const LARGEST: i64 = 0x7fff_ffff;

/// The window of every connection at first, and of a stream until SETTINGS say otherwise (§6.9.2).
pub const INITIAL: u32 = 65_535;

/// The windows of a connection, or of one stream, before and behind us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bytes that the client believes it may still send; below 0 after a change of the initial one.
    client: i64,
    /// Bytes that the daemon still takes; below 0 likewise.
    daemon: i64,
}

impl Window {
    /// Windows of `initial` bytes.
    #[must_use]
    pub fn new(initial: u32) -> Self {
        Self { client: initial.into(), daemon: initial.into() }
    }

    /// The client has sent `length` bytes of DATA.
    pub fn received(&mut self, length: u32) {
        self.client -= i64::from(length);
    }

    /// Whether the client has sent more than it may.
    #[must_use]
    pub fn is_overrun(&self) -> bool {
        self.client < 0
    }

    /// Bytes of DATA, at most a usual frame, that the daemon takes now.
    #[must_use]
    pub fn room(&self) -> u32 {
        u32::try_from(self.daemon.clamp(0, USUAL_LENGTH.into())).unwrap_or_default()
    }

    /// Whether the daemon takes `length` bytes of DATA now.
    #[must_use]
    pub fn fits(&self, length: u32) -> bool {
        length == 0 || i64::from(length) <= self.daemon
    }

    /// `length` bytes of DATA go to the daemon.
    pub fn sent(&mut self, length: u32) {
        self.daemon -= i64::from(length);
    }

    /// The daemon takes `increment` bytes more.
    ///
    /// # Errors
    /// No window may be that large.
    pub fn opened(&mut self, increment: u32) -> Result<(), Malformed> {
        self.daemon += i64::from(increment);
        if self.daemon > LARGEST { Err(Malformed::Window) } else { Ok(()) }
    }

    /// The daemon has changed the initial window, which the client will learn.
    ///
    /// # Errors
    /// No window may be that large.
    pub fn changed(&mut self, old: u32, new: u32) -> Result<(), Malformed> {
        let change = i64::from(new) - i64::from(old);
        self.client += change;
        self.daemon += change;
        if self.daemon > LARGEST { Err(Malformed::Window) } else { Ok(()) }
    }

    /// By how much the client's window is to be opened, when `waiting` bytes are still to be sent
    /// to the daemon; it is told so.
    pub fn grant(&mut self, waiting: usize) -> Option<u32> {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        let owed = self.daemon.saturating_sub(waiting).saturating_sub(self.client);
        let owed = u32::try_from(owed.min(LARGEST)).ok().filter(|owed| *owed > 0)?;
        self.client += i64::from(owed);
        Some(owed)
    }
}

#[cfg(test)]
mod tests;
