//! Pipes through which the kernel moves bytes between sockets without a copy.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// Capacity of a pipe in bytes: a full queue of a UNIX socket (`net.core.wmem_default`).
const SIZE: usize = 256 * 1024;

/// Maximum number of free pipes: one pair moves at a time, in two directions.
const KEPT: usize = 2;

/// A pipe with the number of bytes in it.
#[derive(Debug)]
pub(super) struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    held: usize,
    full: bool,
    /// Counts the lent pipes.
    _lent: Rc<()>,
}

/// Free pipes, and the number of lent ones.
#[derive(Debug)]
pub(super) struct Pipes {
    free: Vec<(OwnedFd, OwnedFd)>,
    lent: Rc<()>,
    /// Maximum number of lent pipes. Without a pipe bytes are copied.
    most: usize,
}

impl Pipes {
    /// Makes a pool that lends at most `most` pipes.
    pub(super) fn new(most: usize) -> Self {
        Self { free: Vec::new(), lent: Rc::default(), most }
    }

    /// Lends an empty pipe; `None` if all are lent, or the kernel grants no more or only small
    /// ones.
    pub(super) fn lend(&mut self) -> Option<Pipe> {
        if Rc::strong_count(&self.lent) > self.most {
            return None;
        }
        let (read, write) = self.free.pop().or_else(|| open().ok())?;
        Some(Pipe { read, write, held: 0, full: false, _lent: Rc::clone(&self.lent) })
    }

    /// Takes a pipe back. A pipe that is not empty is closed.
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
    /// Returns the number of bytes in the pipe.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Returns `true` if the last attempt moved nothing into the pipe; its source may have been
    /// empty, too.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Moves at most `most` bytes from `source` into the pipe.
    ///
    /// No more is gathered than a sink accepts at once, although large pages take few slots, so
    /// that some megabytes would fit. Bytes that have waited long have left the processor's caches;
    /// chunks of 32 KiB then take 4 to 8 % longer.
    ///
    /// # Errors
    /// Those of `splice`. `WouldBlock` means that the source is empty or, if the pipe is not empty,
    /// that the pipe may be full.
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

    /// Moves the content of the pipe to `sink`.
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
