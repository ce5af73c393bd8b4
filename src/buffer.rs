//! A window of bytes that is filled at its end, looked at, and consumed at its start.
//!
//! It does not know what the bytes mean. An empty window owns no memory that it does not
//! need: a [`Pool`] lends it storage for a turn and takes it back when it is empty again.
//!
//! ```text
//! storage   | consumed |   data   |   spare   |
//!           0        start       end      storage.len()
//! ```

/// Bytes of storage that a window gets at first: what two queued 32 KiB writes of the daemon
/// fill, so that a stream moves with few system calls.
pub const STORAGE: usize = 64 * 1024;

/// A window of bytes; see the module's picture.
#[derive(Debug, Default)]
pub struct Buffer {
    storage: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// The bytes that were filled and not yet consumed.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.storage.get(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes [`data`](Self::data) has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is nothing to look at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room behind the data, for at most so many bytes that the window holds `limit`.
    /// Empty when the window is full.
    ///
    /// Storage grows by doubling, so that a long head does not take its limit from the start.
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

    /// Forgets the first `n` bytes of the data.
    pub fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start + n);
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Puts `bytes` behind the data.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.storage.truncate(self.end);
        self.storage.extend_from_slice(bytes);
        self.end = self.storage.len();
    }

    /// Forgets everything behind the first `n` bytes of the data.
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
    /// A window whose data are `bytes`.
    fn from(bytes: Vec<u8>) -> Self {
        let end = bytes.len();
        Self { storage: bytes, start: 0, end }
    }
}

/// Storage that is lent to the windows of the connection whose turn it is.
#[derive(Debug, Default)]
pub struct Pool {
    free: Vec<Vec<u8>>,
}

/// Pieces of storage that are kept while nobody needs them: one connection moves at a time,
/// and it has two windows that are filled from sockets.
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
