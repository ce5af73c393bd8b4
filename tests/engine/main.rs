//! The proxy on a real engine: the docker command goes through the built binary to a real daemon, and the
//! result is inspected on the daemon's own socket.
//!
//! `tests/run` starts an engine and runs everything. `support::engine` lists the environment variables.
//! Without an engine the tests are skipped with a message.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod authz;
#[path = "../support/authz_plugin.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of sockets")]
mod authz_plugin;
mod build;
mod buildkit;
mod callers;
mod cgroups;
mod cleaning;
mod compose;
mod empty;
mod escapes;
mod evasions;
mod exec;
mod faults;
mod files;
mod image_volumes;
mod images;
mod inside;
mod job_sockets;
mod jobs;
mod life;
mod llb;
mod policy;
mod policy_builds;
mod reap;
mod recreate;
mod resources;
mod rules;
mod run;
mod run_command;
mod streams;
mod support;
mod swarm;
mod terminal;
mod upgrade;
mod values;
mod weather;
mod wire;
