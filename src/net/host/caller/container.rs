//! The daemon's knowledge of a caller's container.
//!
//! The id in the name of a cgroup is a claim: anyone who may make cgroups may name one after another
//! container. It is believed only if the container's first process, which the daemon names, is in that very
//! cgroup. So who may move processes into the cgroup of a container (root, the user of a rootless daemon, a
//! privileged container) can pass for it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::process::Kernel;
use crate::net::client;
use crate::net::host::cgroup::Candidate;
use crate::net::host::credentials::Credentials;
use crate::rules::caller::{Container, Mount, Source, Unknown};

/// A question to the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) struct Inquiry {
    /// The socket of the daemon.
    pub(super) daemon: PathBuf,
    /// The cgroups that may be those of a container.
    pub(super) candidates: Vec<Candidate>,
    /// `true` if the cgroup driver is wanted, should the daemon know no container.
    pub(super) driver: bool,
    /// `true` if the proxy may see less of the cgroups than the daemon.
    pub(super) root: bool,
    pub(super) kernel: Kernel,
}

/// The answer to an [`Inquiry`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::net) struct Answer {
    /// The container; `None` if the daemon knows none of them.
    pub(super) container: Option<Running>,
    /// The cgroup driver, if it was asked for.
    pub(super) driver: Option<String>,
    /// `true` if paths of cgroups have the same meaning for the proxy as for the daemon.
    pub(super) sees_root: bool,
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) container: Container,
    /// Its cgroup.
    pub(super) cgroup: Candidate,
    /// Its first process, and the time at which that was started.
    pub(super) first: (u32, u64),
}

impl Inquiry {
    /// Asks the daemon, which may take long.
    pub(in crate::net) fn answer(&self) -> Result<Answer, Unknown> {
        let container = self.container()?;
        let driver = self.driver && container.is_none();
        Ok(Answer {
            container,
            driver: driver.then(|| driver_of(&self.daemon)).transpose()?,
            sees_root: !self.root || self.is_daemon_below_root(),
        })
    }

    /// Returns the innermost container that the daemon knows.
    fn container(&self) -> Result<Option<Running>, Unknown> {
        for cgroup in &self.candidates {
            let target = format!("/containers/{}/json", cgroup.id);
            let inspected = match client::get(&self.daemon, &target) {
                Err(client::Error::Status(404)) => continue,
                result => result.map_err(|error| failed(&error))?,
            };
            // A container may have the id of another one as its name.
            if string(&inspected, "/Id")? == cgroup.id {
                return running(&inspected, cgroup, self.kernel).map(Some);
            }
        }
        Ok(None)
    }

    /// Returns `true` if the daemon is in the part of the cgroups that the proxy sees.
    fn is_daemon_below_root(&self) -> bool {
        let Ok(Credentials::Known { pid, .. }) = client::peer(&self.daemon) else { return false };
        let daemon = self.kernel.cgroups(pid.get());
        daemon.is_ok_and(|(cgroups, _)| !cgroups.is_outside())
    }
}

/// Returns the container that mounts the `socket` that the proxy made for it. A later one that mounts the same path
/// is another.
pub(in crate::net) fn owner(daemon: &Path, socket: &Path) -> Result<Container, Unknown> {
    let ask = |target: &str| client::get(daemon, target).map_err(|error| failed(&error));
    let all = ask("/containers/json?all=1")?;
    let mounts = |entry: &&Value| {
        let mounts = entry.get("Mounts").and_then(Value::as_array).into_iter().flatten();
        mounts.filter_map(|mount| mount.get("Source")?.as_str()).any(|it| Path::new(it) == socket)
    };
    let all = all.as_array().into_iter().flatten();
    // Times are in seconds. The daemon lists newer containers first.
    let first =
        all.filter(mounts).rev().min_by_key(|entry| entry.get("Created").and_then(Value::as_i64));
    let id = first.and_then(|entry| entry.get("Id")?.as_str());
    let id = id.ok_or_else(|| Unknown::NoOwner(socket.display().to_string()))?;
    read(&ask(&format!("/containers/{id}/json"))?)
}

fn failed(error: &client::Error) -> Unknown {
    Unknown::Daemon(error.to_string())
}

/// Returns the cgroup driver; `none` if containers have no cgroups.
fn driver_of(daemon: &Path) -> Result<String, Unknown> {
    let info = client::get(daemon, "/info").map_err(|error| failed(&error))?;
    let is_rootless =
        list(&info, "/SecurityOptions")?.iter().any(|option| option == "name=rootless");
    // Podman then names a driver that it does not use.
    let is_unused = is_rootless && info.get("CgroupVersion").is_some_and(|version| version == "1");
    if is_unused {
        Ok("none".to_owned())
    } else {
        string(&info, "/CgroupDriver").map(str::to_owned)
    }
}

