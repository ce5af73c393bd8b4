//! What is lent to the pair whose turn it is and taken back when it needs it no more, so that a pair
//! that rests owns nothing of it.

use super::pipe::Pipes;
use super::pump::Pump;
use crate::buffer::Pool;

/// Pumps that are kept while nobody needs them, so that an exchange does not have to allocate one.
const PUMPS: usize = 64;

/// Storage, pipes and pumps.
#[derive(Debug, Default)]
pub(super) struct Stores {
    pub(super) pool: Pool,
    pub(super) pipes: Pipes,
    #[expect(clippy::vec_box, reason = "they stay where they are while they are lent")]
    pumps: Vec<Box<Pump>>,
}

impl Stores {
    /// Lends a pump, which is to be this one.
    pub(super) fn pump(&mut self, pump: Pump) -> Box<Pump> {
        match self.pumps.pop() {
            Some(mut place) => {
                *place = pump;
                place
            }
            None => Box::new(pump),
        }
    }

    /// Takes a pump back.
    pub(super) fn reclaim(&mut self, pump: Box<Pump>) {
        if self.pumps.len() < PUMPS {
            self.pumps.push(pump);
        }
    }
}
