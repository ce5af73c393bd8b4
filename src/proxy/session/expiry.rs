//! The deadlines of a session.

use std::time::Instant;

use super::Session;
use crate::proxy::exchange::Exchange;
use crate::proxy::fault::Fault;
use crate::proxy::lane::Sink;
use crate::proxy::outcome::Call;
use crate::proxy::{Deadline, Step};

impl Session {
    /// Returns the current deadline.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        match &self.exchange {
            Exchange::Idle(_) if !self.lanes.up.unseen().is_empty() => Deadline::Head,
            Exchange::Ending if self.lingers() => Deadline::Linger,
            Exchange::Answering(answering) => answering.deadline(),
            _ => Deadline::Endless,
        }
    }

    /// Handles the expiry of the current [`deadline`](Self::deadline).
    pub fn expired(&mut self, now: Instant) -> Step {
        match self.deadline() {
            Deadline::Endless => Step::Wait,
            Deadline::Head => {
                self.answer(Call::new(now, self.lanes.traffic()), &Fault::SlowHead, now)
            }
            Deadline::Pong => {
                if let Exchange::Answering(answering) = &mut self.exchange {
                    answering.late(&mut self.lanes);
                }
                Step::Wait
            }
            Deadline::Linger | Deadline::Query | Deadline::Reader => {
                self.closed = true;
                Step::Close
            }
        }
    }

    fn lingers(&self) -> bool {
        self.lanes.down.sink() == Sink::Finished && self.lanes.up.sink() == Sink::Broken
    }
}
