//! The Huffman code of HPACK (RFC 7541 §5.2), decoded bit by bit.

use std::sync::LazyLock;

use super::Malformed;
use super::tables::LENGTHS;

/// The codes of one length.
#[derive(Debug, Clone, Default)]
struct Row {
    /// The first code.
    first: u32,
    /// The symbols in order of their codes.
    symbols: Vec<u16>,
}

/// The codes by length; row 0 is empty.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let longest = LENGTHS.iter().max().copied().unwrap_or_default();
    let mut code = 0;
    let row = |length: u8| {
        let of_length = (0..).zip(LENGTHS).filter(|(_, bits)| *bits == length);
        let symbols: Vec<u16> = of_length.map(|(symbol, _)| symbol).collect();
        code *= 2;
        let row = Row { first: code, symbols };
        code += u32::try_from(row.symbols.len()).unwrap_or_default();
        row
    };
    (0..=longest).map(row).collect()
});

/// Decodes `coded` and appends the result to `text`.
///
/// # Errors
/// An EOS symbol, or padding that is not less than 8 bits of ones.
pub(super) fn decode(coded: &[u8], text: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rows = ROWS.iter();
    rows.next();
    let mut code = 0;
    let mut pending = 0;
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))) {
        let row = rows.next();
        code = code * 2 + bit;
        pending += 1;
        let symbol = row.and_then(|row| {
            let index = usize::try_from(code.checked_sub(row.first)?).ok()?;
            row.symbols.get(index)
        });
        if let Some(symbol) = symbol {
            text.push(u8::try_from(*symbol).map_err(|_| Malformed::Compression)?);
            rows = ROWS.iter();
            rows.next();
            code = 0;
            pending = 0;
        } else if row.is_none() {
            return Err(Malformed::Compression);
        }
    }
    let ones = (1 << pending) - 1;
    if pending > 7 || code != ones {
        return Err(Malformed::Compression);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
