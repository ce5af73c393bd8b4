//! Pipes through which the kernel moves bytes from socket to socket without a copy.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// Bytes that a pipe is to hold: a full queue of a UNIX socket (`net.core.wmem_default`).
const SIZE: usize = 256 * 1024;

/// Pipes that are kept while nobody needs them: one pair moves at a time, both ways.
const KEPT: usize = 2;

/// A pipe and how much is in it.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    held: usize,
    full: bool,
    /// Counts the pipes that are lent.
    _lent: Rc<()>,
}

/// The pipes that nobody uses, and the count of the others.
#[derive(Debug)]
pub(super) struct Pipes {
    free: Vec<(OwnedFd, OwnedFd)>,
    lent: Rc<()>,
    /// How many may be lent at once; who gets none copies.
    most: usize,
}

impl Pipes {
    /// At most so many.
    pub(super) fn new(most: usize) -> Self {
        Self { free: Vec::new(), lent: Rc::default(), most }
    }

    /// Lends an empty pipe; `None` when all are lent or the kernel gives no more, or small ones.
    pub(super) fn lend(&mut self) -> Option<Pipe> {
        if Rc::strong_count(&self.lent) > self.most {
            return None;
        }
        let (read, write) = self.free.pop().or_else(|| open().ok())?;
        Some(Pipe { read, write, held: 0, full: false, _lent: Rc::clone(&self.lent) })
    }

    /// Takes a pipe back. What is still in it is lost.
    pub(super) fn reclaim(&mut self, pipe: Pipe) {
        if pipe.held == 0 && self.free.len() < KEPT {
            self.free.push((pipe.read, pipe.write));
        }
    }
}

fn open() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    fcntl_setpipe_size(&write, SIZE)?;
    Ok((read, write))
}

impl Pipe {
    /// Bytes in it.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether it took nothing when it was last tried, though it may be the source that gave nothing.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Moves at most `most` bytes from `source` into it.
    ///
    /// # Errors
    /// Those of `splice`. `WouldBlock` says that the source is empty, or, when the pipe is not, that
    /// the pipe may be full.
    ///
    /// What comes in large pages takes few of its slots, so that it could hold some megabytes. No more
    /// than a sink takes at once is gathered: what has lain long has left the processor's caches before
    /// the sink reads it, and chunks of 32 KiB then take 4 to 8 % longer.
    pub(super) fn fill(&mut self, source: impl AsFd, most: u64) -> io::Result<usize> {
        if self.held >= SIZE {
            self.full = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let most = usize::try_from(most).unwrap_or(SIZE).min(SIZE);
        match splice(source, None, &self.write, None, most, SpliceFlags::NONBLOCK) {
            Ok(n) => {
                self.held += n;
                self.full = false;
                Ok(n)
            }
            Err(error) => {
                let error = io::Error::from(error);
                self.full = error.kind() == io::ErrorKind::WouldBlock && self.held > 0;
                Err(error)
            }
        }
    }

    /// Moves what is in it to `sink`.
    ///
    /// # Errors
    /// Those of `splice`.
    pub(super) fn drain(&mut self, sink: impl AsFd) -> io::Result<usize> {
        let n = splice(&self.read, None, sink, None, self.held, SpliceFlags::NONBLOCK)?;
        self.held = self.held.saturating_sub(n);
        self.full = false;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
