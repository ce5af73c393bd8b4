//! Sockets, readiness, time and the log: the shell around the core. It does not know HTTP.
//!
//! ```text
//!  signals ─┐
//!  listeners┼─► Server ──► Pair (client socket, daemon socket) ──► Pump (Session, flows) ──► log
//!  timers ──┘     one poll, one thread; one more for each look that may take long
//! ```

pub mod client;
pub mod command;
mod daemons;
mod fd_limits;
pub mod host;
pub mod keeper;
pub mod listen;
pub mod log;
pub mod reap;
mod server;
pub mod service;
mod slab;
pub mod status;
mod timers;
mod watch;
mod wire;

pub use server::{EarlySignal, JobPlan, ListenerGroup, ListenerPlan, Server, Stopped};
