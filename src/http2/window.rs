//! Flow control (RFC 9113 §5.2) between two sides when the proxy adds or removes bytes.
//!
//! ```text
//! client ── may still send `client` bytes ──► proxy ── may still send `daemon` bytes ──► daemon
//!                                             └ `waiting`: bytes to be sent there
//! ```
//!
//! The invariant is `client` = `daemon` - `waiting`: everything the client may send fits at the
//! daemon. Bytes that the proxy adds lower the right side, so updates of the daemon are held back.
//! Bytes that the proxy consumes raise it, so the client gets an update.

use super::Malformed;
use super::frame::USUAL_LENGTH;

/// Maximum size of a window in bytes (§6.9.1).
const LARGEST: i64 = 0x7fff_ffff;

/// Initial window of a connection, and of a stream until SETTINGS change it, in bytes (§6.9.2).
pub const INITIAL: u32 = 65_535;

/// The client's and the daemon's window of a connection or of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bytes that the client may still send; negative after the initial window was reduced.
    client: i64,
    /// Bytes that the daemon still accepts; negative likewise.
    daemon: i64,
}

impl Window {
    /// Makes windows of `initial` bytes.
    #[must_use]
    pub fn new(initial: u32) -> Self {
        Self { client: initial.into(), daemon: initial.into() }
    }

    /// Counts `length` bytes of DATA from the client.
    pub fn received(&mut self, length: u32) {
        self.client -= i64::from(length);
    }

    /// Returns `true` if the client has sent more than it may.
    #[must_use]
    pub fn is_overrun(&self) -> bool {
        self.client < 0
    }

    /// Returns the bytes of DATA that the daemon accepts now, at most [`USUAL_LENGTH`].
    #[must_use]
    pub fn room(&self) -> u32 {
        u32::try_from(self.daemon.clamp(0, USUAL_LENGTH.into())).unwrap_or_default()
    }

    /// Returns `true` if the daemon accepts `length` bytes of DATA now.
    #[must_use]
    pub fn fits(&self, length: u32) -> bool {
        length == 0 || i64::from(length) <= self.daemon
    }

    /// Counts `length` bytes of DATA sent to the daemon.
    pub fn sent(&mut self, length: u32) {
        self.daemon -= i64::from(length);
    }

    /// Opens the daemon's window by `increment` bytes.
    ///
    /// # Errors
    /// A window beyond its maximum.
    pub fn opened(&mut self, increment: u32) -> Result<(), Malformed> {
        self.daemon += i64::from(increment);
        if self.daemon > LARGEST { Err(Malformed::Window) } else { Ok(()) }
    }

    /// Applies a change of the initial window by the daemon; the SETTINGS frame informs the client.
    ///
    /// # Errors
    /// A window beyond its maximum.
    pub fn changed(&mut self, old: u32, new: u32) -> Result<(), Malformed> {
        let change = i64::from(new) - i64::from(old);
        self.client += change;
        self.daemon += change;
        if self.daemon > LARGEST { Err(Malformed::Window) } else { Ok(()) }
    }

    /// Opens the client's window as far as allowed while `waiting` bytes are unsent to the daemon.
    /// Returns the increment for the client.
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
