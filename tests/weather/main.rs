//! Load and weather: the built binary between crowds of clients and a daemon with troubles of its
//! own.
//!
//! As in `tests/sockets`, nothing waits for a time to pass and hopes. `DCP_SOAK` says for how many
//! seconds the mixed traffic of `soak` goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod crowd;
mod daemon;
#[path = "../sockets/ends.rs"]
#[allow(dead_code, reason = "shared with the tests over sockets")]
mod ends;
#[path = "../sockets/lab.rs"]
#[allow(dead_code, reason = "shared with the tests over sockets")]
mod lab;
mod outages;
#[path = "../sockets/proxy.rs"]
#[allow(dead_code, reason = "shared with the tests over sockets")]
mod proxy;
mod quiet;
#[path = "../support/random.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the core")]
mod random;
mod soak;
mod traffic;
