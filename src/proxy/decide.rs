//! From the bytes of a request head to what happens with the request: the whole decision as one
//! function, so that it can be tested and fuzzed without a connection.

use super::outcome::Verdict;
use crate::engine::{self, JsonCarrier, Operation};
use crate::http::body::Framing;
use crate::http::{Malformed, head, render, target};
use crate::rules::{self, Forced, Injection, Plan, Refusal};

/// What happens with one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision {
    /// What it asks for.
    pub operation: &'static Operation,
    /// In which form it goes to the daemon.
    pub way: Way,
    /// How its body ends.
    pub framing: Framing,
    /// Whether the client wants to go on with the connection.
    pub persistent: bool,
    /// Whether the client may wait for `100 Continue`.
    pub expects_continue: bool,
    /// Whether it is a HEAD, whose response has no body.
    pub to_head: bool,
}

/// In which form a request goes to the daemon.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// As it came.
    AsItCame,
    /// With this head in the place of its own.
    NewHead {
        /// The head, to its empty line.
        head: Vec<u8>,
        /// What was put in.
        forced: Forced,
    },
    /// With a new body, once the old one is complete, and a new length in its head.
    NewBody(&'static JsonCarrier),
    /// Not at all: nothing can be put into it with certainty.
    Refused(Refusal),
}

/// Decides about the request whose head is `head`, to its empty line.
///
/// # Errors
/// A head that is malformed.
pub fn decide(injection: &Injection, head: &[u8]) -> Result<Decision, Malformed> {
    let request = head::request(head)?;
    let path = target::decoded_path(request.target)?;
    let operation = engine::route(request.method, &path);
    let way = match rules::plan(injection, operation, &request) {
        Ok(Plan::Pass) => Way::AsItCame,
        Ok(Plan::Retarget { target, forced }) => {
            Way::NewHead { head: render::with_target(head, &request, &target), forced }
        }
        Ok(Plan::Rewrite(carrier)) => Way::NewBody(carrier),
        Err(refusal) => Way::Refused(refusal),
    };
    Ok(Decision {
        operation,
        way,
        framing: request.framing,
        persistent: request.persistent,
        expects_continue: request.expects_continue,
        to_head: request.method == "HEAD",
    })
}

impl Decision {
    /// The verdict that goes into the outcome.
    pub(super) fn verdict(&self, injection: &Injection) -> Verdict {
        Verdict::Forwarded(match &self.way {
            Way::AsItCame | Way::Refused(_) => Forced::NOTHING,
            Way::NewHead { forced, .. } => *forced,
            Way::NewBody(carrier) => injection.inject.forced_by(carrier),
        })
    }
}
