//! Facts that the shell has found out for what waits.

use super::Session;
use crate::proxy::HostFact;

impl Session {
    /// Answers the last [`Step::Ask`](crate::proxy::Step::Ask).
    pub fn found(&mut self, fact: HostFact) {
        self.exchange.found(fact);
    }
}