/// Reads the inspection of a container, and confirms that its first process is in the cgroup.
fn running(inspected: &Value, cgroup: &Candidate, kernel: Kernel) -> Result<Running, Unknown> {
    let container = read(inspected)?;
    let pid = inspected.pointer("/State/Pid").and_then(Value::as_u64);
    let pid = pid.and_then(|pid| u32::try_from(pid).ok()).ok_or_else(|| lacks("/State/Pid"))?;
    if pid == 0 {
        return Err(Unknown::NotRunning(container.id));
    }
    let elsewhere = || Unknown::Elsewhere { path: cgroup.path.clone(), pid };
    let (cgroups, started) = kernel.cgroups(pid).map_err(|why| match why {
        Unknown::Ended(_) => elsewhere(),
        why => why,
    })?;
    if !cgroups.candidates.contains(cgroup) {
        return Err(elsewhere());
    }
    Ok(Running { container, cgroup: cgroup.clone(), first: (pid, started) })
}

/// Reads the inspection of a container.
fn read(inspected: &Value) -> Result<Container, Unknown> {
    let owned = |pointer| string(inspected, pointer).map(ToOwned::to_owned);
    let env = list(inspected, "/Config/Env")?.iter().map(|variable| {
        let variable = variable.as_str().ok_or_else(|| lacks("/Config/Env"))?;
        Ok(variable.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
    });
    let labels = members(inspected, "/Config/Labels")?.map(|(key, value)| {
        let value = value.as_str().ok_or_else(|| lacks("/Config/Labels"))?;
        Ok((key.clone(), value.to_owned()))
    });
    let mounts = list(inspected, "/Mounts")?.iter().map(mount);
    let mut mounts: Vec<Mount> = mounts.collect::<Result<_, _>>()?;
    for part in list(inspected, "/HostConfig/Mounts")? {
        narrow(&mut mounts, part);
    }
    let tmpfs = members(inspected, "/HostConfig/Tmpfs")?;
    mounts.extend(tmpfs.map(|(target, _)| Mount::at(target, Source::Nothing)));
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.len()));
    Ok(Container {
        id: owned("/Id")?,
        name: owned("/Name")?.trim_start_matches('/').to_owned(),
        labels: labels.collect::<Result<_, _>>()?,
        // A name without a value is no variable of the container.
        env: env.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        cgroup_parent: match inspected.pointer("/HostConfig/CgroupParent") {
            None => String::new(),
            Some(_) => owned("/HostConfig/CgroupParent")?,
        },
        mounts,
    })
}

fn mount(mount: &Value) -> Result<Mount, Unknown> {
    let text = |pointer| string(mount, pointer);
    let source = match text("/Type")? {
        "bind" => match text("/Source")? {
            path if path.starts_with('/') => Source::Path(path.to_owned()),
            _ => Source::Nothing,
        },
        "volume" => Source::Volume {
            name: text("/Name")?.to_owned(),
            place: mount.get("Source").and_then(Value::as_str).unwrap_or_default().to_owned(),
        },
        _ => Source::Nothing,
    };
    let read_only = mount.get("RW") != Some(&Value::Bool(true));
    Ok(Mount { read_only, ..Mount::at(text("/Destination")?, source) })
}

/// Replaces the volume of which a container mounts only this part: as a source, the daemon reports the place of
/// the whole volume.
fn narrow(mounts: &mut [Mount], part: &Value) {
    let text = |pointer| part.pointer(pointer).and_then(Value::as_str).filter(|it| !it.is_empty());
    let (Some(target), Some(part)) = (text("/Target"), text("/VolumeOptions/Subpath")) else {
        return;
    };
    let target = Mount::at(target, Source::Nothing).target;
    for mount in mounts.iter_mut().filter(|mount| mount.target == target) {
        if let Source::Volume { place, .. } = &mount.source {
            mount.source = match &**place {
                "" => Source::Nothing,
                // Cleaned, as paths of mounts are.
                place => {
                    Source::Path(Mount::at(&format!("{place}/{part}"), Source::Nothing).target)
                }
            };
        }
    }
}

fn string<'v>(value: &'v Value, pointer: &str) -> Result<&'v str, Unknown> {
    value.pointer(pointer).and_then(Value::as_str).ok_or_else(|| lacks(pointer))
}

/// Returns the members of an object that may be absent.
fn members<'v>(
    value: &'v Value,
    pointer: &str,
) -> Result<impl Iterator<Item = (&'v String, &'v Value)>, Unknown> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(None.into_iter().flatten()),
        Some(Value::Object(members)) => Ok(Some(members).into_iter().flatten()),
        Some(_) => Err(lacks(pointer)),
    }
}

/// Returns the elements of an array that may be absent.
fn list<'v>(value: &'v Value, pointer: &str) -> Result<&'v [Value], Unknown> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(&[]),
        Some(list) => list.as_array().map(Vec::as_slice).ok_or_else(|| lacks(pointer)),
    }
}

fn lacks(pointer: &str) -> Unknown {
    let member = pointer.trim_start_matches('/').replace('/', ".");
    Unknown::Daemon(format!("the daemon's answer has no {member} of the type in its API"))
}

#[cfg(test)]
mod tests;
