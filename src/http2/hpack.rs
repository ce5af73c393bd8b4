//! Field blocks (RFC 7541): a decoder for what a client sends, and the plainest possible encoding
//! for what we say ourselves.

use std::collections::VecDeque;

use super::Malformed;
use super::huffman;
use super::tables::STATIC;

/// The size of the dynamic table until the decoder's side says otherwise (RFC 9113 §6.5.2).
const USUAL_SIZE: usize = 4096;

/// What each entry takes besides its bytes (§4.1).
const ENTRY: usize = 32;

/// A field, by its name and value.
type Field = (Vec<u8>, Vec<u8>);

/// Follows the field blocks of one direction.
#[derive(Debug)]
pub struct Decoder {
    /// The newest entry first.
    dynamic: VecDeque<Field>,
    /// The size of all entries.
    size: usize,
    /// The size that the encoder has chosen.
    most: usize,
    /// The size that it may choose.
    allowed: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { dynamic: VecDeque::new(), size: 0, most: USUAL_SIZE, allowed: USUAL_SIZE }
    }
}

impl Decoder {
    /// The side that decodes allows a table of this size from now on (`SETTINGS_HEADER_TABLE_SIZE`).
    ///
    /// One that was allowed before stays so for us: when the encoder learns of the change is
    /// between the two.
    pub fn allow(&mut self, size: u32) {
        self.allowed = self.allowed.max(usize::try_from(size).unwrap_or(usize::MAX));
    }

    /// Reads a whole field block, and shows name and value of each field in it.
    ///
    /// # Errors
    /// A block that cannot be decompressed; nothing can be read behind it.
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

    /// The entry of an index of the static and the dynamic table (§2.3.3).
    fn entry(&self, index: usize) -> Result<(&[u8], &[u8]), Malformed> {
        let index = index.checked_sub(1).ok_or(Malformed::Compression)?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes(), value.as_bytes()));
        }
        let (name, value) = self.dynamic.get(index - STATIC.len()).ok_or(Malformed::Compression)?;
        Ok((name, value))
    }

    /// A field whose value, and perhaps whose name, stands there (§6.2).
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

/// What of a block is still to be read.
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

    /// An integer in the last `prefix` bits of a byte and those behind it (§5.1), below 2²⁸.
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

    /// A string (§5.2).
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

/// A field block that changes nothing in the table of who reads it: literals without indexing,
/// their names spelled out.
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

/// `value` as an integer of 7 bits and more (§5.1).
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
