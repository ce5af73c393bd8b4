//! What can be wrong with HTTP/2, in words for the person who reads the log.

use std::fmt;

/// Bytes that are not understood exactly as the daemon's HTTP/2 server would understand them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The connection does not begin with the client's preface (RFC 9113 §3.4).
    Preface,
    /// The first frame is not SETTINGS.
    NoSettings,
    /// A frame is longer than the other side allows.
    FrameSize,
    /// A frame does not have the length that its type wants.
    FrameLength,
    /// A frame of a connection on a stream, or one of a stream on the connection.
    Stream,
    /// A stream is opened with a number that a client may not use, or that was used before.
    StreamNumber,
    /// More padding than there is room for.
    Padding,
    /// Another frame within a field block, or a CONTINUATION without one.
    Continuation,
    /// A field block is longer than [`BLOCK_LIMIT`](super::frame::BLOCK_LIMIT).
    BlockTooLong,
    /// A field block that cannot be decompressed.
    Compression,
    /// A `PUSH_PROMISE` of a client.
    Push,
    /// A value of a setting that is not allowed.
    Setting,
    /// DATA for which there is no room, or a window that grows too large or by nothing.
    Window,
    /// DATA on a stream that its sender has ended.
    Ended,
    /// More calls at once than any client makes.
    ManyCalls,
}

impl Malformed {
    /// The error code that a GOAWAY tells (RFC 9113 §7).
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Preface
            | Self::NoSettings
            | Self::Stream
            | Self::StreamNumber
            | Self::Padding
            | Self::Continuation
            | Self::Push
            | Self::Setting => 0x1,
            Self::Window => 0x3,
            Self::Ended => 0x5,
            Self::FrameSize | Self::FrameLength => 0x6,
            Self::Compression => 0x9,
            Self::BlockTooLong | Self::ManyCalls => 0xb,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Preface => "it does not begin with the preface of HTTP/2",
            Self::NoSettings => "its first frame is not SETTINGS",
            Self::FrameSize => "a frame is longer than the other side allows",
            Self::FrameLength => "a frame does not have the length of its type",
            Self::Stream => "a frame of this type cannot stand on this stream",
            Self::StreamNumber => "a stream is opened with a number that is not a new odd one",
            Self::Padding => "a frame has more padding than bytes",
            Self::Continuation => "a field block is interrupted, or goes on without a beginning",
            Self::BlockTooLong => "a field block is longer than 1 MiB",
            Self::Compression => "a field block cannot be decompressed",
            Self::Push => "a client cannot promise a push",
            Self::Setting => "a setting has a value that is not allowed",
            Self::Window => "a window of flow control is not kept to",
            Self::Ended => "DATA come behind the end of their stream",
            Self::ManyCalls => "too many calls are open at once",
        })
    }
}

impl std::error::Error for Malformed {}
