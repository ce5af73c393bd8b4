//! The caller: the process that made a connection, its user, cgroup and container.
//!
//! ```text
//! socket ─► credentials ─► process: /proc/PID/cgroup ─► cgroup: path, candidates
//!                                                          │ remembered, or a thread asks the daemon
//!             Caller ◄─ parent: in the daemon's form ◄─ container: confirmed
//! ```
//!
//! Only what is wanted is looked for. What cannot be found out is [`Unknown`]; nothing stands for it.
//!
//! A process is in no container of the daemon if no part of its cgroup's path has the id of one. So a container
//! without a cgroup of its own (`podman run --cgroups=disabled`) is not recognized, and a privileged process
//! may leave the cgroup of its container.

mod container;
mod parent;
mod process;
mod remembered;

use std::io;
use std::num::NonZeroU32;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use super::cgroup::Cgroups;
use super::credentials::Credentials;
use crate::config::socket::{PASSWD, user_name};
use crate::rules::caller::{Caller, Container, Unknown, Wanted};
pub(in crate::net) use container::{Answer, Inquiry, owner};
pub(in crate::net) use process::{Connection, KERNEL, Kernel};
pub(in crate::net) use remembered::Remembered;

/// The number that the kernel reports for a user or group that has none in the user namespace.
const OVERFLOW: u32 = 65534;

/// The daemon of a connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::net) struct Asked<'d> {
    /// The path of its socket.
    pub(in crate::net) path: &'d Path,
    pub(in crate::net) remembered: &'d Remembered,
    pub(in crate::net) now: Instant,
}

/// The result of a look at a connection.
#[derive(Debug)]
pub(in crate::net) enum Found {
    /// All that is wanted.
    All(Caller),
    /// A part of it, and a question to the daemon about the rest.
    Part(Box<Part>, Inquiry),
}

/// A caller without its container.
#[derive(Debug)]
pub(in crate::net) struct Part {
    caller: Caller,
    wanted: Wanted,
    cgroups: Rc<Cgroups>,
    /// The container, if it is remembered.
    container: Option<Rc<Container>>,
    /// The daemon's cgroup driver, if it is remembered.
    driver: Option<String>,
    /// `true` if the proxy has a cgroup namespace of its own.
    has_namespace: bool,
    kernel: Kernel,
}

/// Looks who made a connection. This does not block.
pub(in crate::net) fn look(
    wanted: Wanted,
    connection: &Connection<'_>,
    daemon: &Asked<'_>,
    kernel: Kernel,
) -> Result<Found, Unknown> {
    look_at(Credentials::of(&connection.socket), wanted, connection, daemon, kernel)
}

/// Looks who made a connection with these credentials.
fn look_at(
    credentials: Credentials,
    wanted: Wanted,
    connection: &Connection<'_>,
    daemon: &Asked<'_>,
    kernel: Kernel,
) -> Result<Found, Unknown> {
    let (uid, gid, pid) = match credentials {
        Credentials::Known { uid, gid, pid } => (uid, gid, Some(pid)),
        Credentials::Foreign { uid, gid } => (uid, gid, None),
        Credentials::Unknown => return Err(Unknown::OutOfSight),
    };
    if [uid, gid].contains(&OVERFLOW) && !kernel.has_all_users() {
        return Err(Unknown::Unmapped);
    }
    let mut caller = Caller { uid, gid, pid: pid.map_or(0, NonZeroU32::get), ..Caller::default() };
    if wanted.has(Wanted::USER) {
        let failed = |error: io::Error| Unknown::Unreadable(PASSWD.to_owned(), error.to_string());
        caller.user = user_name(uid).map_err(failed)?;
    }
    let needs_cgroup = wanted.has(Wanted::CGROUP) || is_for_daemon(wanted);
    match pid {
        Some(pid) if needs_cgroup => {
            let has_namespace = !daemon.remembered.sees_all_cgroups(kernel)?;
            let text = kernel.connector(connection, pid)?.cgroup;
            let cgroups = daemon.remembered.cgroups(text);
            let cgroups = cgroups.ok_or_else(|| kernel.garbled(pid.get()))?;
            let (container, driver) = (None, daemon.remembered.driver(daemon.now));
            let part = Part { caller, wanted, cgroups, container, driver, has_namespace, kernel };
            part.recall(daemon)
        }
        None if needs_cgroup || wanted.has(Wanted::PID) => Err(Unknown::OutOfSight),
        _ => Ok(Found::All(caller)),
    }
}

/// Returns `true` if the daemon knows some of it.
fn is_for_daemon(wanted: Wanted) -> bool {
    wanted.has(Wanted::CONTAINER) || wanted.has(Wanted::PARENT)
}

impl Part {
    /// Completes it with what is remembered, or makes a question to the daemon.
    fn recall(mut self, daemon: &Asked<'_>) -> Result<Found, Unknown> {
        let asks = is_for_daemon(self.wanted);
        let mut candidates = if asks { self.cgroups.candidates.clone() } else { Vec::new() };
        if let Some(deepest) = candidates.first() {
            self.container = daemon.remembered.container(deepest, self.kernel);
        }
        let is_known = self.container.is_some();
        if is_known {
            candidates.clear();
        }
        let driver = asks && !is_known && self.driver.is_none();
        let root = self.has_namespace && (!is_known || self.wanted.has(Wanted::CGROUP));
        if candidates.is_empty() && !driver && !root {
            // What is not asked is known, or not needed.
            let answer = Answer { sees_root: true, ..Answer::default() };
            return self.complete(answer, daemon).map(Found::All);
        }
        let (path, kernel) = (daemon.path.to_owned(), self.kernel);
        let inquiry = Inquiry { daemon: path, candidates, driver, root, kernel };
        Ok(Found::Part(Box::new(self), inquiry))
    }

    /// Completes it with the daemon's answer.
    pub(in crate::net) fn complete(
        self,
        answer: Answer,
        daemon: &Asked<'_>,
    ) -> Result<Caller, Unknown> {
        let Self { mut caller, wanted, cgroups, container, driver, kernel, .. } = self;
        let container = answer.container.map(|found| daemon.remembered.keep(found)).or(container);
        if let Some(driver) = &answer.driver {
            daemon.remembered.keep_driver(driver, daemon.now);
        }
        let driver = answer.driver.or(driver).unwrap_or_default();
        let sure = answer.sees_root && !cgroups.is_outside();
        let unsure = || Unknown::OwnNamespace(cgroups.path.clone());
        if wanted.has(Wanted::CGROUP) {
            caller.cgroup = Some(sure.then(|| cgroups.path.clone()).ok_or_else(unsure)?);
        }
        if is_for_daemon(wanted) && container.is_none() {
            if !answer.sees_root {
                // It may be in the container of the proxy.
                return Err(unsure());
            }
            if !["cgroupfs", "systemd"].contains(&&*driver) {
                return Err(Unknown::Driver(driver));
            }
        }
        if wanted.has(Wanted::PARENT) {
            caller.parent = Some(match &container {
                Some(container) => container.cgroup_parent.clone(),
                None if sure => parent::beside(&cgroups, &driver, kernel)?,
                None => return Err(unsure()),
            });
        }
        caller.container = container;
        Ok(caller)
    }
}

#[cfg(test)]
pub(super) mod tests;
