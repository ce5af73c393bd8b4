//! Facts from the shell for a waiting exchange.

use super::{Link, Session};
use crate::proxy::answering::Answering;
use crate::proxy::exchange::Exchange;
use crate::proxy::{Answer, HostFact};

impl Session {
    /// Takes the answer to the last [`Step::Ask`](crate::proxy::Step::Ask).
    pub fn found(&mut self, fact: HostFact) {
        self.exchange.found(fact);
    }

    /// Takes the answer to the last [`Step::Answer`](crate::proxy::Step::Answer).
    pub fn answered(&mut self, answer: Answer) {
        if let Exchange::Answering(answering) = &mut self.exchange {
            answering.answered(answer, &mut self.lanes);
        }
    }

    /// Answers the client itself, if the listener's settings require that. A daemon connection is made only
    /// when needed.
    pub(super) fn answer_itself(&mut self) {
        if self.settings.answers {
            self.link = Link::Absent;
            self.exchange = Exchange::Answering(Box::new(Answering::new()));
        }
    }
}
