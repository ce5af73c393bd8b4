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

/// The state of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The kind that is being removed.
    pub kind: Kind,
    /// The number of its things that are left.
    pub left: usize,
}
