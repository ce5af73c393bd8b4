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
mod tests {
    use super::*;

    /// The content of a chunked body, and the bytes behind it.
    fn decode(mut bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Option<Malformed>> {
        let mut chunked = Chunked::default();
        let mut content = Vec::new();
        loop {
            match chunked.next(bytes).map_err(Some)? {
                Next::Piece { framing, data } => {
                    let data = usize::try_from(data).map_err(|_| None)?;
                    content.extend_from_slice(bytes.get(framing..framing + data).ok_or(None)?);
                    bytes = &bytes[framing + data..];
                }
                Next::More => return Err(None),
                Next::Done => return Ok((content, bytes)),
                Next::Everything => unreachable!("a chunked body has an end"),
            }
        }
    }

    #[test]
    fn chunks_extensions_and_trailers_are_read() {
        let bytes = b"5\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n00A \r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\nGET";
        assert_eq!(decode(bytes), Ok((b"hello world0123456789".to_vec(), b"GET".as_slice())));
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        let cases: [(&[u8], Malformed); 16] = [
            (b"5\nhello\r\n", Malformed::BareLf),
            (b"+5\r\nhello\r\n", Malformed::ChunkSize),
            (b"0x5\r\nhello\r\n", Malformed::ChunkSize),
            (b" 5\r\nhello\r\n", Malformed::ChunkSize),
            (b"5 ;a\r\nhello\r\n", Malformed::ChunkSize),
            (b"5\x0c\r\nhello\r\n", Malformed::ChunkSize),
            (b"5\r\r\nhello\r\n", Malformed::ChunkSize),
            (b"5;a\x01\r\nhello\r\n", Malformed::ChunkSize),
            (b"\r\n", Malformed::ChunkSize),
            (b"-1\r\n", Malformed::ChunkSize),
            (b"00000000000000001\r\n", Malformed::ChunkSize),
            (b"5\r\nhellooo\r\n", Malformed::ChunkEnd),
            (b"5\r\nhello\n0\r\n\r\n", Malformed::ChunkEnd),
            (b"0\r\nno field\r\n\r\n", Malformed::Trailer),
            (b"0\r\n folded: x\r\n\r\n", Malformed::Trailer),
            (b"0\r\na : x\r\n\r\n", Malformed::Trailer),
        ];
        for (bytes, error) in cases {
            assert_eq!(decode(bytes), Err(Some(error)), "{:?}", bytes.escape_ascii().to_string());
        }
        let mut long = b"1;".to_vec();
        long.resize(LINE_LIMIT, b'x');
        assert_eq!(decode(&long), Err(Some(Malformed::ChunkLineTooLong)));
    }

    #[test]
    fn any_beginning_of_a_good_body_asks_for_more() {
        let bytes = b"5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), Err(None), "cut at {cut}");
        }
    }
}
