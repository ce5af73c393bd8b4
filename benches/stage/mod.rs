//! Tools of the benches: a daemon with prepared responses, relays that parse nothing, other proxies, and
//! their processes.
//!
//! ```text
//!  bench ──► way: nothing │ our proxy │ copy │ splice │ HAProxy │ nginx │ socat ──► daemon
//!  (client)       each in its own process, on UNIX sockets                        (a process too)
//! ```

#![allow(dead_code, reason = "each bench uses what it needs")]

pub(crate) mod content;
pub(crate) mod daemon;
pub(crate) mod events;
pub(crate) mod follow;
pub(crate) mod load;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod requests;
pub(crate) mod role;
pub(crate) mod way;
