//! The built binary between real UNIX sockets: a scripted daemon and scripted clients.
//!
//! No test relies on a sleep: each reads until the expected bytes have come, or fails at a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod abandoned;
mod activation;
mod authz;
#[path = "../support/authz_plugin.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of engines")]
mod authz_plugin;
mod calls;
mod configured;
mod crowds;
#[path = "../support/dead.rs"]
mod dead;
mod endings;
mod ends;
#[path = "../support/http2.rs"]
#[allow(dead_code, unreachable_pub)]
mod http2;
mod images;
mod keeper;
mod kept;
mod lab;
mod life;
mod log;
mod looks;
mod manager;
mod passing;
mod policy;
mod proxy;
mod run_command;
#[path = "../support/skip.rs"]
mod skip;
mod stage;
mod stats;
mod store;
mod streams;
#[path = "../support/transcript.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the core")]
mod transcript;
mod transcripts;
mod upgrade;
mod volumes;
