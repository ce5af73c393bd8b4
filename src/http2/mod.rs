//! HTTP/2 as bytes: frames, field blocks, flow control (RFC 9113, RFC 7541).
//!
//! Everything here is a function from bytes to values, limited to what a proxy needs that rewrites
//! some messages and passes the rest. Parsing is strict.

pub mod frame;
pub mod hpack;
mod huffman;
mod malformed;
mod tables;
pub mod window;

pub use malformed::Malformed;
