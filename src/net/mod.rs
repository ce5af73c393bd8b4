//! Sockets.

pub mod ask;
pub mod listener;
