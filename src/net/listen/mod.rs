//! Listening sockets: made by this program, or passed to it.

pub mod activation;
pub mod jobs;
pub(super) mod listeners;
pub mod socket;

pub use socket::Listener;
