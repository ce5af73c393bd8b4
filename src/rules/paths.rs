//! The map from paths in the caller's view to those of the host.
//!
//! The daemon takes the source of a bind mount for a path of the host. A client in a container names a path
//! in its container. The map translates it by the mounts of that container, or by the operator's list.

use super::Refusal;
use super::caller::{Mount, Of, Source, Template, Word};
use super::mounts::path::clean;

/// The operator's rules for paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathRules {
    /// The mounts of the caller's container are mapped.
    pub of_caller: bool,
    /// Paths in the caller's view, each with its host path.
    pub fixed: Vec<FixedPath>,
    /// Host paths outside of every mapping are refused.
    pub strict: bool,
}

/// A path of the operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedPath {
    /// The absolute path in the caller's view.
    pub seen: String,
    /// The absolute host path, which may have placeholders.
    pub host: String,
    /// The place at which the operator gave it.
    pub from: String,
}

/// The map for one caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathMap {
    /// The mounts in the caller's view, the longest path first.
    mounts: Vec<Mount>,
    strict: bool,
}

impl PathRules {
    /// Returns `true` if no path is translated or refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.of_caller && self.fixed.is_empty() && !self.strict
    }

    /// Returns the map for a caller.
    ///
    /// # Errors
    /// A placeholder without a value.
    pub(super) fn map(&self, of: &Of<'_>) -> Result<PathMap, Refusal> {
        let mut mounts = Vec::new();
        for FixedPath { seen, host, from } in &self.fixed {
            let host = Template::of(host).fill(of, Word::Path, from)?;
            mounts.push(Mount { target: clean(seen), source: Source::Path(clean(host)) });
        }
        if self.of_caller
            && let Some(container) = &of.caller.container
        {
            // The operator's come first, and the first of equal paths counts.
            mounts.extend(container.mounts.iter().cloned());
        }
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.len()));
        Ok(PathMap { mounts, strict: self.strict })
    }
}
