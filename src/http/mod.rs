//! HTTP/1.1 as bytes: heads, field lines, message framing, request-targets (RFC 9110, RFC 9112).
//!
//! Everything here is a function from bytes to values. What is read is read strictly: a spelling
//! that the daemon's server (Go's net/http) and this parser could understand differently is
//! [`Malformed`], never repaired. What was understood is passed on by the caller as it came.

pub mod body;
pub mod chunked;
mod field;
pub mod head;
mod malformed;
pub mod render;
pub mod target;

pub use malformed::Malformed;
