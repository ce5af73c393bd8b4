//! Classes of operations, for metrics.

use super::{HTTP2, Operation, Payload, Upgrade};

/// The effect of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Creates or replaces an object that could carry labels.
    Create,
    /// Returns information.
    Read,
    /// Changes or removes an object, or acts on one.
    Change,
    /// Leaves HTTP/1.1: attach, exec, a build's session or calls.
    Upgrade,
    /// Is not known to the proxy.
    Unknown,
}

impl Class {
    /// All classes, indexed by discriminant.
    pub const ALL: [Self; 5] =
        [Self::Create, Self::Read, Self::Change, Self::Upgrade, Self::Unknown];

    /// Returns the stable name.
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
        match (&operation.payload, operation.upgrade, operation.method) {
            (Payload::Body(shape), _, _) if !shape.positions.is_empty() => Self::Create,
            (Payload::Query(_) | Payload::Libpod, _, _) => Self::Create,
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
