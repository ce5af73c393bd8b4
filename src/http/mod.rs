//! HTTP/1.1 as bytes: heads, field lines, message framing, request-targets (RFC 9110, RFC 9112).
//!
//! Everything here is a function from bytes to values. Parsing is strict: a spelling that the
//! daemon's server (Go's net/http) and this parser could read differently is [`Malformed`], never
//! repaired. The caller forwards what was parsed unchanged.

pub mod body;
pub mod chunked;
mod field;
pub mod gather;
pub mod head;
mod malformed;
pub mod render;
pub mod reply;
pub mod target;

pub use malformed::Malformed;
