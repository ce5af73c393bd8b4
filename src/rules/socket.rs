//! Mounts of the daemon's socket, the widest way around the proxy. They are common: compose in a
//! container, the reaper of testcontainers.

use std::fmt;

use super::facts::Facts;
pub use super::facts::Relation;
use super::inject::Tree;
use super::policy::Warned;
use super::refusal::shown;
use super::{Profile, Reason, Refusal};
use crate::json::Object;

/// The treatment of a bind mount of the daemon's socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SocketBind {
    /// It passes.
    #[default]
    Pass,
    /// The create is refused.
    Refuse,
    /// This host path, the proxy's socket, is mounted instead.
    Rewrite(String),
}

/// A note for the log about a request that passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It leads around the proxy, in this way.
    Way(&'static str),
    /// The policy would refuse it.
    Policy(Box<Warned>),
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Way(way) => out.write_str(way),
            Self::Policy(warned) => {
                let Warned { rule, text } = &**warned;
                write!(out, "the policy would refuse {text}; {}", rule.shown())
            }
        }
    }
}

/// The note about every plugin that is installed or changed.
pub const PLUGIN: Note = Note::Way(
    "a plugin comes in or is changed: it has no labels, and may mount the daemon's socket",
);

/// Findings about the mounts of one request.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Ways around the proxy.
    pub(super) notes: Vec<&'static str>,
    /// Host paths whose relation to the daemon's socket is not known. They are treated as unrelated.
    pub(super) unseen: Vec<String>,
    /// `true` if the daemon's version is needed.
    pub(super) version: bool,
    /// `true` if an option of the operator changes the HostConfig.
    pub(super) options: bool,
}

/// Returns the path to mount instead of the host path `sought`, if any; the client wrote `source`. Records a
/// path of unknown relation in `survey`.
///
/// # Errors
/// Mounts of the daemon's socket are refused, and this is one.
pub(super) fn replaced(
    profile: &Profile,
    known: &Facts,
    source: &str,
    sought: &str,
    survey: &mut Survey,
) -> Result<Option<String>, Refusal> {
    if !sought.starts_with('/') {
        return Ok(None);
    }
    match (known.relation(sought), &profile.socket_bind) {
        (None, _) => {
            survey.unseen.push(sought.to_owned());
            Ok(None)
        }
        (Some(Relation::Other | Relation::Missing | Relation::Beyond), _) => Ok(None),
        (Some(Relation::Above), _) => {
            survey.notes.push(
                "a container mounts a directory with a socket of the daemon or of the proxy in it",
            );
            Ok(None)
        }
        (Some(Relation::Socket), SocketBind::Pass) => {
            survey.notes.push("a container mounts the daemon's socket");
            Ok(None)
        }
        (Some(Relation::Socket), SocketBind::Refuse) => Err(socket_bind(source)),
        (Some(Relation::Socket), SocketBind::Rewrite(own)) => Ok(Some(own.clone())),
    }
}

/// Begins a survey with notes about a HostConfig that leads around the proxy. Options that are `forced` do
/// not count.
pub(super) fn survey(host_config: &Object<'_>, forced: &Tree) -> Result<Survey, Refusal> {
    let mut notes = Vec::new();
    if host_config.is_true("Privileged") && !forced.sets("Privileged") {
        notes.push("a container is privileged, so it can reach the daemon around the proxy");
    }
    let mode = host_config.string("PidMode")?.filter(|_| !forced.sets("PidMode"));
    match mode.as_deref() {
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
        "the container mounts {}, a socket of the daemon or of the proxy, and the operator refuses such \
         mounts",
        shown(path)
    );
    Refusal::new(Reason::SocketBind, text)
}
