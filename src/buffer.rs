//! A window of bytes: filled at its end, read as a slice, consumed at its start.
//!
//! The window does not interpret its bytes. A [`Pool`] lends storage to a window for one turn and
//! takes it back once the window is empty.
//!
//! ```text
//! storage   | consumed |   data   |   spare   |
//!           0        start       end      storage.len()
//! ```

/// Initial storage of a window in bytes. Two queued 32 KiB writes of the daemon fit, so a stream
/// needs few system calls.
pub const STORAGE: usize = 64 * 1024;

/// A window of bytes; the module documentation shows its layout.
#[derive(Debug, Default)]
pub struct Buffer {
    storage: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// Returns the bytes that are filled and not yet consumed.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.storage.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the length of [`data`](Self::data).
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns `true` if [`data`](Self::data) is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Returns the room after the data, so that the window never holds more than `limit` bytes.
    /// The slice is empty when the window is full.
    ///
    /// Storage grows by doubling, so a long head does not allocate its limit at once.
    pub fn spare(&mut self, limit: usize) -> &mut [u8] {
        if self.end == self.storage.len() && self.len() < limit {
            self.make_room(limit);
        }
        let room = limit.saturating_sub(self.len());
        let until = self.storage.len().min(self.end.saturating_add(room));
        self.storage.get_mut(self.end..until).unwrap_or_default()
    }

    /// Counts the first `n` bytes of the spare room as data.
    pub fn fill(&mut self, n: usize) {
        self.end = self.storage.len().min(self.end + n);
    }

    /// Drops the first `n` bytes of the data.
    pub fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start + n);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Appends `bytes` to the data.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.storage.truncate(self.end);
        self.storage.extend_from_slice(bytes);
        self.end = self.storage.len();
    }

    /// Keeps the first `n` bytes of the data and drops the rest.
    pub fn truncate(&mut self, n: usize) {
        self.end = self.end.min(self.start + n);
        self.consume(0);
    }

    fn make_room(&mut self, limit: usize) {
        if self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            if self.end < self.storage.len() / 2 {
                return;
            }
        }
        let wanted = (self.storage.len() * 2).clamp(STORAGE, limit.max(STORAGE));
        self.storage.resize(wanted.max(self.storage.len()), 0);
    }
}

impl From<Vec<u8>> for Buffer {
    /// Makes a window whose data are `bytes`.
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { storage: bytes, start: 0, end }
    }
}

/// Storage that is lent to the windows of one connection at a time.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<Vec<u8>>,
}

/// Maximum number of free storage blocks. One connection moves at a time, and sockets fill two of
/// its windows.
const KEPT: usize = 4;

impl Pool {
    /// Gives `window` storage if it has none.
    pub fn lend(&mut self, window: &mut Buffer) {
        if window.storage.is_empty() {
            window.storage = self.free.pop().unwrap_or_else(|| vec![0; STORAGE]);
        }
    }

    /// Takes the storage of `window` back if the window is empty.
    pub fn reclaim(&mut self, window: &mut Buffer) {
        if window.is_empty() && !window.storage.is_empty() {
            let storage = std::mem::take(&mut window.storage);
            if storage.len() == STORAGE && self.free.len() < KEPT {
                self.free.push(storage);
            }
        }
    }
}

#[cfg(test)]
mod tests;
