//! Pairs by slot, and the tokens of their sockets.
//!
//! A token holds the slot, the side and a serial number of its registration. So an event for a
//! socket that has been closed since is recognized and dropped.

use mio::Token;

/// One of a pair's two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The accepted socket.
    Client,
    /// The connected socket.
    Daemon,
}

/// Bits of a token for the slot. The side has one bit, the serial number the rest.
const SLOT_BITS: u32 = 24;

/// Number of slots that a token can represent; file descriptors run out long before.
pub(super) const MAX_SLOTS: usize = 1 << SLOT_BITS;

/// Makes a token. Serial number 0 is reserved for tokens outside of pairs.
pub(super) fn token(slot: usize, side: Side, serial: u32) -> Token {
    let side = usize::from(side == Side::Daemon);
    Token((serial.max(1) as usize) << (SLOT_BITS + 1) | slot << 1 | side)
}

/// Returns `true` if a token is that of a pair's socket.
pub(super) fn is_paired(token: Token) -> bool {
    token.0 >> (SLOT_BITS + 1) != 0
}

/// Returns the slot and the side of a token.
pub(super) fn place(token: Token) -> (usize, Side) {
    let side = if token.0 & 1 == 0 { Side::Client } else { Side::Daemon };
    ((token.0 >> 1) & (MAX_SLOTS - 1), side)
}

/// Values by slot; free slots are reused.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    /// Returns the slot that the next [`insert`](Self::insert) uses.
    pub(super) fn next(&self) -> usize {
        self.free.last().copied().unwrap_or(self.entries.len())
    }

    pub(super) fn insert(&mut self, value: T) {
        match self.free.pop().and_then(|slot| self.entries.get_mut(slot)) {
            Some(entry) => *entry = Some(value),
            None => self.entries.push(Some(value)),
        }
    }

    pub(super) fn get(&self, slot: usize) -> Option<&T> {
        self.entries.get(slot)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.entries.get_mut(slot)?.as_mut()
    }

    pub(super) fn remove(&mut self, slot: usize) -> Option<T> {
        let value = self.entries.get_mut(slot)?.take()?;
        self.free.push(slot);
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Returns the values with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let entries = self.entries.iter().enumerate();
        entries.filter_map(|(slot, entry)| entry.as_ref().map(|value| (slot, value)))
    }

    /// Returns the slots in use.
    pub(super) fn slots(&self) -> impl Iterator<Item = usize> {
        self.iter().map(|(slot, _)| slot)
    }
}

#[cfg(test)]
mod tests;
