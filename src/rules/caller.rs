//! The process behind a connection, and the rules of the operator that depend on it.
//!
//! ```text
//! Profile { of_caller } ── concerns(operation)? ──► Need::Host(HostQuestion::Caller(wanted))
//!                                                        │ Caller
//! Profile without of_caller ◄── Profile::for_caller ◄────┘
//! ```
//!
//! A profile whose rules have placeholders is a template. With a caller it becomes an ordinary profile, which
//! is compiled once for each caller.

mod placeholder;
mod profile;
mod unknown;

use std::ops::{BitOr, BitOrAssign};
use std::rc::Rc;

pub use placeholder::{Of, Placeholder, Template, TemplateError, Word};
pub use profile::OfCaller;
pub use unknown::{NoParent, Unknown};

use super::mounts::path::clean;

/// The process that made a connection, as far as it was [wanted](Wanted).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The effective user at the time of connect(2).
    pub uid: u32,
    /// The effective group at the time of connect(2).
    pub gid: u32,
    /// The process.
    pub pid: u32,
    /// The name of the user on the proxy's host, if it has one.
    pub user: Option<String>,
    /// The path of its cgroup, from the root of the host's hierarchy.
    pub cgroup: Option<String>,
    /// The cgroup parent of a sibling, in the form of the daemon's cgroup driver. Empty for the daemon's
    /// default.
    pub parent: Option<String>,
    /// Its container; `None` if it runs in none that the daemon knows.
    pub container: Option<Rc<Container>>,
}

/// A container of the daemon, from its inspection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// The full id.
    pub id: String,
    /// The name without the slash.
    pub name: String,
    /// The labels, each with its value.
    pub labels: Vec<(String, String)>,
    /// The variables of its configuration, each with its value.
    pub env: Vec<(String, String)>,
    /// Its `HostConfig.CgroupParent`; empty for the daemon's default.
    pub cgroup_parent: String,
    /// Its mounts. Those of later entries are not below those of earlier ones.
    pub mounts: Vec<Mount>,
}

/// Maximum size of a container that is remembered, in bytes. Jobs choose their labels and variables.
const SIZE: usize = 64 * 1024;

impl Container {
    /// Returns `true` if it is small enough to be remembered.
    #[must_use]
    pub fn is_small(&self) -> bool {
        // Many short texts take more room than their bytes.
        let pairs = self.labels.iter().chain(&self.env).map(|pair| {
            let (key, value) = pair;
            size_of_val(pair) + key.len() + value.len()
        });
        let mounts = self
            .mounts
            .iter()
            .map(|mount| size_of_val(mount) + mount.target.len() + mount.source.size());
        let size = self.name.len() + self.cgroup_parent.len();
        size + pairs.sum::<usize>() + mounts.sum::<usize>() <= SIZE
    }
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The cleaned path in the container.
    pub target: String,
    /// The mounted thing.
    pub source: Source,
    /// `true` if the container may only read it.
    pub read_only: bool,
}

impl Mount {
    /// Makes a mount at `target`, which is cleaned.
    #[must_use]
    pub fn at(target: &str, source: Source) -> Self {
        Self { target: clean(target), source, read_only: false }
    }
}

/// The thing behind a path in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A path of the host.
    Path(String),
    /// A named volume, all of it. A part of one is a path of the host.
    Volume {
        /// Its name.
        name: String,
        /// Its place on the host; empty if the daemon reports none.
        place: String,
    },
    /// Something that no other container can mount: a tmpfs, for example.
    Nothing,
}

impl Source {
    fn size(&self) -> usize {
        match self {
            Self::Path(path) => path.len(),
            Self::Volume { name, place } => name.len() + place.len(),
            Self::Nothing => 0,
        }
    }
}

/// The facts about a caller that the rules of a profile need. Its user, group and process are always known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted(u8);

impl Wanted {
    /// The user, group and process alone.
    pub const PROCESS: Self = Self(0);
    /// The name of the user.
    pub const USER: Self = Self(1);
    /// The path of the cgroup.
    pub const CGROUP: Self = Self(1 << 1);
    /// The cgroup parent of a sibling.
    pub const PARENT: Self = Self(1 << 2);
    /// The container.
    pub const CONTAINER: Self = Self(1 << 3);
    /// The number of the process, which no other caller shares.
    pub const PID: Self = Self(1 << 4);

    /// Returns itself without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns `true` if all of `other` are wanted.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Wanted {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Wanted {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
