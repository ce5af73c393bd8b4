//! Refusals: a reason, and a sentence for the user.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Reason;
use super::policy::Rule;
use crate::json;

/// The refusal of a request. The sentence is made where the refusal arises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The row of the table of reasons.
    pub reason: Reason,
    /// The sentence: what was seen, and what was expected.
    pub text: Cow<'static, str>,
    /// The rule of the policy, if one refuses. Boxed, since results with refusals are moved in each exchange.
    pub by: Option<Box<ByRule>>,
}

/// The rule that refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRule {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The person or address that the user is to ask; empty for the operator.
    pub contact: String,
}

impl Refusal {
    /// Makes a refusal for `reason` with the sentence `text`.
    #[must_use]
    pub fn new(reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, text: text.into(), by: None }
    }

    /// Returns the rule of the policy, if one refuses.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.by.as_ref().map(|by| &*by.rule)
    }
}

impl From<json::Error> for Refusal {
    fn from(error: json::Error) -> Self {
        let reason = match error {
            json::Error::NotJson(_) => Reason::NotJson,
            json::Error::NotAnObject(_)
            | json::Error::NotAnArray(_)
            | json::Error::NotAString(_) => Reason::WrongType,
            json::Error::ManyMembers(_) => Reason::TooMany,
            json::Error::Twice(..) => Reason::TwoMembers,
        };
        Self::new(reason, error.to_string())
    }
}

/// The message to the client.
impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)?;
        let Some(by) = &self.by else { return Ok(()) };
        let whom = match by.contact.as_str() {
            "" => "the operator of this host",
            contact => contact,
        };
        write!(out, " (rule {}); ask {whom}", by.rule.name)
    }
}

impl std::error::Error for Refusal {}

/// Maximum number of shown bytes of a path: the kernel's limit for paths.
const PATH_MAX: usize = 4096;

/// Returns a client's path or key in a form that is safe for a line of the log: escaped and bounded.
pub(super) fn shown(path: &str) -> impl fmt::Display {
    path.get(..path.floor_char_boundary(PATH_MAX)).unwrap_or_default().escape_debug()
}

#[cfg(test)]
mod tests;
