//! Errors in HTTP messages, worded for the reader of the response.

use std::fmt;

/// A message that this parser and the daemon's HTTP server could read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The first byte cannot begin an HTTP message.
    Start,
    /// The connection preface of HTTP/2 with prior knowledge (RFC 9113 §3.4).
    Http2Preface,
    /// A line that ends in LF without CR.
    BareLf,
    /// A start line or field line that the grammar does not allow.
    Syntax(httparse::Error),
    /// The head is longer than [`head::LIMIT`](super::head::LIMIT).
    HeadTooLong,
    /// `Content-Length` is not a plain decimal number that fits.
    Length,
    /// Several `Content-Length` fields, or a list in one.
    ManyLengths,
    /// `Content-Length` beside `Transfer-Encoding`.
    LengthAndEncoding,
    /// A transfer coding other than one `chunked`.
    TransferCoding,
    /// `Transfer-Encoding` in an HTTP/1.0 message.
    EncodingInHttp10,
    /// A chunk-size line that is not hexadecimal digits with an optional extension.
    ChunkSize,
    /// A chunk-size line or trailer line longer than [`chunked::LINE_LIMIT`](super::chunked::LINE_LIMIT).
    ChunkLineTooLong,
    /// The data of a chunk are not followed by CRLF.
    ChunkEnd,
    /// A line of the trailer section that is not a field line.
    Trailer,
    /// A request-target whose path cannot be percent-decoded.
    Escape,
}

impl fmt::Display for Malformed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Start => "it does not begin with a request line or status line",
            Self::Http2Preface => {
                "it begins with the HTTP/2 preface; only HTTP/1.1 is spoken on this socket"
            }
            Self::BareLf => "a line ends in a bare LF, CRLF is wanted",
            Self::Syntax(error) => return write!(out, "{error} in its head"),
            Self::HeadTooLong => "its head is longer than 1 MiB",
            Self::Length => "its Content-Length is not a plain decimal number",
            Self::ManyLengths => "it has more than one Content-Length",
            Self::LengthAndEncoding => "it has both Content-Length and Transfer-Encoding",
            Self::TransferCoding => "its Transfer-Encoding is not exactly \"chunked\"",
            Self::EncodingInHttp10 => "it is HTTP/1.0 and has a Transfer-Encoding",
            Self::ChunkSize => "a chunk size is not a plain hexadecimal number",
            Self::ChunkLineTooLong => "a chunk-size line or trailer line is longer than 4 KiB",
            Self::ChunkEnd => "the data of a chunk are not followed by CRLF",
            Self::Trailer => "a line of its trailer section is not a field line",
            Self::Escape => "its request-target has a bad percent-escape",
        };
        out.write_str(words)
    }
}

impl std::error::Error for Malformed {}
