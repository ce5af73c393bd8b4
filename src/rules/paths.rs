//! The map from paths in the caller's view to those of the host.
//!
//! The daemon takes the source of a bind mount for a path of the host. A client in a container names a path
//! in its container. The map translates it by the mounts of that container, or by the operator's list.

use std::borrow::Cow;

use super::caller::{Mount, Of, Source, Template, Word};
use super::mounts::path::{clean, cleaned};
use super::refusal::shown;
use super::{Reason, Refusal};

/// Maximum number of mapped paths in a refusal. A container of a job has a few.
const LISTED: usize = 16;

/// The mark between the root of a mapping and the path below it, in a path that is looked up. Readers of
/// paths skip it.
const MARK: &str = "/./";

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
    /// `true` if the mounts of the caller's container are missing, since it runs in none.
    uncontained: bool,
}

/// The place of a mapped path.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mapped<'m> {
    /// The name of the volume, if the mapping leads to one.
    pub(super) volume: Option<&'m str>,
    /// The host path of the mapping; empty for a volume of which the daemon reports none.
    pub(super) root: &'m str,
    /// The path below that, without a slash at its beginning; empty for the mapping itself.
    pub(super) rest: String,
}

impl PathRules {
    /// Returns the map for a caller.
    ///
    /// # Errors
    /// A placeholder without a value.
    pub(super) fn map(&self, of: &Of<'_>) -> Result<PathMap, Refusal> {
        let mut mounts = Vec::new();
        for FixedPath { seen, host, from } in &self.fixed {
            let host = Template::of(host).fill(of, Word::Path, from)?;
            mounts.push(Mount::at(seen, Source::Path(clean(host))));
        }
        let container = of.caller.container.as_ref().filter(|_| self.of_caller);
        // The operator's come first, and the first of equal paths counts.
        mounts.extend(container.into_iter().flat_map(|container| container.mounts.iter().cloned()));
        let uncontained = self.of_caller && container.is_none();
        mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.len()));
        Ok(PathMap { mounts, strict: self.strict, uncontained })
    }
}

impl PathMap {
    /// Makes a map that refuses every path.
    pub(super) fn closed() -> Self {
        Self { strict: true, ..Self::default() }
    }

    /// Returns `true` if no path is translated or refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty() && !self.strict
    }

    /// Returns `true` if only mapped paths may be mounted.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Returns the place of `path`, an absolute path in the caller's view. Returns `None` for a path outside of
    /// every mapping, which the daemon gets as it is.
    ///
    /// # Errors
    /// Only mapped paths may be mounted, and it is outside.
    pub(super) fn map(&self, path: &str) -> Result<Option<Mapped<'_>>, Refusal> {
        // As the daemon does, before it follows links. So no `..` leads out of a mapping.
        let cleaned = cleaned(path);
        let hit = |mount: &Mount| below(&cleaned, &mount.target).map(str::to_owned);
        let found = self.mounts.iter().find_map(|mount| Some((&mount.source, hit(mount)?)));
        match found {
            Some((Source::Path(root), rest)) => Ok(Some(Mapped { volume: None, root, rest })),
            Some((Source::Volume { name, place }, rest)) => {
                Ok(Some(Mapped { volume: Some(name), root: place, rest }))
            }
            Some((Source::Nothing, _)) if self.strict => Err(unshared(path)),
            None if self.strict => Err(self.unmapped(path)),
            Some((Source::Nothing, _)) | None => Ok(None),
        }
    }

    fn unmapped(&self, path: &str) -> Refusal {
        let mut mapped: Vec<&str> = Vec::new();
        let shared = self.mounts.iter().filter(|mount| mount.source != Source::Nothing);
        mapped.extend(shared.map(|mount| mount.target.as_str()));
        mapped.dedup();
        let list: Vec<_> = mapped.iter().take(LISTED).map(|path| shown(path).to_string()).collect();
        let tail = match mapped.len().saturating_sub(LISTED) {
            _ if list.is_empty() && self.uncontained => {
                "nothing is mapped, since the caller runs in no container".to_owned()
            }
            _ if list.is_empty() => "nothing is mapped".to_owned(),
            0 => format!("{}; mount a path below one of these", list.join(", ")),
            more => format!("{} and {more} more; mount a path below one of these", list.join(", ")),
        };
        let text = format!(
            "the container mounts {}, which is outside of what the operator maps for this caller: {tail}",
            shown(path)
        );
        Refusal::new(Reason::Unmapped, text)
    }
}

impl Mapped<'_> {
    /// Returns the host path.
    pub(super) fn path(&self) -> String {
        joined(self.root, &self.rest)
    }

    /// Returns the host path as it is looked up, with a mark behind the root of the mapping; empty if there is
    /// none.
    pub(super) fn sought(&self) -> String {
        match (self.root, &*self.rest) {
            ("", _) | (_, "") => self.root.to_owned(),
            (root, rest) => [root, MARK, rest].concat(),
        }
    }
}

/// Returns the root of the mapping and the path below it, if `sought` is a path that was translated.
#[must_use]
pub fn parts(sought: &str) -> Option<(&str, &str)> {
    sought.split_once(MARK)
}

/// Returns the path `rest` below `root`.
#[must_use]
pub fn joined(root: &str, rest: &str) -> String {
    match rest {
        "" => root.to_owned(),
        rest => [root.trim_end_matches('/'), "/", rest].concat(),
    }
}

/// Returns `path`, which was not translated, without anything that looks like a [mark](MARK).
pub(super) fn unmarked(path: &str) -> Cow<'_, str> {
    let mut path = Cow::Borrowed(path);
    while path.contains(MARK) {
        path = Cow::Owned(path.replace(MARK, "/"));
    }
    path
}

/// Returns `path` with a mark behind `root`, if it is below that; both are cleaned.
pub(super) fn marked(path: &str, root: &str) -> Option<String> {
    Some(match below(path, root)? {
        "" => root.to_owned(),
        rest => [root, MARK, rest].concat(),
    })
}

/// Returns the part of `path` below `root`; both are cleaned.
fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    match path.strip_prefix(root.trim_end_matches('/'))? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

fn unshared(path: &str) -> Refusal {
    let text = format!(
        "the container mounts {}, which is on a tmpfs of the caller's container, or on something else that no \
         other container can mount; mount a path of a volume or of the host",
        shown(path)
    );
    Refusal::new(Reason::Unmapped, text)
}

#[cfg(test)]
mod tests;
