//! The sockets that containers get for what they create themselves. Each is mounted into one container, which is
//! known by that mount alone: the daemon remembers it, over restarts of the proxy and of the daemon.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, DirEntry};
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Listener;
use super::socket::Error;
use crate::config::SocketAccess;
use crate::rules::caller::Container;

/// Time that a container gets to be created after its socket was made. A daemon under load takes long to create one.
pub(in crate::net) const CREATING: Duration = Duration::from_mins(2);

/// The directory for the sockets of the containers of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSockets {
    /// The directory.
    folder: PathBuf,
    /// The same directory as the daemon sees it.
    host_folder: PathBuf,
    access: SocketAccess,
    daemon: PathBuf,
}

impl JobSockets {
    /// Returns the directory beside the listening socket, which the daemon sees at `source`. The sockets get the
    /// same permissions and owners as the listening socket.
    #[must_use]
    pub fn beside(listen: &Path, source: &Path, access: SocketAccess, daemon: &Path) -> Self {
        let folder = |path: &Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            let mut name = OsString::from(path);
            name.push(".jobs");
            PathBuf::from(name)
        };
        let (folder, host_folder) = (folder(listen), folder(source));
        Self { folder, host_folder, access, daemon: daemon.to_owned() }
    }

    /// Returns the directory as the daemon sees it.
    #[must_use]
    pub fn host_folder(&self) -> &Path {
        &self.host_folder
    }

    /// Makes a socket with a new name. Makes the directory if necessary, closed to all other users: a container
    /// gets its socket by the mount.
    ///
    /// # Errors
    /// The kernel refuses a step.
    pub(in crate::net) fn open(&self) -> Result<(Listener, Rc<Job>), Error> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.folder);
        made.map_err(|why| Error::failed("make the directory", &self.folder, why))?;
        // The names cannot be guessed, and no two are the same.
        self.bind(&format!("{:016x}", RandomState::new().build_hasher().finish()))
    }

    /// Makes a socket anew that was lost with an earlier process. The container gets it when it is started again.
    ///
    /// # Errors
    /// Another process listens at the path, or the kernel refuses a step.
    pub(in crate::net) fn reopen(&self, path: &Path) -> Result<(Listener, Rc<Job>), Error> {
        self.bind(&path.file_name().unwrap_or_default().to_string_lossy())
    }

    fn bind(&self, name: &str) -> Result<(Listener, Rc<Job>), Error> {
        let listener = Listener::bind(&self.folder.join(name), self.access, &self.daemon)?;
        let job = self.job(&listener, Instant::now());
        Ok((listener, job))
    }

    /// Returns `true` if the socket is in the directory.
    #[must_use]
    pub fn has(&self, listener: &Listener) -> bool {
        listener.path().parent() == Some(&self.folder)
    }

    /// Returns what is known of the container with this socket, which was made at `since` or before.
    pub(in crate::net) fn job(&self, listener: &Listener, since: Instant) -> Rc<Job> {
        let name = listener.path().file_name().unwrap_or_default();
        let path = self.host_folder.join(name);
        Rc::new(Job { path, since, owner: OnceCell::new(), was_mounted: Cell::new(false) })
    }

    /// Removes the files in the directory for which `stays` returns `false`; they are given as the daemon sees
    /// them. Those that are younger than `age` stay: an earlier process may be about to pass their sockets.
    pub(in crate::net) fn clean(&self, age: Duration, stays: impl Fn(&Path) -> bool) {
        let is_old = |entry: &DirEntry| {
            let made = entry.metadata().and_then(|meta| meta.modified()).ok();
            made.and_then(|made| made.elapsed().ok()).is_some_and(|passed| passed >= age)
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let stays = |entry: &DirEntry| stays(&self.host_folder.join(entry.file_name()));
        for entry in entries.filter(|entry| is_old(entry) && !stays(entry)) {
            // The next call removes what stays.
            let _: io::Result<()> = fs::remove_file(entry.path());
        }
    }
}

/// A container with a socket of its own.
#[derive(Debug)]
pub(in crate::net) struct Job {
    /// The socket as the daemon sees it.
    path: PathBuf,
    /// The time at which the socket was made or taken over.
    since: Instant,
    /// The container, once it was asked for.
    owner: OnceCell<Rc<Container>>,
    /// `true` once the daemon had a container that mounts it.
    was_mounted: Cell<bool>,
}

impl Job {
    /// Returns the path of the socket as the daemon sees it.
    pub(in crate::net) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the time at which the socket was made or taken over.
    pub(in crate::net) fn since(&self) -> Instant {
        self.since
    }

    /// Returns `true` if a container mounts it, or may be about to, by a list of the daemon's `mounts` that was asked
    /// for at the time `begun`.
    pub(in crate::net) fn is_used(&self, mounts: &BTreeSet<PathBuf>, begun: Instant) -> bool {
        let is_mounted = mounts.contains(&self.path);
        let had_one = self.was_mounted.replace(is_mounted || self.was_mounted.get());
        is_mounted || !had_one && self.since + CREATING > begun
    }

    /// Returns the container, if it is known.
    pub(in crate::net) fn owner(&self) -> Option<Rc<Container>> {
        self.owner.get().cloned()
    }

    /// Remembers the container. A socket never gets another one.
    pub(in crate::net) fn keep(&self, container: Container) -> Rc<Container> {
        Rc::clone(self.owner.get_or_init(|| Rc::new(container)))
    }
}

#[cfg(test)]
mod tests;
