//! Where lines of the log go: to a reader that may stop reading. Then lines are lost, and no client
//! waits for it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// So long a reader that takes nothing is waited for, with everything else.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a piece that is taken at once gives back of it: a reader that takes little now and then is
/// to cost little.
const REGAINED: Duration = Duration::from_millis(1);

/// Bytes for which a pipe that is ready has room (POSIX `PIPE_BUF`), and which it does not mix with
/// those of others.
const PIECE: usize = 4096;

/// A descriptor to which whole lines are written.
///
/// It is not made non-blocking, since it is shared with whoever started us.
#[derive(Debug)]
pub(super) struct LossyWriter<O, N> {
    out: O,
    /// Makes the line that tells how many were lost.
    notice: N,
    /// How long it may still be waited for.
    patience: Duration,
    /// Lines that were lost since one was written.
    lost: u64,
    /// Whether the last of what was written is a line without its end.
    cut: bool,
}

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> LossyWriter<O, N> {
    pub(super) fn new(out: O, notice: N) -> Self {
        Self { out, notice, patience: PATIENCE, lost: 0, cut: false }
    }

    /// Tells how many lines were lost, if some were and there is room for that.
    fn own_up(&mut self) -> io::Result<()> {
        if self.lost > 0 && self.has_room() {
            let end: &[u8] = if self.cut { b"\n" } else { b"" };
            let notice = [end, &(self.notice)(self.lost)].concat();
            (self.lost, self.cut) = (0, false);
            self.out.write_all(&notice)?;
        }
        Ok(())
    }

    /// Whether there is room for a piece, or comes to be while there is patience.
    fn has_room(&mut self) -> bool {
        if self.is_ready_in(Duration::ZERO) {
            self.patience = PATIENCE.min(self.patience + REGAINED);
            return true;
        }
        if self.patience.is_zero() {
            return false;
        }
        let start = Instant::now();
        let ready = self.is_ready_in(self.patience);
        let left = self.patience.saturating_sub(start.elapsed());
        self.patience = if ready { left } else { Duration::ZERO };
        ready
    }

    fn is_ready_in(&self, wait: Duration) -> bool {
        let wait = Timespec::try_from(wait).unwrap_or_default();
        let mut files = [PollFd::new(&self.out, PollFlags::OUT)];
        // What is wrong with it is nothing to wait for; the write meets it at once.
        retry_on_intr(|| poll(&mut files, Some(&wait))) != Ok(0)
    }
}

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> Write for LossyWriter<O, N> {
    /// Writes a line, or loses it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.own_up()?;
        for (number, piece) in line.chunks(PIECE).enumerate() {
            if self.lost > 0 || !self.has_room() {
                self.lost += 1;
                self.cut |= number > 0;
                break;
            }
            self.out.write_all(piece)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
