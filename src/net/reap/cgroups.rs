//! The removal of cgroup parents that are empty.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::reap::cgroup::{LIMITS, REMAINS, limits, removable};
use crate::reap::{Kind, Report, Thing};

/// The root of the hierarchy of version 2, or of all of version 1.
const ROOT: &str = "/sys/fs/cgroup";

/// Removes those of the cgroup parents that are empty and have no limits. An operator prepared one that has, so it
/// stays.
pub(super) fn remove(parents: &BTreeSet<String>, report: &mut Report) {
    remove_below(Path::new(ROOT), parents, report);
}

/// Returns those of the cgroup parents that do not exist yet.
#[must_use]
pub fn absent<'p>(parents: impl Iterator<Item = &'p str>) -> BTreeSet<String> {
    absent_below(Path::new(ROOT), parents)
}

fn absent_below<'p>(root: &Path, parents: impl Iterator<Item = &'p str>) -> BTreeSet<String> {
    let roots = roots(root);
    let is_absent = |path: &str| !roots.iter().any(|root| root.join(path).is_dir());
    let absent = parents.filter(|parent| removable(parent).is_some_and(is_absent));
    absent.map(ToOwned::to_owned).collect()
}

/// Returns the roots of all hierarchies. With version 1, each folder is one. Links to others lead to what the folders
/// have.
fn roots(root: &Path) -> Vec<PathBuf> {
    let mut roots = vec![root.to_owned()];
    if !root.join("cgroup.procs").exists() {
        roots.extend(folders(root).unwrap_or_default().iter().map(|name| root.join(name)));
    }
    roots
}

fn remove_below(root: &Path, parents: &BTreeSet<String>, report: &mut Report) {
    let roots = roots(root);
    for parent in parents {
        let Some(path) = removable(parent) else { continue };
        let places: Vec<PathBuf> = roots.iter().map(|root| root.join(path)).collect();
        let places: Vec<&PathBuf> = places.iter().filter(|place| place.is_dir()).collect();
        if places.is_empty() || !places.iter().all(|place| is_free(place)) {
            continue;
        }
        let thing = Thing { kind: Kind::Cgroups, id: parent.clone(), name: parent.clone() };
        match places.iter().try_for_each(|place| remove_one(place)) {
            Ok(()) => report.removed.push(thing),
            // Somebody else uses it.
            Err(why) if why.kind() == ErrorKind::ResourceBusy => {}
            Err(why) => {
                report.kept.push((thing, format!("it is empty, but cannot be removed: {why}")));
            }
        }
    }
}

/// Returns `true` if a cgroup has no limits, no process, and no child but what engines leave.
fn is_free(place: &Path) -> bool {
    let read = |file: &str| fs::read_to_string(place.join(file)).unwrap_or_default();
    let is_limited = LIMITS.iter().any(|(file, _)| {
        fs::read_to_string(place.join(file)).is_ok_and(|content| limits(file, &content))
    });
    let children = folders(place).unwrap_or_else(|_| vec!["?".to_owned()]);
    !is_limited
        && read("cgroup.procs").is_empty()
        && children.iter().all(|child| REMAINS.contains(&child.as_str()))
}

fn remove_one(place: &Path) -> io::Result<()> {
    let remains = REMAINS.iter().map(|name| place.join(name));
    for place in remains.chain([place.to_owned()]) {
        match fs::remove_dir(&place) {
            Err(why) if why.kind() == ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// Returns the names of the folders in a folder.
fn folders(place: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
