//! HTTP/2 as bytes: frames, field blocks, flow control (RFC 9113, RFC 7541).
//!
//! Everything here is a function from bytes to values. Only what a proxy needs that changes some
//! messages of some streams and lets the rest pass is here; what is read is read strictly.

pub mod frame;
pub mod hpack;
mod huffman;
mod malformed;
mod tables;
pub mod window;

pub use malformed::Malformed;
