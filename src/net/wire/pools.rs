//! Storage and pipes, which are lent to the pair whose turn it is and taken back when it needs them no
//! more.

use super::pipe::Pipes;
use crate::buffer::Pool;

/// The pools of a server.
#[derive(Debug)]
pub(in crate::net) struct Pools {
    pub(super) pool: Pool,
    pub(super) pipes: Pipes,
}

impl Pools {
    /// Makes pools of which nothing is lent. They lend at most `pipes` pipes.
    pub(in crate::net) fn new(pipes: usize) -> Self {
        Self { pool: Pool::default(), pipes: Pipes::new(pipes) }
    }
}
