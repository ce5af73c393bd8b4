//! Framing of message bodies (RFC 9112 §6.3), and the bytes that may pass unread.

use super::Malformed;
use super::chunked::{check_trailer, read_size, whole_line};

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

/// The part of a body that is not yet permitted: what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// This many bytes, none of which must be read.
    Length(u64),
    /// A chunk-size line.
    ChunkSize,
    /// The CRLF after the data of a chunk.
    ChunkEnd,
    /// A line of the trailer section.
    Trailer,
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
            Framing::Chunked => Self::ChunkSize,
            Framing::UntilClose => Self::UntilClose,
        }
    }
}

impl Body {
    /// Decides about the next bytes, of which `unseen` have arrived. Each decision covers at most one chunk
    /// line and the data after it.
    ///
    /// # Errors
    /// A chunk line that is malformed or too long.
    pub fn next(&mut self, unseen: &[u8]) -> Result<Next, Malformed> {
        match self {
            Self::Length(length) => {
                let data = *length;
                *self = Self::Done;
                Ok(Next::Piece { framing: 0, data })
            }
            Self::UntilClose => Ok(Next::Everything),
            Self::Done => Ok(Next::Done),
            Self::ChunkSize | Self::ChunkEnd | Self::Trailer => self.next_chunk_line(unseen),
        }
    }

    // Kept out of line: most bodies have a length.
    #[inline(never)]
    fn next_chunk_line(&mut self, unseen: &[u8]) -> Result<Next, Malformed> {
        if *self == Self::ChunkEnd {
            return match unseen {
                [b'\r', b'\n', ..] => {
                    *self = Self::ChunkSize;
                    Ok(Next::Piece { framing: 2, data: 0 })
                }
                [] | [b'\r'] => Ok(Next::More),
                _ => Err(Malformed::ChunkEnd),
            };
        }
        let Some(line) = whole_line(unseen)? else { return Ok(Next::More) };
        let mut data = 0;
        if *self == Self::ChunkSize {
            data = read_size(line)?;
            *self = if data == 0 { Self::Trailer } else { Self::ChunkEnd };
        } else if line.is_empty() {
            *self = Self::Done;
        } else {
            check_trailer(line)?;
        }
        Ok(Next::Piece { framing: line.len() + 2, data })
    }
}
