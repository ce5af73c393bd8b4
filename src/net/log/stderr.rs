//! Writes log lines to a reader that may stop reading. Lines are then lost, so that no client waits
//! for the log.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

/// Maximum total time to wait for a reader that accepts nothing. The event loop stands still
/// meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time that is added to the patience for each piece accepted at once, so that a slow reader costs
/// little.
const REGAINED: Duration = Duration::from_millis(1);

/// Number of bytes for which a ready pipe has room (POSIX `PIPE_BUF`), and which it does not
/// interleave with other writers.
const PIECE: usize = 4096;

/// Writes whole lines to a descriptor, or drops them.
///
/// The descriptor stays blocking, since other processes share it.
#[derive(Debug)]
pub(in crate::net) struct LossyWriter<O, N> {
    out: O,
    /// Makes the line that reports the number of lost lines.
    notice: N,
    /// Remaining time for waiting.
    patience: Duration,
    /// Number of lines lost since the last written line.
    lost: u64,
    /// `true` if the last written line lacks its end.
    cut: bool,
}

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> LossyWriter<O, N> {
    pub(in crate::net) fn new(out: O, notice: N) -> Self {
        Self { out, notice, patience: PATIENCE, lost: 0, cut: false }
    }

    /// Reports lost lines, if there are some and there is room.
    fn report_lost(&mut self) -> io::Result<()> {
        if self.lost > 0 && self.has_room() {
            let end: &[u8] = if self.cut { b"\n" } else { b"" };
            let notice = [end, &(self.notice)(self.lost)].concat();
            (self.lost, self.cut) = (0, false);
            self.out.write_all(&notice)?;
        }
        Ok(())
    }

    /// Returns `true` if there is room for a piece, now or within the remaining patience.
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
        // An error is not waited for; the write reports it at once.
        retry_on_intr(|| poll(&mut files, Some(&wait))) != Ok(0)
    }
}

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> Write for LossyWriter<O, N> {
    /// Writes a line, or drops it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.report_lost()?;
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
