//! The record of the values that were forced into a request.

use std::ops::{BitOr, BitOrAssign};

/// A set of kinds of forced values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forced(u16);

impl Forced {
    /// Nothing.
    pub const NOTHING: Self = Self(0);
    /// Labels.
    pub const LABELS: Self = Self(1);
    /// A cgroup parent.
    pub const CGROUP_PARENT: Self = Self(2);
    /// Options of the Engine API.
    pub const FIELDS: Self = Self(4);

    /// Returns `true` if all of `other` is in it.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns itself without `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns itself if `holds`, and nothing otherwise.
    #[must_use]
    pub fn when(self, holds: bool) -> Self {
        if holds { self } else { Self::NOTHING }
    }
}

impl BitOr for Forced {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Forced {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
