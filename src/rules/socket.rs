//! The daemon's own socket inside a container: the widest way around the proxy, and a common habit
//! (compose in a container, the reaper of testcontainers).

use std::cell::OnceCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::{Injection, Reason, Refusal};
use crate::json::Object;
use crate::rules::errands::Known;
use crate::rules::refusal::shown;

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

/// Tells what paths of the host, which are absolute, are to the daemon's socket.
pub trait LookAt: Send + Sync {
    /// What `path` is; `None` if that cannot be told without waiting for a disk or a server.
    fn at_once(&self, path: &str, seen: &Seen) -> Option<Relation>;

    /// The same, however long it takes.
    ///
    /// # Errors
    /// The file system fails.
    fn at_last(&self, path: &str) -> Result<Relation, Blind>;
}

/// Why it cannot be told what a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blind {
    /// The file system has not answered in time.
    Late,
    /// It answers with this error.
    Failed(String),
    /// Nobody can look: the process gets no thread.
    NoThread,
}

/// Something that looks at the file system, or does as if.
#[derive(Clone)]
pub struct Look(Arc<dyn LookAt>);

impl Look {
    /// Looks as `look` does.
    pub fn new(look: impl LookAt + 'static) -> Self {
        Self(Arc::new(look))
    }
}

impl Deref for Look {
    type Target = dyn LookAt;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl Default for Look {
    /// Knows no socket.
    fn default() -> Self {
        Self::new(|_: &str| Relation::Other)
    }
}

/// Who knows without looking.
impl<F: Fn(&str) -> Relation + Send + Sync> LookAt for F {
    fn at_once(&self, path: &str, _: &Seen) -> Option<Relation> {
        Some(self(path))
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        Ok(self(path))
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Look")
    }
}

/// Something that passes, but leads around the proxy: for the log.
pub type Note = &'static str;

/// Told of every plugin that comes in or is changed.
pub const PLUGIN: Note =
    "a plugin comes in or is changed: it has no labels, and may mount the daemon's socket";

/// What is found out while one request is looked at.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) notes: Vec<Note>,
    /// Paths of the host of which it cannot be told at once what they are.
    pub(super) unseen: Vec<String>,
    seen: Seen,
}

/// What is to be mounted in the place of `source`, if something else is, or if nothing is known of it yet.
///
/// # Errors
/// It is the daemon's socket, and that is refused.
pub(super) fn replaced(
    injection: &Injection,
    known: &Known,
    source: &str,
    survey: &mut Survey,
) -> Result<Option<String>, Refusal> {
    if !source.starts_with('/') {
        return Ok(None);
    }
    let relation = known.looked(source).or_else(|| injection.look.at_once(source, &survey.seen));
    match (relation, &injection.socket_bind) {
        (None, _) => {
            survey.unseen.push(source.to_owned());
            Ok(None)
        }
        (Some(Relation::Other), _) => Ok(None),
        (Some(Relation::Above), _) => {
            survey.notes.push("a container mounts a directory with the daemon's socket in it");
            Ok(None)
        }
        (Some(Relation::Socket), SocketBind::Pass) => {
            survey.notes.push("a container mounts the daemon's socket");
            Ok(None)
        }
        (Some(Relation::Socket), SocketBind::Refuse) => Err(socket_bind(source)),
        (Some(Relation::Socket), SocketBind::Rewrite(ours)) => Ok(Some(ours.clone())),
    }
}

/// Begins a survey with what of a HostConfig leads around the proxy.
pub(super) fn survey(host_config: &Object<'_>) -> Result<Survey, Refusal> {
    let mut notes = Vec::new();
    if host_config.is_true("Privileged") {
        notes.push("a container is privileged, so it can reach the daemon around the proxy");
    }
    match host_config.string("PidMode")?.as_deref() {
        Some("host") => notes.push(
            "a container sees the host's processes, so it may reach the daemon around the proxy",
        ),
        Some(other) if other.starts_with("container:") => notes.push(
            "a container sees the processes of another, which may be the host's, so it may reach the \
             daemon around the proxy",
        ),
        Some(_) | None => {}
    }
    Ok(Survey { notes, ..Survey::default() })
}

pub(super) fn socket_bind(path: &str) -> Refusal {
    let text = format!(
        "the container mounts {}, the daemon's own socket, which would lead around the labels",
        shown(path)
    );
    Refusal::new(Reason::SocketBind, text)
}
