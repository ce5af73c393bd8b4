//! The lines of the chunked transfer coding (RFC 9112 §7.1).
//!
//! ```text
//! chunk = chunk-size [ chunk-ext ] CRLF  chunk-data CRLF     ... 0 CRLF  *( field-line CRLF )  CRLF
//!         └──────── ChunkSize ────────┘        ChunkEnd      ChunkSize   └──────── Trailer ─────────┘
//! ```

use memchr::memchr;

use super::Malformed;

/// Maximum length of a chunk-size or trailer line in bytes, CRLF included; the limit of Go's
/// reader.
pub const LINE_LIMIT: usize = 4096;

/// Returns the first line of `bytes` without its CRLF, or `None` while its end is missing.
pub(super) fn whole_line(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let seen = bytes.get(..LINE_LIMIT).unwrap_or(bytes);
    match memchr(b'\n', seen).and_then(|end| seen.get(..end)) {
        Some(line) => line.strip_suffix(b"\r").map(Some).ok_or(Malformed::BareLf),
        None if seen.len() == LINE_LIMIT => Err(Malformed::ChunkLineTooLong),
        None => Ok(None),
    }
}

/// Reads `chunk-size [ chunk-ext ]`: 1 to 16 hexadecimal digits, trailing blanks as in Go, and an
/// extension that passes uninterpreted.
pub(super) fn read_size(line: &[u8]) -> Result<u64, Malformed> {
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

/// Removes trailing spaces and TABs. Go removes CR too; here it is refused.
fn without_blanks_behind(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !b" \t".contains(byte)).map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// Returns `true` for bytes of a field value or chunk extension: TAB and all non-control
/// characters.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Checks a line of the trailer section, which must be a field line.
pub(super) fn check_trailer(line: &[u8]) -> Result<(), Malformed> {
    let mut slots = [httparse::EMPTY_HEADER; 1];
    let mut field = [0; LINE_LIMIT + 2];
    // httparse needs the empty line after the field line, which may not have arrived yet.
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
