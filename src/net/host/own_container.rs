//! The container in which this process runs, if it runs in one.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde_json::Value;

use super::cgroup::Cgroups;
use crate::net::client;

/// The files of an image over which an engine mounts those of its container's network and name.
const CONTAINER_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// Returns the cgroup parent of the container in which this process runs. The hostname of a container
/// is its id by default, so the daemon is asked about the hostname first, then about the ids that the
/// kernel shows to the process.
///
/// # Errors
///
/// The process runs in no container that the daemon knows, the container has no cgroup parent of its
/// own, or the daemon cannot be asked.
pub fn cgroup_parent(daemon: &Path) -> Result<String, Error> {
    let hostname = read("/proc/sys/kernel/hostname");
    parent_of_first(daemon, hostname.trim(), own_ids().iter().map(String::as_str))
}

/// Returns the ids that the kernel shows to this process as those of its container, and of containers around it.
pub(in crate::net) fn own_ids() -> Vec<String> {
    let (cgroup, mountinfo) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let candidates = Cgroups::read(&cgroup).map(|cgroups| cgroups.candidates).unwrap_or_default();
    let ids = candidates.into_iter().map(|cgroup| cgroup.id);
    ids.chain(id_in_mountinfo(&mountinfo).map(ToOwned::to_owned)).collect()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Returns `true` if this process seems to run in a container, and so does not see the host's files
/// under their names. An engine mounts files of its own over some of the image's.
#[must_use]
pub fn is_there() -> bool {
    let mountinfo = read("/proc/self/mountinfo");
    mounts(&mountinfo).any(|(_, mount_point)| CONTAINER_FILES.contains(&mount_point))
}

/// Asks about the container named by the hostname, then about the ids, until the daemon knows one.
fn parent_of_first<'a>(
    daemon: &Path,
    hostname: &str,
    ids: impl Iterator<Item = &'a str>,
) -> Result<String, Error> {
    if let Some(container) = container(daemon, hostname)?
        && is_host(&container, hostname)
    {
        return parent_of(&container, hostname);
    }
    for id in ids {
        if let Some(container) = container(daemon, id)? {
            return parent_of(&container, id);
        }
    }
    Err(Error::NoContainer)
}

/// Returns the daemon's description of a container; `None` if the daemon does not know it.
fn container(daemon: &Path, name: &str) -> Result<Option<Value>, Error> {
    // No name or id has other bytes, which would have to be escaped in the request.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Ok(None);
    }
    match client::get(daemon, &format!("/containers/{name}/json")) {
        Ok(container) => Ok(Some(container)),
        Err(client::Error::Status(_)) => Ok(None),
        Err(error) => Err(Error::Daemon(error)),
    }
}

/// Returns `true` if a container that was found by the hostname of this process can be its own. Another
/// container may have that name by chance, but then it has a different hostname.
fn is_host(container: &Value, hostname: &str) -> bool {
    let found = container.pointer("/Config/Hostname").and_then(Value::as_str);
    found.is_none_or(|found| {
        // Some daemons append the domain to the name.
        let domain = hostname.strip_prefix(found);
        domain.is_some_and(|domain| domain.is_empty() || domain.starts_with('.'))
    })
}

fn parent_of(container: &Value, name: &str) -> Result<String, Error> {
    let parent = container.pointer("/HostConfig/CgroupParent");
    match parent.and_then(Value::as_str) {
        Some(parent) if !parent.is_empty() => Ok(parent.to_owned()),
        _ => Err(Error::NoParent(name.to_owned())),
    }
}

/// Returns the id of the process's container in the text of `/proc/self/mountinfo`: the daemon mounts files
/// like `.../containers/<id>/hostname` over some in `/etc`. Other ids there are those of image layers.
fn id_in_mountinfo(text: &str) -> Option<&str> {
    mounts(text).find_map(|(root, mount_point)| {
        let is_own = CONTAINER_FILES.contains(&mount_point);
        let (_, id) = root.rsplit_once("containers/").filter(|_| is_own)?;
        ids(id).next()
    })
}

/// Returns each mount in the text of `/proc/self/mountinfo`: the path in its file system, and the mount
/// point.
fn mounts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    })
}

/// Returns the container ids in a text: runs of exactly 64 lower-case hexadecimal digits.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let is_hex = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(move |run| run.len() == 64 && run.chars().all(is_hex))
}

/// The reason why the cgroup parent of the process's container is not known.
#[derive(Debug)]
pub enum Error {
    /// The daemon gave no usable response.
    Daemon(client::Error),
    /// The daemon knows no container of the process.
    NoContainer,
    /// The container of this name has no cgroup parent of its own.
    NoParent(String),
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(error) => error.fmt(f),
            Self::NoContainer => write!(
                f,
                "the proxy runs in no container that the daemon knows by our hostname, \
                 /proc/self/cgroup or /proc/self/mountinfo"
            ),
            Self::NoParent(name) => write!(
                f,
                "the container {name}, in which the proxy runs, has no cgroup parent of its own"
            ),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
