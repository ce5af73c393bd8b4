//! The allow-list of the sources of bind mounts.

use crate::rules::caller::{Caller, Source};
use crate::rules::facts::{Facts, Relation};
use crate::rules::mounts::path::cleaned;
use crate::rules::paths::marked;

/// A source of bind mounts that is allowed, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindSource {
    /// A host path.
    Path {
        /// The absolute path, cleaned.
        path: String,
        /// `true` if it may only be mounted read-only.
        read_only: bool,
    },
    /// Everything that the caller's container mounts from the host.
    CallerMounts,
}

/// The word of the configuration file for [`BindSource::CallerMounts`].
pub const CALLER_MOUNTS: &str = "{caller.mounts}";

/// Returns the sources for a caller.
pub(super) fn filled(sources: &[BindSource], caller: &Caller) -> Vec<BindSource> {
    let mounts = caller.container.iter().flat_map(|container| &container.mounts);
    let paths = mounts.filter_map(|mount| match &mount.source {
        Source::Path(path) => Some(BindSource::Path { path: path.clone(), read_only: false }),
        Source::Volume { .. } | Source::Nothing => None,
    });
    let fixed = sources.iter().filter(|source| **source != BindSource::CallerMounts).cloned();
    fixed.chain(paths).collect()
}

/// Returns `true` if a bind of this host path is allowed. A path below a source is looked up, since a link there
/// may lead out of it.
pub(super) fn allows(
    sources: &[BindSource],
    path: &str,
    is_read_only: bool,
    facts: &Facts,
    unseen: &mut Vec<String>,
) -> bool {
    let path = cleaned(path);
    sources.iter().any(|source| {
        let BindSource::Path { path: root, read_only } = source else { return false };
        let Some(sought) = marked(&path, root).filter(|_| is_read_only || !read_only) else {
            return false;
        };
        if sought == *root {
            return true;
        }
        match facts.relation(&sought) {
            None => {
                unseen.push(sought);
                true
            }
            Some(Relation::Beyond) => false,
            Some(_) => true,
        }
    })
}

#[cfg(test)]
mod tests;
