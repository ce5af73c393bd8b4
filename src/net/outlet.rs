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
pub(super) struct Outlet<O, N> {
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

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> Outlet<O, N> {
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

impl<O: Write + AsFd, N: Fn(u64) -> Vec<u8>> Write for Outlet<O, N> {
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
mod tests {
    use std::io::{PipeReader, PipeWriter, Read, pipe};

    use super::*;

    type Piped = Outlet<PipeWriter, fn(u64) -> Vec<u8>>;

    fn notice(lost: u64) -> Vec<u8> {
        format!("{lost} lost\n").into_bytes()
    }

    fn outlet() -> (PipeReader, Piped) {
        let (reader, writer) = pipe().unwrap();
        (reader, Outlet::new(writer, notice))
    }

    fn line(length: usize) -> Vec<u8> {
        [vec![b'x'; length - 1], vec![b'\n']].concat()
    }

    /// Writes lines until one is lost; how many were not.
    fn fill(outlet: &mut Piped, line: &[u8]) -> usize {
        let mut written = 0;
        while outlet.lost == 0 {
            outlet.write_all(line).unwrap();
            written += 1;
        }
        written - 1
    }

    /// All that is there and comes until the outlet is gone.
    fn read(mut reader: PipeReader, outlet: Piped) -> String {
        drop(outlet);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_reader_that_takes_nothing_is_waited_for_once_and_told_what_it_has_lost() {
        let (mut reader, mut outlet) = outlet();
        let line = line(PIECE);
        let start = Instant::now();
        let written = fill(&mut outlet, &line);
        assert!(start.elapsed() >= PATIENCE);
        let start = Instant::now();
        for _ in 1..1000 {
            outlet.write_all(&line).unwrap();
        }
        assert!(start.elapsed() < PATIENCE);
        let mut taken = vec![0; written * PIECE];
        reader.read_exact(&mut taken).unwrap();
        outlet.write_all(b"line\n").unwrap();
        outlet.write_all(b"line\n").unwrap();
        assert_eq!(read(reader, outlet), "1000 lost\nline\nline\n");
    }

    #[test]
    fn a_line_that_is_cut_ends_before_the_next_one() {
        let (mut reader, mut outlet) = outlet();
        let line = line(3 * PIECE);
        let written = fill(&mut outlet, &line);
        let mut taken = vec![0; written * line.len()];
        reader.read_exact(&mut taken).unwrap();
        assert_eq!(taken, line.repeat(written));
        outlet.write_all(b"line\n").unwrap();
        let text = read(reader, outlet);
        let (cut, rest) = text.split_once('\n').unwrap();
        assert!(line.starts_with(cut.as_bytes()) && !cut.is_empty());
        assert_eq!(rest, "1 lost\nline\n");
    }

    #[test]
    fn a_reader_that_takes_little_now_and_then_costs_little() {
        let (mut reader, mut outlet) = outlet();
        let line = line(PIECE);
        fill(&mut outlet, &line);
        let mut page = vec![0; PIECE];
        let start = Instant::now();
        for _ in 0..100 {
            reader.read_exact(&mut page).unwrap();
            outlet.write_all(&line).unwrap();
            outlet.write_all(&line).unwrap();
        }
        assert!(start.elapsed() < PATIENCE);
    }

    #[test]
    fn a_reader_that_is_gone_is_not_waited_for() {
        let (reader, mut outlet) = outlet();
        drop(reader);
        let start = Instant::now();
        for _ in 0..100 {
            assert!(outlet.write_all(&line(PIECE)).is_err());
        }
        assert!(start.elapsed() < PATIENCE && outlet.lost == 0);
    }
}
