//! Frames (RFC 9113 §4 and §6): their heads, the few payloads that matter here, and those that we
//! write ourselves.

use super::Malformed;

/// What a client says first (§3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head.
pub const HEAD: usize = 9;

/// Bytes of payload that every peer takes in one frame (§4.2).
pub const USUAL_LENGTH: u32 = 16_384;

/// Bytes of a field block with the heads of its frames: as many as the daemon's server reads of
/// fields (Go's `DefaultMaxHeaderBytes`).
pub const BLOCK_LIMIT: usize = 1024 * 1024;

/// Ends the stream, in DATA and HEADERS.
pub const END_STREAM: u8 = 0x1;
/// Answers, in SETTINGS.
pub const ACK: u8 = 0x1;
/// Ends the field block.
pub const END_HEADERS: u8 = 0x4;
/// The payload is padded.
pub const PADDED: u8 = 0x8;
/// HEADERS begin with a priority.
pub const PRIORITY: u8 = 0x20;

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of RFC 9113")]
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    /// One of an extension; who does not know it ignores it.
    Other(u8),
}

impl Kind {
    fn of(code: u8) -> Self {
        match code {
            0x0 => Self::Data,
            0x1 => Self::Headers,
            0x2 => Self::Priority,
            0x3 => Self::RstStream,
            0x4 => Self::Settings,
            0x5 => Self::PushPromise,
            0x6 => Self::Ping,
            0x7 => Self::Goaway,
            0x8 => Self::WindowUpdate,
            0x9 => Self::Continuation,
            other => Self::Other(other),
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Data => 0x0,
            Self::Headers => 0x1,
            Self::Priority => 0x2,
            Self::RstStream => 0x3,
            Self::Settings => 0x4,
            Self::PushPromise => 0x5,
            Self::Ping => 0x6,
            Self::Goaway => 0x7,
            Self::WindowUpdate => 0x8,
            Self::Continuation => 0x9,
            Self::Other(code) => code,
        }
    }
}

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Bytes of payload behind it.
    pub length: u32,
    /// Its type.
    pub kind: Kind,
    /// What its type makes of them.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
}

impl Head {
    /// The head that `bytes` begins with, or `None` when more bytes are needed.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *bytes.first_chunk::<HEAD>()?;
        Some(Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind: Kind::of(kind),
            flags,
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        })
    }

    /// Checks what can be told from the head alone: at most `limit` bytes of payload, the length
    /// that the type wants, a stream where there must be one and none where there must not.
    ///
    /// # Errors
    /// It is not so.
    pub fn check(&self, limit: u32) -> Result<(), Malformed> {
        if self.length > limit {
            return Err(Malformed::FrameSize);
        }
        let fits = match self.kind {
            Kind::Priority => self.length == 5,
            Kind::RstStream | Kind::WindowUpdate => self.length == 4,
            Kind::Ping => self.length == 8,
            Kind::Settings if self.has(ACK) => self.length == 0,
            Kind::Settings => self.length.is_multiple_of(6),
            Kind::Goaway => self.length >= 8,
            Kind::Data
            | Kind::Headers
            | Kind::PushPromise
            | Kind::Continuation
            | Kind::Other(_) => true,
        };
        if !fits {
            return Err(Malformed::FrameLength);
        }
        let stands = match self.kind {
            Kind::Data
            | Kind::Headers
            | Kind::Priority
            | Kind::RstStream
            | Kind::PushPromise
            | Kind::Continuation => self.stream != 0,
            Kind::Settings | Kind::Ping | Kind::Goaway => self.stream == 0,
            Kind::WindowUpdate | Kind::Other(_) => true,
        };
        if stands { Ok(()) } else { Err(Malformed::Stream) }
    }

    /// Whether the flag is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The head as bytes.
    #[must_use]
    pub fn write(&self) -> [u8; HEAD] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind.code(), self.flags, s0, s1, s2, s3]
    }
}

/// The payload of a DATA or HEADERS frame without its padding and, for HEADERS, its priority.
///
/// # Errors
/// There is more padding than payload.
pub fn content<'p>(head: &Head, payload: &'p [u8]) -> Result<&'p [u8], Malformed> {
    let mut content = payload;
    if head.has(PADDED) {
        let (padding, rest) = payload.split_first().ok_or(Malformed::Padding)?;
        let length = rest.len().checked_sub(usize::from(*padding)).ok_or(Malformed::Padding)?;
        content = rest.get(..length).unwrap_or_default();
    }
    if head.kind == Kind::Headers && head.has(PRIORITY) {
        content = content.get(5..).ok_or(Malformed::Padding)?;
    }
    Ok(content)
}

/// What the settings of a SETTINGS frame say that matters here; `None` where they do not.
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
    /// Reads the payload of a SETTINGS frame. Of a setting that stands there twice the last one
    /// counts, but the largest table that was ever allowed is told.
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

/// By how much the payload of a `WINDOW_UPDATE` opens a window.
///
/// # Errors
/// By nothing.
pub fn increment(payload: &[u8]) -> Result<u32, Malformed> {
    let bytes = payload.first_chunk().ok_or(Malformed::FrameLength)?;
    match u32::from_be_bytes(*bytes) & 0x7fff_ffff {
        0 => Err(Malformed::Window),
        increment => Ok(increment),
    }
}

/// A frame with this payload, which is not longer than 2²⁴.
#[must_use]
pub fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&Head { length, kind, flags, stream }.write(), payload].concat()
}

/// A `WINDOW_UPDATE`.
#[must_use]
pub fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(Kind::WindowUpdate, 0, stream, &increment.to_be_bytes())
}

/// A GOAWAY: streams up to `last` may have been seen; `why` is for people.
#[must_use]
pub fn goaway(last: u32, code: u32, why: &str) -> Vec<u8> {
    let payload = [&last.to_be_bytes(), &code.to_be_bytes(), why.as_bytes()].concat();
    frame(Kind::Goaway, 0, 0, &payload)
}

#[cfg(test)]
mod tests;
