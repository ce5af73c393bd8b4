//! Facts that the shell has found out for what waits.

use super::Session;
use crate::rules::buildkit::Store;
use crate::rules::socket::{Blind, Relation};

impl Session {
    /// Answers the last [`Step::Look`](crate::proxy::Step::Look): the relation of that path to the daemon's
    /// socket, or the reason why it is not known.
    pub fn looked(&mut self, seen: Result<Relation, Blind>) {
        self.exchange.looked(seen);
    }

    /// Answers the last [`Step::AskForStore`](crate::proxy::Step::AskForStore).
    pub fn learned(&mut self, store: Store) {
        self.exchange.learned(store);
    }
}
