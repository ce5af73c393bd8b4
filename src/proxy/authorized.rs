//! Responses about which authorization plugins decide.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use super::collect::{Budget, Share};
use super::fault::Fault;
use crate::rules::Refusal;
use crate::rules::authz::{Authorization, Authz};

/// A request as plugins got it. Those that decide about the response get it once more.
#[derive(Debug)]
pub(super) struct Described {
    message: Arc<str>,
    _share: Share,
}

/// A response that waits for the decision of plugins.
pub(super) struct Withheld {
    response: Vec<u8>,
    decision: Option<Result<(), Refusal>>,
}

impl Described {
    /// Keeps the message of `authorization`.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(super) fn new(authorization: &Authorization, budget: &Rc<Budget>) -> Result<Self, Fault> {
        let message = Arc::clone(&authorization.message);
        let mut share = Share::of(budget);
        share.hold(message.len())?;
        Ok(Self { message, _share: share })
    }

    /// Returns the question about the response.
    pub(super) fn response(
        &self,
        authz: &Authz,
        status: u16,
        head: &[u8],
        content: &[u8],
    ) -> Authorization {
        authz.response(&self.message, status, head, content)
    }
}

impl Withheld {
    /// Holds a response.
    pub(super) fn new(response: Vec<u8>) -> Self {
        Self { response, decision: None }
    }

    /// Takes the decision.
    pub(super) fn decided(&mut self, decision: Result<(), Refusal>) {
        self.decision = Some(decision);
    }

    /// Takes the response, once it may be sent.
    ///
    /// # Errors
    /// A plugin denies it.
    pub(super) fn response(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        match self.decision.take() {
            None => Ok(None),
            Some(Ok(())) => Ok(Some(std::mem::take(&mut self.response))),
            Some(Err(refusal)) => Err(Fault::Refused(refusal)),
        }
    }
}

impl fmt::Debug for Withheld {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Withheld").field("length", &self.response.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
