//! Foundations of the engine tests.

mod cli;
#[path = "../../support/corpus.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the core")]
pub(crate) mod corpus;
#[path = "../../support/dead.rs"]
#[allow(dead_code, reason = "shared with the tests of sockets")]
mod dead;
mod engine;
mod folder;
#[path = "../../support/http2.rs"]
#[allow(unreachable_pub)]
pub(crate) mod http2;
mod lab;
mod proxy;
#[path = "../../support/skip.rs"]
mod skip;
#[path = "../../support/transcript.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the tests of the core")]
mod transcript;
mod wait;
mod wire;

pub(crate) use cli::{Docker, Finished, Running};
pub(crate) use dead::Dead;
pub(crate) use lab::{Kind, Lab, assert_below, remove_cgroup};
pub(crate) use proxy::{Proxy, binary};
pub(crate) use skip::skip;
pub(crate) use wait::{eventually, until};
pub(crate) use wire::{converse, exchange};

/// Returns reproducible bytes of every value, without a pattern that could hide a lost block.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(byte).collect()
}
