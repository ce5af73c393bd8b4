//! The lower bound for chunks: a relay that finds the end of a chunked body and does nothing else.
//!
//! It peeks at the line after each chunk, splices each chunk into a pipe, and splices all chunks out of the
//! pipe at once. It searches heads for two words, and understands only the messages of the bench.

use memchr::memmem;
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, recv};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

use super::relay::{Carry, Rest, stopped};

/// Bytes to peek at for a head or for the line between two chunks.
const HEAD: usize = 4096;
const LINE: usize = 24;

/// Size of the pipe: as much as a socket takes at once.
const PIPE: usize = 256 * 1024;

/// Relays by splice, one piece after the other.
#[derive(Default)]
pub(crate) struct Following;

/// One direction.
pub(crate) struct Followed {
    /// The read end, then the write end.
    pipe: (OwnedFd, OwnedFd),
    /// Bytes in the pipe.
    held: usize,
    /// Number of following bytes that are a head with its body, or a chunk with its line.
    known: usize,
    place: Place,
}

/// Kind of bytes that follow the known ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    /// The end of a line, and of a chunk.
    Line,
}

impl Default for Followed {
    fn default() -> Self {
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        fcntl_setpipe_size(&pipe.1, PIPE).unwrap();
        Self { pipe, held: 0, known: 0, place: Place::Head }
    }
}

impl Carry for Following {
    type Held = Followed;

    fn carry(&mut self, held: &mut Followed, from: &OwnedFd, to: &OwnedFd, _ending: bool) -> Rest {
        loop {
            let rest = held.gather(from);
            while held.held > 0 {
                match splice(&held.pipe.0, None, to, None, held.held, SpliceFlags::NONBLOCK) {
                    Ok(n) => held.held -= n,
                    Err(error) => return stopped(error, Rest::Stuck),
                }
            }
            if let Some(rest) = rest {
                return rest;
            }
        }
    }
}

impl Followed {
    /// Fills the pipe; returns `None` when it holds enough.
    fn gather(&mut self, from: &OwnedFd) -> Option<Rest> {
        while self.held < PIPE {
            if self.known == 0
                && let Err(rest) = self.look(from)
            {
                return Some(rest);
            }
            let most = self.known.min(PIPE);
            match splice(from, None, &self.pipe.1, None, most, SpliceFlags::NONBLOCK) {
                Ok(0) => return Some(Rest::End),
                Ok(n) => {
                    self.held += n;
                    self.known -= n;
                }
                Err(_) if self.held > 0 => return None,
                Err(error) => return Some(stopped(error, Rest::Empty)),
            }
        }
        None
    }

    /// Peeks at the following bytes.
    fn look(&mut self, from: &OwnedFd) -> Result<(), Rest> {
        let mut room = [0; HEAD];
        let most = if self.place == Place::Head { HEAD } else { LINE };
        let seen = match recv(from, &mut room[..most], RecvFlags::PEEK) {
            Ok((0, _)) => return Err(Rest::End),
            Ok((seen, _)) => seen,
            Err(error) => return Err(stopped(error, Rest::Empty)),
        };
        // The rest of an incomplete line causes an event.
        match self.place {
            Place::Head => self.head(&room[..seen]),
            Place::Line => self.line(&room[..seen]),
        }
        .ok_or(Rest::Empty)
    }

    fn head(&mut self, bytes: &[u8]) -> Option<()> {
        const LENGTH: &[u8] = b"Content-Length: ";
        let end = memmem::find(bytes, b"\r\n\r\n")?;
        let fields = &bytes[..end];
        if memmem::find(fields, b"Upgrade: ").is_some() {
            self.known = usize::MAX;
        } else if memmem::find(fields, b"chunked").is_some() {
            // The line end before the first chunk is that of the head's last line.
            self.known = end + 2;
            self.place = Place::Line;
        } else {
            let length = memmem::find(fields, LENGTH).map(|at| &fields[at + LENGTH.len()..]);
            self.known = end + 4 + length.map_or(0, |digits| number(digits, 10));
        }
        Some(())
    }

    fn line(&mut self, bytes: &[u8]) -> Option<()> {
        let line = bytes.get(2..)?;
        let end = memmem::find(line, b"\r\n")?;
        let size = number(line, 16);
        self.known = 2 + end + 2 + size;
        if size == 0 {
            self.known += 2;
            self.place = Place::Head;
        }
        Some(())
    }
}

/// Reads the number at the start of `bytes`.
fn number(bytes: &[u8], radix: u32) -> usize {
    let digits = bytes.iter().map_while(|byte| char::from(*byte).to_digit(radix));
    digits.fold(0, |number, digit| number * radix as usize + digit as usize)
}
