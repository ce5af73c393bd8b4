//! Pairs by number, and the tokens of their sockets.
//!
//! A token holds the slot, the side and a serial number of its registration, so that an event
//! that was fetched for a socket that has been closed since is recognized and dropped.

use mio::Token;

/// Which socket of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The one that was accepted.
    Client,
    /// The one that we connected.
    Daemon,
}

/// Bits of a token for the slot; the side has one, the serial number the rest.
const SLOT_BITS: u32 = 24;

/// Slots that tokens can tell apart; file descriptors end long before.
pub(super) const MAX_SLOTS: usize = 1 << SLOT_BITS;

/// Makes a token. Serial number 0 is left to tokens that are no pair's.
pub(super) fn token(slot: usize, side: Side, serial: u32) -> Token {
    let side = usize::from(side == Side::Daemon);
    Token((serial.max(1) as usize) << (SLOT_BITS + 1) | slot << 1 | side)
}

/// The slot and side that a token was made for.
pub(super) fn place(token: Token) -> (usize, Side) {
    let side = if token.0 & 1 == 0 { Side::Client } else { Side::Daemon };
    ((token.0 >> 1) & (MAX_SLOTS - 1), side)
}

/// Values by number; the numbers of removed ones are used again.
#[derive(Debug)]
pub(super) struct Slab<T> {
    entries: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
    }

    /// The number that the next [`insert`](Self::insert) uses.
    pub(super) fn next(&self) -> usize {
        self.free.last().copied().unwrap_or(self.entries.len())
    }

    pub(super) fn insert(&mut self, value: T) {
        match self.free.pop().and_then(|slot| self.entries.get_mut(slot)) {
            Some(entry) => *entry = Some(value),
            None => self.entries.push(Some(value)),
        }
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

    /// The numbers in use.
    pub(super) fn slots(&self) -> impl Iterator<Item = usize> {
        let taken = |(slot, entry): (usize, &Option<T>)| entry.as_ref().map(|_| slot);
        self.entries.iter().enumerate().filter_map(taken)
    }
}

#[cfg(test)]
mod tests;
