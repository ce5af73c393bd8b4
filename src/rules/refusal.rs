//! A refusal: a reason, and a sentence for the person who made the request.

use std::borrow::Cow;
use std::fmt;

use super::Reason;
use crate::json;

/// Why a request is refused. The sentence is made where the refusal arises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The row of the table of reasons.
    pub reason: Reason,
    /// What was seen, and what was wanted.
    pub text: Cow<'static, str>,
}

impl Refusal {
    /// Refuses for `reason`, in the words of `text`.
    #[must_use]
    pub fn new(reason: Reason, text: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, text: text.into() }
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

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

/// Bytes of a path that are shown: the kernel takes none that is longer.
const PATH_MAX: usize = 4096;

/// Returns a path or key that the client wrote as a line of the log may hold it: it neither ends the
/// line nor floods it.
pub(super) fn shown(path: &str) -> impl fmt::Display {
    path.get(..path.floor_char_boundary(PATH_MAX)).unwrap_or_default().escape_debug()
}

#[cfg(test)]
mod tests;
