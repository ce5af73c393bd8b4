//! The daemon's own socket inside a container: the widest way around the proxy, and a common habit
//! (compose in a container, the reaper of testcontainers).

use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use super::json::Object;
use super::{Injection, Refusal};

/// What is done with a bind mount whose source is the daemon's socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SocketBind {
    /// It passes.
    #[default]
    Pass,
    /// The create is refused.
    Refuse,
    /// This path of the host, our own socket, is mounted in its place.
    Rewrite(String),
}

/// What a path of the host is to the daemon's socket, from the farthest to the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Something else.
    Other,
    /// A directory in which the socket is.
    Above,
    /// The socket itself, under whatever name.
    Socket,
}

/// What makes a file the same one under all its names: device and inode, as for hard links and
/// bind mounts.
pub type File = (u64, u64);

/// What has been seen of the daemon's socket while one request is looked at, so that it is looked at
/// once, however much is mounted.
#[derive(Debug, Default)]
pub struct Seen {
    /// The socket, if it is there.
    pub socket: OnceCell<Option<File>>,
    /// The directories in which it is.
    pub above: OnceCell<Vec<File>>,
}

/// Tells what a path of the host is to the daemon's socket. It may look at the file system.
#[derive(Clone)]
pub struct Look(Arc<LookAt>);

type LookAt = dyn Fn(&str, &Seen) -> Relation + Send + Sync;

impl Look {
    /// Looks by calling `look`.
    pub fn new(look: impl Fn(&str, &Seen) -> Relation + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// What `path`, which is absolute, is to the daemon's socket.
    #[must_use]
    pub fn at(&self, path: &str, seen: &Seen) -> Relation {
        (self.0)(path, seen)
    }
}

impl Default for Look {
    /// Knows no socket.
    fn default() -> Self {
        Self::new(|_, _| Relation::Other)
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Look")
    }
}

/// Something that passes, but leads around the proxy: for the log.
pub type Note = &'static str;

/// What is to be mounted in the place of `source`, if something else is.
///
/// # Errors
/// It is the daemon's socket, and that is refused.
pub(super) fn replaced(
    injection: &Injection,
    source: &str,
    notes: &mut Vec<Note>,
    seen: &Seen,
) -> Result<Option<String>, Refusal> {
    if !source.starts_with('/') {
        return Ok(None);
    }
    match (injection.look.at(source, seen), &injection.socket_bind) {
        (Relation::Other, _) => Ok(None),
        (Relation::Above, _) => {
            notes.push("a container mounts a directory with the daemon's socket in it");
            Ok(None)
        }
        (Relation::Socket, SocketBind::Pass) => {
            notes.push("a container mounts the daemon's socket");
            Ok(None)
        }
        (Relation::Socket, SocketBind::Refuse) => Err(Refusal::SocketBind(source.to_owned())),
        (Relation::Socket, SocketBind::Rewrite(ours)) => Ok(Some(ours.clone())),
    }
}

/// What of a HostConfig leads around the proxy.
pub(super) fn notes(host_config: &Object<'_>) -> Result<Vec<Note>, Refusal> {
    let mut notes = Vec::new();
    if host_config.is_true("Privileged") {
        notes.push("a container is privileged, so it can reach the daemon around the proxy");
    }
    if host_config.string("PidMode")?.as_deref() == Some("host") {
        notes.push(
            "a container sees the host's processes, so it may reach the daemon around the proxy",
        );
    }
    Ok(notes)
}
