//! Facts from the shell for a waiting exchange.

use super::{Link, Session};
use crate::proxy::answering::Answering;
use crate::proxy::exchange::Exchange;
use crate::proxy::fault::Fault;
use crate::proxy::{Answer, HostFact, ListenerSettings};
use crate::rules::Refusal;
use crate::rules::caller::Caller;

impl Session {
    /// Takes the answer to the last [`Step::Ask`](crate::proxy::Step::Ask).
    pub fn found(&mut self, fact: HostFact) {
        match fact {
            HostFact::Caller(caller) => {
                let identified = caller.and_then(|caller| self.identify(caller));
                self.exchange.identified(identified.map_err(Fault::Refused));
            }
            fact => self.exchange.found(fact),
        }
    }

    /// Takes the settings for the process that made the connection, which it keeps.
    fn identify(&mut self, caller: Caller) -> Result<(), Refusal> {
        // A question is asked only while the settings are those of the listener.
        if !self.settings.are_for_caller() {
            self.settings = ListenerSettings::for_caller(&self.settings, caller)?;
        }
        Ok(())
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
