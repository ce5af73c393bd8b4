//! Pumps, which are lent to active pairs.

use std::rc::Rc;

use super::pump::Pump;
use crate::proxy::ListenerSettings;

/// Maximum number of free pumps. They spare most exchanges an allocation.
const KEPT: usize = 64;

/// Free pumps.
#[derive(Debug, Default)]
pub(in crate::net) struct Pumps(
    #[expect(clippy::vec_box, reason = "pumps stay at their address while they are lent")]
    Vec<Box<Pump>>,
);

impl Pumps {
    /// Lends a parked pump. It has the settings of any listener until it is given its own.
    pub(super) fn lend(&mut self, settings: &Rc<ListenerSettings>) -> Box<Pump> {
        self.0.pop().unwrap_or_else(|| Box::new(Pump::parked(settings)))
    }

    /// Takes a parked pump back.
    pub(super) fn reclaim(&mut self, pump: Box<Pump>) {
        if self.0.len() < KEPT {
            self.0.push(pump);
        }
    }

    /// Returns the number of free pumps.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
