//! Operations in a few classes, for counting.

use super::{Carrier, HTTP2, Operation, Upgrade};

/// What kind of thing an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It creates or replaces something that could carry labels.
    Create,
    /// It tells something.
    Read,
    /// It changes or removes what is there, or does something.
    Change,
    /// Its connection leaves HTTP/1.1: attach, exec, a build's session or calls.
    Upgrade,
    /// We do not know it.
    Unknown,
}

impl Class {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; 5] =
        [Self::Create, Self::Read, Self::Change, Self::Upgrade, Self::Unknown];

    /// Its name, which will not change.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Change => "change",
            Self::Upgrade => "upgrade",
            Self::Unknown => "unknown",
        }
    }
}

impl From<&Operation> for Class {
    fn from(operation: &Operation) -> Self {
        match (&operation.carrier, operation.upgrade, operation.method) {
            (Carrier::Body(_) | Carrier::Query(_) | Carrier::Libpod, _, _) => Self::Create,
            (_, Upgrade::Hijack, _) => Self::Upgrade,
            _ if *operation == HTTP2 => Self::Upgrade,
            (_, Upgrade::Unknown, _) => Self::Unknown,
            (_, Upgrade::Never, "GET" | "HEAD") => Self::Read,
            (_, Upgrade::Never, _) => Self::Change,
        }
    }
}

#[cfg(test)]
mod tests;
