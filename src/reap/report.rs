//! The result of a removal, and how far it is.

use super::Kind;

/// A thing of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its kind.
    pub kind: Kind,
    /// Its id, by which it is removed. Volumes and cgroups have none but their name.
    pub id: String,
    /// Its name, for people; the id if it has none.
    pub name: String,
}

/// The result of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The things that were removed, or would be.
    pub removed: Vec<Thing>,
    /// The things that should have been removed but stayed, each with the reason.
    pub left: Vec<(Thing, String)>,
    /// The things that were not to be removed although they carry the labels, each with the reason.
    pub kept: Vec<(Thing, String)>,
}

impl Report {
    /// Returns the numbers of removed things by kind, like `2 containers, 1 network`; `None` if nothing was removed.
    #[must_use]
    pub fn counts(&self) -> Option<String> {
        let count = |kind: &Kind| match self.removed.iter().filter(|it| it.kind == *kind).count() {
            0 => None,
            1 => Some(format!("1 {}", kind.one())),
            number => Some(format!("{number} {}", kind.name())),
        };
        let counts: Vec<String> = Kind::ALL.iter().filter_map(count).collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }
}

/// The state of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The kind that is being removed.
    pub kind: Kind,
    /// The number of its things that are left.
    pub left: usize,
}
