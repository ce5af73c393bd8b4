//! What every engine test stands on.

mod cli;
mod engine;
mod folder;
mod lab;
mod proxy;
mod wait;

pub(crate) use cli::{Docker, Finished, Running};
pub(crate) use engine::skip;
pub(crate) use lab::{Kind, Lab};
pub(crate) use proxy::{Proxy, binary};
pub(crate) use wait::until;

/// Bytes of every value, the same each time, which no buffer size divides evenly.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let step = |()| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_n((), length).map(step).collect()
}
