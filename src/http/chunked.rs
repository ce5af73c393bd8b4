//! The chunked transfer coding (RFC 9112 §7.1), read as permits: the lines are looked at, the
//! data between them are not.
//!
//! ```text
//! chunk = chunk-size [ chunk-ext ] CRLF  chunk-data CRLF     ... 0 CRLF  *( field-line CRLF )  CRLF
//!         └────────── Size ───────────┘             └End┘        └Size┘  └──── Trailer ────────────┘
//! ```

use memchr::memchr;

use super::Malformed;
use super::body::Next;

/// Bytes of one chunk-size line or trailer line, CRLF included: as many as Go's reader takes.
pub const LINE_LIMIT: usize = 4096;

/// Where in the coding the next byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chunked {
    /// At a chunk-size line.
    #[default]
    Size,
    /// At the CRLF behind the data of a chunk.
    End,
    /// At a line of the trailer section.
    Trailer,
    /// Behind the last CRLF.
    Done,
}

impl Chunked {
    /// Decides about the bytes that come next, of which `unseen` have come. Each answer covers
    /// at most one line and the data behind it.
    ///
    /// # Errors
    /// Lines that are not understood or too long.
    pub fn next(&mut self, unseen: &[u8]) -> Result<Next, Malformed> {
        match self {
            Self::Size => {
                let Some(line) = whole_line(unseen)? else {
                    return Ok(Next::More);
                };
                let data = read_size(line)?;
                *self = if data == 0 { Self::Trailer } else { Self::End };
                Ok(Next::Piece { framing: line.len() + 2, data })
            }
            Self::End => match unseen {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(Next::Piece { framing: 2, data: 0 })
                }
                [] | [b'\r'] => Ok(Next::More),
                _ => Err(Malformed::ChunkEnd),
            },
            Self::Trailer => {
                let Some(line) = whole_line(unseen)? else {
                    return Ok(Next::More);
                };
                if line.is_empty() {
                    *self = Self::Done;
                } else {
                    check_trailer(line)?;
                }
                Ok(Next::Piece { framing: line.len() + 2, data: 0 })
            }
            Self::Done => Ok(Next::Done),
        }
    }
}

/// The line that `bytes` begin with, without its CRLF, or `None` when its end has not come.
fn whole_line(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let seen = bytes.get(..LINE_LIMIT).unwrap_or(bytes);
    match memchr(b'\n', seen).and_then(|end| seen.get(..end)) {
        Some(line) => line.strip_suffix(b"\r").map(Some).ok_or(Malformed::BareLf),
        None if seen.len() == LINE_LIMIT => Err(Malformed::ChunkLineTooLong),
        None => Ok(None),
    }
}

/// Reads `chunk-size [ chunk-ext ]`: 1 to 16 hexadecimal digits, blanks as Go allows them behind
/// the size, and an extension that is passed on unread.
fn read_size(line: &[u8]) -> Result<u64, Malformed> {
    let (size, extension) = match memchr(b';', line) {
        Some(at) => line.split_at(at),
        None => (without_blanks_behind(line), [].as_slice()),
    };
    if size.is_empty() || size.len() > 16 || !extension.iter().all(|&byte| is_text(byte)) {
        return Err(Malformed::ChunkSize);
    }
    size.iter()
        .try_fold(0_u64, |number, &byte| {
            let digit = char::from(byte).to_digit(16)?;
            number.checked_mul(16)?.checked_add(u64::from(digit))
        })
        .ok_or(Malformed::ChunkSize)
}

/// `line` without blanks and TABs at its end; Go allows CR there too, which is odd enough to refuse.
fn without_blanks_behind(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !b" \t".contains(byte)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// Whether `byte` may stand in a field value or chunk extension: no control characters but TAB.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn check_trailer(line: &[u8]) -> Result<(), Malformed> {
    let mut slots = [httparse::EMPTY_HEADER; 1];
    let mut field = [0; LINE_LIMIT + 2];
    // httparse wants the empty line behind the field line, which may not have come yet.
    let end = line.len() + 4;
    let Some(whole) = field.get_mut(..end) else {
        return Err(Malformed::ChunkLineTooLong);
    };
    for (slot, &byte) in whole.iter_mut().zip(line.iter().chain(b"\r\n\r\n")) {
        *slot = byte;
    }
    match httparse::parse_headers(whole, &mut slots) {
        Ok(httparse::Status::Complete((used, _))) if used == end => Ok(()),
        _ => Err(Malformed::Trailer),
    }
}

#[cfg(test)]
mod tests;
