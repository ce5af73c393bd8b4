//! The decision about a request head, as one function from bytes to a judgement. It can be tested and
//! fuzzed without a connection.

use std::ops::Range;

use crate::engine::{self, Operation};
use crate::http::{Malformed, head, target};
use crate::rules::facts::NO_FACTS;
use crate::rules::{self, Asked, Judgement, Profile, Traits};

/// A decision about one request.
#[derive(Debug)]
pub struct Decision {
    /// The operation of the request.
    pub operation: &'static Operation,
    /// The judgement by its head alone.
    pub judgement: Judgement,
    /// The traits of the head, on which later judgements depend.
    pub traits: Traits,
    /// The range of the request-target in the head.
    pub target: Range<usize>,
    /// `true` if the client wants to keep the connection.
    pub persistent: bool,
    /// `true` if the client may wait for `100 Continue`.
    pub expects_continue: bool,
}

/// Decides about the request with this head, which includes the empty line.
///
/// # Errors
/// A malformed head.
pub fn decide(profile: &Profile, head: &[u8]) -> Result<Decision, Malformed> {
    let request = head::request(head)?;
    let path = target::decoded_path(request.target)?;
    let operation = engine::route(request.method, &path);
    let traits = Traits::of(&request);
    let asked = Asked { operation, target: request.target, traits, body: None };
    Ok(Decision {
        operation,
        judgement: rules::judge(profile, &asked, &NO_FACTS),
        traits,
        target: request.target_range(),
        persistent: request.persistent,
        expects_continue: request.expects_continue,
    })
}
