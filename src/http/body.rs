//! Framing of message bodies (RFC 9112 §6.3), and the bytes that may pass unread.

use super::Malformed;
use super::chunked::Chunked;

/// The end of a body, as its head declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// A body of this many bytes.
    Length(u64),
    /// A body that ends with the last chunk and the trailer section.
    Chunked,
    /// A body that ends with the connection; responses only.
    UntilClose,
}

/// The part of a body that is not yet permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// This many bytes, none of which must be read.
    Length(u64),
    /// Chunks, whose lines must be read.
    Chunked(Chunked),
    /// All bytes until the connection ends.
    UntilClose,
    /// Nothing; the body is complete.
    Done,
}

/// A decision about the next bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Permits `framing` bytes of chunk lines, all received, then `data` bytes of content, which
    /// may not have arrived yet.
    Piece {
        /// Bytes of chunk lines.
        framing: usize,
        /// Bytes of content.
        data: u64,
    },
    /// Needs more bytes.
    More,
    /// Permits all bytes until the connection ends.
    Everything,
    /// Ends the body.
    Done,
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::None | Framing::Length(0) => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }
}

impl Body {
    /// Decides about the next bytes, of which `unseen` have arrived.
    ///
    /// # Errors
    /// A chunk line that is malformed.
    pub fn next(&mut self, unseen: &[u8]) -> Result<Next, Malformed> {
        match self {
            Self::Length(length) => {
                let data = *length;
                *self = Self::Done;
                Ok(Next::Piece { framing: 0, data })
            }
            Self::Chunked(chunked) => match chunked.next(unseen)? {
                Next::Done => {
                    *self = Self::Done;
                    Ok(Next::Done)
                }
                next => Ok(next),
            },
            Self::UntilClose => Ok(Next::Everything),
            Self::Done => Ok(Next::Done),
        }
    }
}
