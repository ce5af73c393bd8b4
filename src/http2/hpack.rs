//! Field blocks (RFC 7541): a full decoder for clients' blocks, and an encoder without compression.

use std::collections::VecDeque;

use super::Malformed;
use super::huffman;
use super::tables::STATIC;

/// Initial size of the dynamic table (RFC 9113 §6.5.2).
const USUAL_SIZE: usize = 4096;

/// Size of an entry beyond its bytes (§4.1).
const ENTRY: usize = 32;

/// A field as name and value.
type Field = (Vec<u8>, Vec<u8>);

/// Decodes the field blocks of one direction.
#[derive(Debug)]
pub struct Decoder {
    /// The entries, newest first.
    dynamic: VecDeque<Field>,
    /// The size of all entries.
    size: usize,
    /// The table size that the encoder has chosen.
    most: usize,
    /// The largest table size that the encoder may choose.
    allowed: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { dynamic: VecDeque::new(), size: 0, most: USUAL_SIZE, allowed: USUAL_SIZE }
    }
}

impl Decoder {
    /// Allows a table of this size (`SETTINGS_HEADER_TABLE_SIZE`).
    ///
    /// Sizes that were allowed before stay allowed: the encoder may not know of the change yet.
    pub fn allow(&mut self, size: u32) {
        self.allowed = self.allowed.max(usize::try_from(size).unwrap_or(usize::MAX));
    }

    /// Decodes a whole field block and calls `each` with the name and value of each field.
    ///
    /// # Errors
    /// A block that cannot be decompressed; later blocks cannot be decoded either.
    pub fn decode(
        &mut self,
        block: &[u8],
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), Malformed> {
        let mut rest = Reader(block);
        let mut begun = false;
        while let Some(first) = rest.0.first().copied() {
            match first {
                0x80.. => {
                    let (name, value) = self.entry(rest.integer(7)?)?;
                    each(name, value);
                }
                0x40.. => {
                    let (name, value) = self.literal(&mut rest, 6)?;
                    each(&name, &value);
                    self.insert(name, value);
                }
                0x20.. if begun => return Err(Malformed::Compression),
                0x20.. => {
                    self.resize(rest.integer(5)?)?;
                    continue;
                }
                _ => {
                    let (name, value) = self.literal(&mut rest, 4)?;
                    each(&name, &value);
                }
            }
            begun = true;
        }
        Ok(())
    }

    /// Returns the entry of the static or dynamic table at `index` (§2.3.3).
    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Malformed> {
        let index = index.checked_sub(1).ok_or(Malformed::Compression)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let (name, value) = self.dynamic.get(index - STATIC.len()).ok_or(Malformed::Compression)?;
        Ok((name, value))
    }

    /// Reads a field with a literal value and a literal or indexed name (§6.2).
    fn literal(&self, rest: &mut Reader<'_>, prefix: u8) -> Result<Field, Malformed> {
        let name = match rest.integer(prefix)? {
            0 => rest.string()?,
            index => self.entry(index)?.0.to_vec(),
        };
        Ok((name, rest.string()?))
    }

    fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        self.size += name.len() + value.len() + ENTRY;
        self.dynamic.push_front((name, value));
        self.evict();
    }

    fn resize(&mut self, size: usize) -> Result<(), Malformed> {
        if size > self.allowed {
            return Err(Malformed::Compression);
        }
        self.most = size;
        self.evict();
        Ok(())
    }

    fn evict(&mut self) {
        while self.size > self.most
            && let Some((name, value)) = self.dynamic.pop_back()
        {
            self.size -= name.len() + value.len() + ENTRY;
        }
    }
}

/// The unread rest of a block.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.0.split_first().ok_or(Malformed::Compression)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn bytes(&mut self, length: usize) -> Result<&'b [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed::Compression)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Reads an integer from the last `prefix` bits of a byte and the bytes after it (§5.1).
    /// Values of 2²⁸ and more beyond the prefix are errors.
    fn integer(&mut self, prefix: u8) -> Result<usize, Malformed> {
        let mask = (1 << prefix) - 1;
        let mut value = usize::from(self.byte()?) & mask;
        if value < mask {
            return Ok(value);
        }
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::Compression)
    }

    /// Reads a string (§5.2).
    fn string(&mut self) -> Result<Vec<u8>, Malformed> {
        let coded = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        let bytes = self.bytes(length)?;
        if !coded {
            return Ok(bytes.to_vec());
        }
        let mut text = Vec::new();
        huffman::decode(bytes, &mut text)?;
        Ok(text)
    }
}

/// Encodes a field block that leaves the reader's table unchanged: literals without indexing, with
/// literal names.
#[must_use]
pub fn encode(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// Encodes `value` as an integer with a 7-bit prefix (§5.1).
fn integer(block: &mut Vec<u8>, value: usize) {
    let Some(mut rest) = value.checked_sub(0x7f) else {
        return block.push(low_bits(value));
    };
    block.push(0x7f);
    while rest > 0x7f {
        block.push(low_bits(rest) | 0x80);
        rest >>= 7;
    }
    block.push(low_bits(rest));
}

fn low_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests;
