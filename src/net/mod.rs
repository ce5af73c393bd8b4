//! Sockets, readiness, time and the log: the shell around the core. It does not know HTTP.
//!
//! ```text
//!  signals ─┐
//!  listeners┼─► Server ──► Pair (client socket, daemon socket) ──► Pump (Session, flows) ──► log
//!  timers ──┘     one poll, one thread; one more for each look that may take long
//! ```

mod access;
pub mod activation;
pub mod ask;
mod caller;
mod daemons;
mod desk;
mod fd_limits;
mod flow;
pub mod handover;
pub mod listener;
mod listeners;
pub mod log;
mod looks;
pub mod notify;
mod pair;
mod peer;
mod pipe;
mod pump;
mod server;
mod sight;
mod slab;
pub mod status;
mod stderr;
mod stores;
mod timers;
mod watch;

pub use server::{Server, Service, Stopped};
