//! What is lent to the pair whose turn it is and taken back when it needs it no more, so that a pair
//! that rests owns nothing of it.

use std::rc::Rc;

use super::pipe::Pipes;
use super::pump::Pump;
use crate::buffer::Pool;
use crate::proxy::Common;

/// Pumps that are kept while nobody needs them, so that an exchange does not have to allocate one.
const PUMPS: usize = 64;

/// Storage, pipes and pumps.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) pool: Pool,
    pub(super) pipes: Pipes,
    #[expect(clippy::vec_box, reason = "they stay where they are while they are lent")]
    pumps: Vec<Box<Pump>>,
}

impl Stores {
    /// Nothing has been lent yet; of pipes there may be so many.
    pub(super) fn new(pipes: usize) -> Self {
        Self { pool: Pool::default(), pipes: Pipes::new(pipes), pumps: Vec::new() }
    }

    /// Lends a pump that rests.
    pub(super) fn pump(&mut self, common: &Rc<Common>) -> Box<Pump> {
        self.pumps.pop().unwrap_or_else(|| Box::new(Pump::resting(common)))
    }

    /// Returns the number of pumps that are kept.
    #[cfg(test)]
    pub(super) fn pumps(&self) -> usize {
        self.pumps.len()
    }

    /// Takes back a pump that rests.
    pub(super) fn reclaim(&mut self, pump: Box<Pump>) {
        if self.pumps.len() < PUMPS {
            self.pumps.push(pump);
        }
    }
}
