//! Answers of one daemon that hold for some time.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::container::Running;
use super::process::Kernel;
use crate::net::host::cgroup::{Candidate, Cgroups};
use crate::rules::caller::{Container, Unknown};

/// Maximum number of remembered containers; the oldest is dropped first. A host runs some dozen jobs at a time.
const ENTRIES: usize = 256;

/// Maximum length of a remembered text in bytes.
const TEXT: usize = 64 * 1024;

/// Maximum number of remembered texts about cgroups. All processes of a container have the same.
const TEXTS: usize = 64;

/// Time for which a cgroup driver is remembered. It changes only with the daemon's configuration.
const DRIVER_KEPT: Duration = Duration::from_mins(10);

/// Answers of one daemon.
#[derive(Debug, Default)]
pub(in crate::net) struct Remembered {
    containers: RefCell<VecDeque<Entry>>,
    /// The cgroups in texts of the kernel.
    cgroups: RefCell<VecDeque<(String, Rc<Cgroups>)>>,
    /// The cgroup driver, and the time of the answer.
    driver: RefCell<Option<(String, Instant)>>,
    /// Set once `/proc` was looked at: `true` if the proxy sees all cgroups.
    sees_all_cgroups: Cell<Option<bool>>,
}

/// A container, until its first process has ended. Until then only its name may change; the one at the first
/// question stays.
#[derive(Debug)]
struct Entry {
    cgroup: Candidate,
    first: (u32, u64),
    container: Rc<Container>,
}

impl Remembered {
    /// Returns the container with this cgroup. A cgroup that is unknown to the daemon is not remembered: Podman
    /// may restore a container with its id.
    pub(super) fn container(&self, cgroup: &Candidate, kernel: Kernel) -> Option<Rc<Container>> {
        let mut entries = self.containers.borrow_mut();
        let at = entries.iter().position(|entry| entry.cgroup == *cgroup)?;
        let Entry { first: (pid, started), container, .. } = entries.get(at)?;
        if kernel.started(*pid) == Some(*started) {
            return Some(Rc::clone(container));
        }
        entries.remove(at);
        None
    }

    /// Remembers a container.
    pub(super) fn keep(&self, running: Running) -> Rc<Container> {
        let Running { container, cgroup, first } = running;
        let mut entries = self.containers.borrow_mut();
        // Of a container that was started again, or about which several asked at once.
        entries.retain(|entry| entry.cgroup != cgroup);
        let container = Rc::new(container);
        if container.is_small() {
            if entries.len() >= ENTRIES {
                entries.pop_front();
            }
            entries.push_back(Entry { cgroup, first, container: Rc::clone(&container) });
        }
        container
    }

    /// Reads the kernel's text about the cgroups of a process; `None` if it cannot be understood. A text that
    /// was read before takes a fraction of the time.
    pub(super) fn cgroups(&self, text: String) -> Option<Rc<Cgroups>> {
        let mut known = self.cgroups.borrow_mut();
        if let Some((_, cgroups)) = known.iter().find(|(known, _)| *known == text) {
            return Some(Rc::clone(cgroups));
        }
        let cgroups = Rc::new(Cgroups::read(&text)?);
        if text.len() <= TEXT {
            if known.len() >= TEXTS {
                known.pop_front();
            }
            known.push_back((text, Rc::clone(&cgroups)));
        }
        Some(cgroups)
    }

    /// Checks `/proc` at the first call. Returns `true` if the proxy sees all cgroups. Neither changes while it
    /// runs.
    pub(super) fn sees_all_cgroups(&self, kernel: Kernel) -> Result<bool, Unknown> {
        if let Some(sees_all) = self.sees_all_cgroups.get() {
            return Ok(sees_all);
        }
        kernel.check()?;
        let sees_all = kernel.shows_all_cgroups();
        self.sees_all_cgroups.set(Some(sees_all));
        Ok(sees_all)
    }

    /// Returns the cgroup driver.
    pub(super) fn driver(&self, now: Instant) -> Option<String> {
        let driver = self.driver.borrow();
        let (driver, since) = driver.as_ref()?;
        (now.saturating_duration_since(*since) < DRIVER_KEPT).then(|| driver.clone())
    }

    /// Remembers the cgroup driver.
    pub(super) fn keep_driver(&self, driver: &str, now: Instant) {
        *self.driver.borrow_mut() = Some((driver.to_owned(), now));
    }
}

#[cfg(test)]
mod tests;
