//! Messages, as pieces that are sent and as bodies that are followed and thrown away.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::rc::Rc;

use dockerd_ci_proxy::http::body::{Body, Framing, Next};
use rustix::io::Errno;

/// Bytes that are sent a number of times, each time with a write of their own.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    bytes: Rc<[u8]>,
    times: u64,
}

/// What is sent, in order.
pub(crate) type Message = Vec<Piece>;

/// `bytes`, sent once.
pub(crate) fn once(bytes: impl AsRef<[u8]>) -> Piece {
    times(1, bytes)
}

/// `bytes`, sent so often.
pub(crate) fn times(times: u64, bytes: impl AsRef<[u8]>) -> Piece {
    Piece { bytes: bytes.as_ref().into(), times }
}

/// `length` bytes, 32 KiB with each write, as the daemon writes what is long.
pub(crate) fn long(length: u64) -> Message {
    const WRITE: u64 = 32 * 1024;
    let rest = usize::try_from(length % WRITE).unwrap();
    let whole = times(length / WRITE, vec![b'x'; usize::try_from(WRITE).unwrap()]);
    [whole, once(vec![b'x'; rest])].into_iter().filter(|piece| !piece.is_void()).collect()
}

/// `count` chunks of `size` bytes, each with a write of its own, and the last chunk.
pub(crate) fn chunks(size: usize, count: u64) -> Message {
    let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat();
    vec![times(count, chunk), once("0\r\n\r\n")]
}

impl Piece {
    fn is_void(&self) -> bool {
        self.times == 0 || self.bytes.is_empty()
    }
}

/// What is still to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Piece>,
    /// How much of the first has left.
    sent: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: &[Piece]) {
        self.pieces.extend(message.iter().cloned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes until nothing is left or the socket takes nothing more; `Err` when it is gone.
    pub(crate) fn flush(&mut self, socket: impl AsFd) -> Result<(), Errno> {
        while let Some(piece) = self.pieces.front_mut() {
            match rustix::io::write(&socket, &piece.bytes[self.sent..]) {
                Ok(n) => self.sent += n,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.sent == piece.bytes.len() {
                self.sent = 0;
                piece.times -= 1;
                if piece.times == 0 {
                    self.pieces.pop_front();
                }
            }
        }
        Ok(())
    }
}

/// A body that is followed and thrown away.
#[derive(Debug)]
pub(crate) struct Content {
    body: Body,
    /// Data, or a line, that belongs to it and has not come yet.
    due: u64,
    /// How much data there was, or is about to come.
    pub(crate) length: u64,
}

impl Content {
    pub(crate) fn new(framing: Framing) -> Self {
        Self { body: Body::from(framing), due: 0, length: 0 }
    }

    /// Takes what belongs to it from the start of `bytes`; tells how much. The beginning of a
    /// line whose end is missing is not taken.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        loop {
            let rest = &bytes[taken..];
            let here = usize::try_from(self.due).unwrap_or(usize::MAX).min(rest.len());
            self.due -= here as u64;
            taken += here;
            if self.due > 0 {
                return taken;
            }
            match self.body.next(&bytes[taken..]).unwrap() {
                Next::Piece { framing, data } => {
                    self.due = framing as u64 + data;
                    self.length += data;
                }
                Next::More | Next::Done => return taken,
                Next::Everything => panic!("a body that ends with the connection"),
            }
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.due == 0 && self.body == Body::Done
    }
}
