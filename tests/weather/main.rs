//! Load and failures: the built binary between many clients and a troubled daemon.
//!
//! As in `tests/sockets`, no test relies on a sleep. `DCP_SOAK` is the duration of the mixed traffic of `soak` in
//! seconds.

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
