//! The cgroup parent by which a container gets beside its caller, so that the limits above the caller hold for
//! it, too.

use super::process::Kernel;
use crate::net::host::cgroup::Cgroups;
use crate::rules::caller::{NoParent, Unknown};

/// Returns the cgroup parent in the form of the daemon's cgroup `driver`; empty if the caller is at the top.
pub(super) fn beside(cgroups: &Cgroups, driver: &str, kernel: Kernel) -> Result<String, Unknown> {
    let refused = |why| Err(Unknown::Parent(why));
    let parent = above(cgroups.own());
    // With version 1 the parent has one path in all hierarchies, but the caller may have several. A cgroup at
    // the top is not made for one job: services of systemd are in one while Slurm sets the limits in others.
    for other in &cgroups.v1 {
        let limits = above(other);
        if !above(limits).is_empty() && !is_in(parent, limits) {
            return refused(NoParent::Divided(parent.to_owned(), other.clone()));
        }
    }
    if parent.is_empty() {
        return Ok(String::new());
    }
    let text = if driver == "systemd" { slice(parent) } else { Some(parent) };
    let Some(text) = text else { return refused(NoParent::NoSlice(parent.to_owned())) };
    if cgroups.is_v2 && kernel.has_processes(parent)? {
        return refused(NoParent::Occupied(parent.to_owned()));
    }
    Ok(text.to_owned())
}

/// Returns the parent of a cgroup; empty for the root.
fn above(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns `true` if a cgroup is `other` or in it.
fn is_in(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the name of the slice that the daemon would take for the cgroup at `path`: `a-b.slice` is at
/// `/a.slice/a-b.slice` (systemd.slice(5)). A slice of a user's systemd is elsewhere.
fn slice(path: &str) -> Option<&str> {
    let (_, name) = path.rsplit_once('/')?;
    let stem = name.strip_suffix(".slice")?;
    let mut place = String::new();
    for (dash, _) in stem.match_indices('-').chain([(stem.len(), "")]) {
        place.extend(["/", stem.get(..dash)?, ".slice"]);
    }
    (place == path && !stem.split('-').any(str::is_empty)).then_some(name)
}

#[cfg(test)]
mod tests;
