//! Sockets, readiness, time and the log: the shell around the core. It does not know HTTP.
//!
//! ```text
//!  signals ─┐
//!  listener ┼─► Server ──► Pair (client socket, daemon socket) ──► Pump (Session, flows) ──► log
//!  timers ──┘     one poll, one thread
//! ```

mod access;
pub mod ask;
mod flow;
pub mod listener;
mod pair;
mod peer;
mod pipe;
mod pump;
mod server;
mod slab;
mod stores;
mod timers;

pub use server::{Server, Stopped};
