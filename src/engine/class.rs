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
mod tests {
    use super::*;
    use crate::engine::route;

    #[test]
    fn each_operation_has_the_class_of_what_it_does() {
        for (line, class) in [
            ("POST /containers/create", Class::Create),
            ("POST /services/x/update", Class::Create),
            ("POST /build", Class::Create),
            ("POST /commit", Class::Create),
            ("POST /v5.0.0/libpod/pods/create", Class::Create),
            ("GET /_ping", Class::Read),
            ("HEAD /_ping", Class::Read),
            ("GET /containers/x/logs", Class::Read),
            ("POST /containers/x/start", Class::Change),
            ("DELETE /containers/x", Class::Change),
            ("PUT /containers/x/archive", Class::Change),
            ("POST /containers/x/attach", Class::Upgrade),
            ("POST /grpc", Class::Upgrade),
            ("GET /v5.0.0/libpod/info", Class::Unknown),
            ("BREW /tea", Class::Unknown),
        ] {
            let (method, path) = line.split_once(' ').unwrap();
            assert_eq!(Class::from(route(method, path.as_bytes())), class, "{line}");
        }
        assert_eq!(Class::from(&HTTP2), Class::Upgrade);
    }

    #[test]
    fn each_has_its_number() {
        for (place, class) in Class::ALL.iter().enumerate() {
            assert_eq!(*class as usize, place);
        }
    }
}
