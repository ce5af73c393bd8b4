//! Frames (RFC 9113 §4 and §6): their heads, the payloads that matter here, and the frames that the
//! proxy writes.

use super::Malformed;

/// The connection preface of a client (§3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame's head in bytes.
pub const HEAD: usize = 9;

/// Payload length that every peer accepts, in bytes (§4.2).
pub const USUAL_LENGTH: u32 = 16_384;

/// Maximum length of a field block in bytes, with the heads of its frames; the limit of the
/// daemon's server (Go's `DefaultMaxHeaderBytes`).
pub const BLOCK_LIMIT: usize = 1024 * 1024;

/// Flag of DATA and HEADERS: ends the stream.
pub const END_STREAM: u8 = 0x1;
/// Flag of SETTINGS: acknowledges them.
pub const ACK: u8 = 0x1;
/// Flag of HEADERS and CONTINUATION: ends the field block.
pub const END_HEADERS: u8 = 0x4;
/// Flag of DATA and HEADERS: the payload is padded.
pub const PADDED: u8 = 0x8;
/// Flag of HEADERS: a priority precedes the field block.
pub const PRIORITY: u8 = 0x20;

/// The type of a frame. A peer ignores frames of types that it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameType(pub u8);

#[expect(missing_docs, reason = "the names of RFC 9113")]
impl FrameType {
    pub const DATA: Self = Self(0x0);
    pub const HEADERS: Self = Self(0x1);
    pub const PRIORITY: Self = Self(0x2);
    pub const RST_STREAM: Self = Self(0x3);
    pub const SETTINGS: Self = Self(0x4);
    pub const PUSH_PROMISE: Self = Self(0x5);
    pub const PING: Self = Self(0x6);
    pub const GOAWAY: Self = Self(0x7);
    pub const WINDOW_UPDATE: Self = Self(0x8);
    pub const CONTINUATION: Self = Self(0x9);
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Length of the payload in bytes.
    pub length: u32,
    /// Its type.
    pub kind: FrameType,
    /// The flags, whose meaning depends on the type.
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl Head {
    /// Reads the head at the start of `bytes`; `None` while more bytes are needed.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk::<HEAD>()?;
        Some(Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind: FrameType(kind),
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        })
    }

    /// Checks the head alone: at most `limit` bytes of payload, the length that the type requires,
    /// and a stream exactly where the type requires one.
    ///
    /// # Errors
    /// The first rule that is violated.
    pub fn check(&self, limit: u32) -> Result<(), Malformed> {
        if self.length > limit {
            return Err(Malformed::FrameSize);
        }
        let is_stream = self.stream != 0;
        let (fits, stands) = match self.kind {
            FrameType::DATA
            | FrameType::HEADERS
            | FrameType::PUSH_PROMISE
            | FrameType::CONTINUATION => (true, is_stream),
            FrameType::PRIORITY => (self.length == 5, is_stream),
            FrameType::RST_STREAM => (self.length == 4, is_stream),
            FrameType::SETTINGS if self.has(ACK) => (self.length == 0, !is_stream),
            FrameType::SETTINGS => (self.length.is_multiple_of(6), !is_stream),
            FrameType::PING => (self.length == 8, !is_stream),
            FrameType::GOAWAY => (self.length >= 8, !is_stream),
            FrameType::WINDOW_UPDATE => (self.length == 4, true),
            _ => (true, true),
        };
        match (fits, stands) {
            (false, _) => Err(Malformed::FrameLength),
            (true, false) => Err(Malformed::Stream),
            (true, true) => Ok(()),
        }
    }

    /// Returns `true` if the flag is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Returns the head as bytes.
    #[must_use]
    pub fn write(&self) -> [u8; HEAD] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind.0, self.flags, s0, s1, s2, s3]
    }
}

/// Returns the payload of a DATA or HEADERS frame without padding and, for HEADERS, priority.
///
/// # Errors
/// More padding than payload.
pub fn content<'p>(head: &Head, payload: &'p [u8]) -> Result<&'p [u8], Malformed> {
    let mut content = payload;
    if head.has(PADDED) {
        let (padding, rest) = payload.split_first().ok_or(Malformed::Padding)?;
        let length = rest.len().checked_sub(usize::from(*padding)).ok_or(Malformed::Padding)?;
        content = rest.get(..length).unwrap_or_default();
    }
    if head.kind == FrameType::HEADERS && head.has(PRIORITY) {
        content = content.get(5..).ok_or(Malformed::Padding)?;
    }
    Ok(content)
}

/// The settings of a SETTINGS frame that matter here; `None` for those it does not contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// `SETTINGS_HEADER_TABLE_SIZE`.
    pub table_size: Option<u32>,
    /// `SETTINGS_INITIAL_WINDOW_SIZE`.
    pub initial_window: Option<u32>,
    /// `SETTINGS_MAX_FRAME_SIZE`.
    pub frame_size: Option<u32>,
}

impl Settings {
    /// Reads the payload of a SETTINGS frame. The last of repeated settings counts, except that the
    /// largest table size is returned.
    ///
    /// # Errors
    /// A value that is not allowed.
    pub fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut settings = Self::default();
        for [i0, i1, v0, v1, v2, v3] in payload.as_chunks::<6>().0 {
            let value = u32::from_be_bytes([*v0, *v1, *v2, *v3]);
            match u16::from_be_bytes([*i0, *i1]) {
                0x1 => settings.table_size = settings.table_size.max(Some(value)),
                0x4 if value > 0x7fff_ffff => return Err(Malformed::Setting),
                0x4 => settings.initial_window = Some(value),
                0x5 if !(USUAL_LENGTH..=0xff_ffff).contains(&value) => {
                    return Err(Malformed::Setting);
                }
                0x5 => settings.frame_size = Some(value),
                _ => {}
            }
        }
        Ok(settings)
    }
}

/// Returns the increment of a `WINDOW_UPDATE` payload.
///
/// # Errors
/// A short payload; an increment of 0.
pub fn increment(payload: &[u8]) -> Result<u32, Malformed> {
    let bytes = payload.first_chunk().ok_or(Malformed::FrameLength)?;
    match u32::from_be_bytes(*bytes) & 0x7fff_ffff {
        0 => Err(Malformed::Window),
        increment => Ok(increment),
    }
}

/// Builds a frame. The payload must be shorter than 2²⁴ bytes.
#[must_use]
pub fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&Head { length, kind, flags, stream }.write(), payload].concat()
}

/// Builds a `WINDOW_UPDATE`.
#[must_use]
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(FrameType::WINDOW_UPDATE, 0, stream, &increment.to_be_bytes())
}

/// Builds a GOAWAY: streams up to `last` may have been processed. `why` is debug data for people.
#[must_use]
pub fn goaway(last: u32, code: u32, why: &str) -> Vec<u8> {
    let payload = [&last.to_be_bytes(), &code.to_be_bytes(), why.as_bytes()].concat();
    frame(FrameType::GOAWAY, 0, 0, &payload)
}

#[cfg(test)]
mod tests;
