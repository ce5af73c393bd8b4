//! The log on standard error: the lines, their two forms, and a reader that may stop reading.

pub(super) mod access;
mod format;
pub(super) mod recent;
mod stderr;

pub use format::start;
