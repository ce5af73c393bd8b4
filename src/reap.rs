//! The removal of what carries labels: what is to be removed, in which order, and what an answer of the daemon
//! means. Only `net` asks the daemon.

pub mod answer;
pub mod cgroup;
pub mod entry;
pub mod jobs;
pub mod origin;
pub mod report;

use std::time::Duration;

pub use report::{Progress, Report, Thing};

use crate::rules::Label;

/// A kind of things that are removed, in the order of their removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Services of a swarm, before the containers of their tasks.
    Services,
    /// Containers, with their anonymous volumes.
    Containers,
    /// Networks.
    Networks,
    /// Volumes.
    Volumes,
    /// Secrets of a swarm.
    Secrets,
    /// Configs of a swarm.
    Configs,
    /// Images.
    Images,
    /// The cgroup parents of removed containers, if they are empty.
    Cgroups,
}

impl Kind {
    /// All kinds, in the order of their removal.
    pub const ALL: &[Self] = &[
        Self::Services,
        Self::Containers,
        Self::Networks,
        Self::Volumes,
        Self::Secrets,
        Self::Configs,
        Self::Images,
        Self::Cgroups,
    ];

    /// Returns its name in `--keep` and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Services => "services",
            Self::Containers => "containers",
            Self::Networks => "networks",
            Self::Volumes => "volumes",
            Self::Secrets => "secrets",
            Self::Configs => "configs",
            Self::Images => "images",
            Self::Cgroups => "cgroups",
        }
    }

    /// Returns the name of one thing of this kind.
    #[must_use]
    pub fn one(self) -> &'static str {
        self.name().trim_end_matches('s')
    }

    /// Returns the kind with this name, be it that of one or of several.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| [kind.name(), kind.one()].contains(&name))
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Adds a kind.
    pub fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u16;
    }

    /// Returns `true` if the kind is in the set.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }
}

/// The things to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criteria {
    /// The labels; a thing that is removed carries all of them. Not empty.
    pub labels: Vec<Label>,
    /// The least age.
    pub older_than: Option<Duration>,
    /// The kinds that stay.
    pub keep: Kinds,
}

#[cfg(test)]
mod tests;
