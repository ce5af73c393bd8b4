//! Storage and pipes, which are lent to the pair that has its turn, and taken back after use.

use super::pipe::Pipes;
use crate::buffer::Pool;

/// The pools of a server.
#[derive(Debug)]
pub(in crate::net) struct Pools {
    pub(super) pool: Pool,
    pub(super) pipes: Pipes,
}

impl Pools {
    /// Makes pools with at most `pipes` pipes.
    pub(in crate::net) fn new(pipes: usize) -> Self {
        Self { pool: Pool::default(), pipes: Pipes::new(pipes) }
    }
}
