//! Errors in HTTP/2, worded for the reader of the log.

use std::fmt;

/// Bytes that this parser and the daemon's HTTP/2 server could read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The connection does not begin with the client's preface (RFC 9113 §3.4).
    Preface,
    /// The first frame is not SETTINGS.
    NoSettings,
    /// A frame is longer than the other side allows.
    FrameSize,
    /// A frame does not have the length that its type requires.
    FrameLength,
    /// A connection frame on a stream, or a stream frame on the connection.
    Stream,
    /// A stream is opened with a number that a client may not use or has used before.
    StreamNumber,
    /// More padding than payload.
    Padding,
    /// Another frame inside a field block, or a CONTINUATION outside of one.
    Continuation,
    /// A field block is longer than [`BLOCK_LIMIT`](super::frame::BLOCK_LIMIT).
    BlockTooLong,
    /// A field block that cannot be decompressed.
    Compression,
    /// A `PUSH_PROMISE` of a client.
    Push,
    /// A setting with a value that is not allowed.
    Setting,
    /// DATA beyond the window, a window beyond its maximum, or an increment of 0.
    Window,
    /// DATA on a stream that its sender has ended.
    Ended,
    /// Too many open calls.
    ManyCalls,
}

impl Malformed {
    /// Returns the error code for GOAWAY (RFC 9113 §7).
    #[must_use]
    pub fn code(self) -> u32 {
        self.row().0
    }

    /// Returns the error code and the words.
    #[rustfmt::skip]
    fn row(self) -> (u32, &'static str) {
        match self {
            Self::Preface => (0x1, "it does not begin with the preface of HTTP/2"),
            Self::NoSettings => (0x1, "its first frame is not SETTINGS"),
            Self::FrameSize => (0x6, "a frame is longer than the other side allows"),
            Self::FrameLength => (0x6, "a frame does not have the length of its type"),
            Self::Stream => (0x1, "a frame of this type cannot stand on this stream"),
            Self::StreamNumber => (0x1, "a stream is opened with a number that is not a new odd one"),
            Self::Padding => (0x1, "a frame has more padding than bytes"),
            Self::Continuation => (0x1, "a field block is interrupted, or goes on without a beginning"),
            Self::BlockTooLong => (0xb, "a field block is longer than 1 MiB"),
            Self::Compression => (0x9, "a field block cannot be decompressed"),
            Self::Push => (0x1, "a client cannot promise a push"),
            Self::Setting => (0x1, "a setting has a value that is not allowed"),
            Self::Window => (0x3, "a flow-control window is violated"),
            Self::Ended => (0x5, "DATA after the end of their stream"),
            Self::ManyCalls => (0xb, "too many calls are open at once"),
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.row().1)
    }
}

impl std::error::Error for Malformed {}
