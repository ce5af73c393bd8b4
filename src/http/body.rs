//! How a message body ends (RFC 9112 §6.3), and how much of it may pass without being looked at.

use super::Malformed;
use super::chunked::Chunked;

/// How a body ends, as its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk and the trailer section.
    Chunked,
    /// With the connection; only responses can end so.
    UntilClose,
}

/// A body on its way: what of it has not been permitted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// So many bytes, none of which need be looked at.
    Length(u64),
    /// Chunks, whose lines must be looked at.
    Chunked(Chunked),
    /// All bytes until the connection ends.
    UntilClose,
    /// Nothing any more.
    Done,
}

/// What may be done with the bytes that come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// `framing` bytes of chunk lines, all of them seen, and then `data` bytes of the content,
    /// which may not have come yet.
    Piece {
        /// Bytes of chunk lines.
        framing: usize,
        /// Bytes of content.
        data: u64,
    },
    /// More bytes are needed to tell.
    More,
    /// Everything that comes until the connection ends belongs to the body.
    Everything,
    /// The body is complete.
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
    /// Decides about the bytes that come next: `unseen` is what has come of them so far.
    ///
    /// # Errors
    /// Chunk lines that are not understood.
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
