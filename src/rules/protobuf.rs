//! Protocol Buffers messages as slices: their fields in order, and their encoding.
//!
//! What is read is read strictly. Numbers in more bytes than they need, groups and wire types that
//! do not exist are refused, because parsers could read them in two ways.

use super::Refusal;

/// The largest field number.
const LARGEST_NUMBER: u64 = (1 << 29) - 1;

/// Fields of one message. No build has a hundredth of them, and each costs up to 24 times its bytes while
/// it is looked at.
const FIELDS: usize = 64 * 1024;

/// One field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'m> {
    pub(super) number: u64,
    pub(super) value: Value<'m>,
    /// The whole field as it stands there.
    pub(super) text: &'m [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'m> {
    Varint(u64),
    /// Of 4 or 8 bytes.
    Fixed,
    /// A string, bytes, or a message.
    Bytes(&'m [u8]),
}

impl<'m> Field<'m> {
    /// The bytes of a field that may only be a string, bytes or a message.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn bytes(&self) -> Result<&'m [u8], Refusal> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Fixed => {
                Err(Refusal::Message("a field has another type than it should have"))
            }
        }
    }
}

/// The fields of `message`, in order.
///
/// # Errors
/// It is no message, or spelled oddly.
pub(super) fn fields(message: &[u8]) -> Result<Vec<Field<'_>>, Refusal> {
    let mut fields = Vec::new();
    let mut rest = message;
    while !rest.is_empty() {
        let begin = rest;
        let tag = varint(&mut rest)?;
        let number = tag >> 3;
        if number == 0 || number > LARGEST_NUMBER {
            return Err(Refusal::Message("a field has a number that does not exist"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Fixed)?,
            _ => return Err(Refusal::Message("a field is a group or of an unknown type")),
        };
        let text = begin.get(..begin.len() - rest.len()).unwrap_or_default();
        if fields.len() == FIELDS {
            return Err(Refusal::Message("it has too many fields"));
        }
        fields.push(Field { number, value, text });
    }
    Ok(fields)
}

/// An entry of a map with string keys: key and value, either of which may be missing.
///
/// # Errors
/// Anything but one key and one value in it.
pub(super) fn entry(message: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let mut key = None;
    let mut value = None;
    for field in fields(message)? {
        let place = match field.number {
            1 => &mut key,
            2 => &mut value,
            _ => return Err(Refusal::Message("an entry of a map has more than key and value")),
        };
        if place.replace(field.bytes()?).is_some() {
            return Err(Refusal::Message("an entry of a map has a key or value twice"));
        }
    }
    Ok((key.unwrap_or_default(), value.unwrap_or_default()))
}

/// Puts a field of bytes behind `message`.
pub(super) fn put(message: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    put_varint(message, number << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Puts an entry of a map behind `message`.
pub(super) fn put_entry(message: &mut Vec<u8>, number: u64, key: &[u8], value: &[u8]) {
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
    Err(Refusal::Message("a number is too large, or in more bytes than it needs"))
}

fn take<'m>(rest: &mut &'m [u8], length: impl TryInto<usize>) -> Result<&'m [u8], Refusal> {
    let cut = length.try_into().ok().and_then(|length| rest.split_at_checked(length));
    let (taken, behind) = cut.ok_or(Refusal::Message("it ends in the middle of a field"))?;
    *rest = behind;
    Ok(taken)
}

#[cfg(test)]
mod tests;
