//! Protocol Buffers messages as slices: fields in order, and their encoding.
//!
//! Parsing is strict. Overlong numbers, groups and unknown wire types are refused, because parsers
//! could disagree about them.

use crate::rules::{Reason, Refusal};

/// The largest field number.
const LARGEST_NUMBER: u64 = (1 << 29) - 1;

/// Maximum number of fields of a message. Builds have less than a hundredth of it, and each field
/// costs up to 24 times its bytes while it is processed.
const FIELDS: usize = 64 * 1024;

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) struct Field<'m> {
    pub(in crate::rules) number: u64,
    pub(in crate::rules) value: Value<'m>,
    /// The whole field as encoded.
    pub(in crate::rules) text: &'m [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Value<'m> {
    Varint(u64),
    /// A value of 4 or 8 bytes.
    Fixed,
    /// A string, bytes, or a message.
    Bytes(&'m [u8]),
}

impl<'m> Field<'m> {
    /// Returns the bytes of a string, bytes or message field.
    ///
    /// # Errors
    /// A field of another type.
    pub(in crate::rules) fn bytes(&self) -> Result<&'m [u8], Refusal> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Fixed => Err(odd_type()),
        }
    }

    /// Returns the number of a boolean, enum or integer field.
    ///
    /// # Errors
    /// A field of another type.
    pub(in crate::rules) fn number(&self) -> Result<u64, Refusal> {
        match self.value {
            Value::Varint(number) => Ok(number),
            Value::Bytes(_) | Value::Fixed => Err(odd_type()),
        }
    }
}

/// Returns the fields of `message` in order.
///
/// # Errors
/// A malformed message, or one that parsers could read differently.
pub(in crate::rules) fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, Refusal> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let begin = rest;
        let tag = varint(&mut rest)?;
        let number = tag >> 3;
        if number == 0 || number > LARGEST_NUMBER {
            return Err(odd_message("a field has a number that does not exist"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return Err(odd_message("a field is a group or of an unknown type")),
        };
        let text = begin.get(..begin.len() - rest.len()).unwrap_or_default();
        if fields.len() == FIELDS {
            return Err(odd_message("it has too many fields"));
        }
        fields.push(Field { number, value, text });
    }
    Ok(fields)
}

/// Returns key and value of a map entry with string keys; a missing one is empty.
///
/// # Errors
/// Fields other than one key and one value.
pub(in crate::rules) fn entry(message: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let mut key = None;
    let mut value = None;
    for field in fields(message)? {
        let place = match field.number {
            1 => &mut key,
            2 => &mut value,
            _ => return Err(odd_message("an entry of a map has more than key and value")),
        };
        if place.replace(field.bytes()?).is_some() {
            return Err(odd_message("an entry of a map has a key or value twice"));
        }
    }
    Ok((key.unwrap_or_default(), value.unwrap_or_default()))
}

/// Appends a bytes field to `message`.
pub(in crate::rules) fn put(message: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(message, number << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Appends a map entry to `message`.
pub(in crate::rules) fn put_entry(message: &mut Vec<u8>, number: u64, key: &[u8], value: &[u8]) {
    let mut entry = Vec::with_capacity(key.len() + value.len() + 16);
    put(&mut entry, 1, key);
    put(&mut entry, 2, value);
    put(message, number, &entry);
}

fn put_varint(message: &mut Vec<u8>, value: u64) {
    let mut rest = value;
    while rest > 0x7f {
        message.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    message.push(rest.to_le_bytes()[0]);
}

fn varint(rest: &mut &[u8]) -> Result<u64, Refusal> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = take(rest, 1)?.first().copied().unwrap_or_default();
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            if byte == 0 && shift > 0 {
                break;
            }
            return Ok(value);
        }
    }
    Err(odd_message("a number is too large, or in more bytes than it needs"))
}

fn take<'m>(rest: &mut &'m [u8], length: impl TryInto<usize>) -> Result<&'m [u8], Refusal> {
    let cut = length.try_into().ok().and_then(|length| rest.split_at_checked(length));
    let (taken, behind) = cut.ok_or_else(|| odd_message("it ends in the middle of a field"))?;
    *rest = behind;
    Ok(taken)
}

fn odd_type() -> Refusal {
    odd_message("a field has another type than it should have")
}

/// Refuses a malformed message of BuildKit; `what` names the fault.
#[must_use]
pub fn odd_message(what: &str) -> Refusal {
    let text = format!("the message of this BuildKit call cannot be labelled or checked: {what}");
    Refusal::new(Reason::BuildMessage, text)
}

#[cfg(test)]
mod tests;
