//! Messages: pieces to send, and bodies that are followed and discarded.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::rc::Rc;

use dockerd_ci_proxy::http::body::{Body, Framing, Next};
use rustix::io::Errno;

/// Bytes that are sent several times, with one write each.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    bytes: Rc<[u8]>,
    times: u64,
}

/// Pieces to send, in order.
pub(crate) type Message = Vec<Piece>;

/// `bytes`, sent once.
pub(crate) fn once(bytes: impl AsRef<[u8]>) -> Piece {
    times(1, bytes)
}

/// `bytes`, sent `times` times.
pub(crate) fn times(times: u64, bytes: impl AsRef<[u8]>) -> Piece {
    Piece { bytes: bytes.as_ref().into(), times }
}

/// `length` bytes in writes of 32 KiB, as the daemon writes long bodies.
pub(crate) fn long(length: u64) -> Message {
    const WRITE: u64 = 32 * 1024;
    let rest = usize::try_from(length % WRITE).unwrap();
    let whole = times(length / WRITE, vec![b'x'; usize::try_from(WRITE).unwrap()]);
    [whole, once(vec![b'x'; rest])].into_iter().filter(|piece| !piece.is_void()).collect()
}

/// `count` chunks of `size` bytes, with one write each, and the last chunk.
pub(crate) fn chunks(size: usize, count: u64) -> Message {
    let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat();
    vec![times(count, chunk), once("0\r\n\r\n")]
}

impl Piece {
    fn is_void(&self) -> bool {
        self.times == 0 || self.bytes.is_empty()
    }
}

/// Pieces that are still to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pieces: VecDeque<Piece>,
    /// Bytes of the first piece that have been sent.
    sent: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: &[Piece]) {
        self.pieces.extend(message.iter().cloned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes until nothing is left or the socket is full; returns `Err` when it is closed.
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

/// A body that is followed and discarded.
#[derive(Debug)]
pub(crate) struct Content {
    body: Body,
    /// Bytes of data or of a line that have not come yet.
    due: u64,
    /// Length of the data so far, including announced data.
    pub(crate) length: u64,
}

impl Content {
    pub(crate) fn new(framing: Framing) -> Self {
        Self { body: Body::from(framing), due: 0, length: 0 }
    }

    /// Takes the bytes of the body from the start of `bytes` and returns their number. Does not take an
    /// incomplete line.
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
