//! Errors in making a listening socket.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use super::{access, directory};
use crate::config::SocketAccess;
use crate::config::socket::group_shown;

/// An error in making a listening socket.
#[derive(Debug)]
pub enum Error {
    /// Another process listens there.
    InUse(PathBuf),
    /// Another file, a directory or a link exists there.
    NotASocket(PathBuf),
    /// The directory does not exist.
    NoDirectory(PathBuf),
    /// The kernel refused this owner or group.
    NotGiven {
        /// The path of the listening socket.
        path: PathBuf,
        /// The refused owner or group.
        access: SocketAccess,
        /// The daemon's socket, if the group is its group.
        model: Option<PathBuf>,
        /// The kernel's error.
        error: io::Error,
    },
    /// The kernel refused a step.
    Failed {
        /// The step, as a verb that the path follows.
        step: &'static str,
        /// The path of the listening socket.
        path: PathBuf,
        /// The kernel's error.
        error: io::Error,
    },
}

impl Error {
    pub(super) fn not_given(
        path: &Path,
        given: SocketAccess,
        daemon: &Path,
        error: io::Error,
    ) -> Self {
        let model = (given.owner.is_none() && given.group.is_none()).then(|| daemon.to_owned());
        Self::NotGiven { path: path.into(), access: access(given, daemon), model, error }
    }

    pub(in crate::net::listen) fn failed(
        step: &'static str,
        path: &Path,
        error: io::Error,
    ) -> Self {
        let path = path.into();
        Self::Failed { step, path, error }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(
                f,
                "a program already listens on {}, stop it or listen elsewhere",
                path.display()
            ),
            Self::NotASocket(path) => {
                write!(f, "{} is there but is no socket, and is left alone", path.display())
            }
            Self::NoDirectory(path) => write!(
                f,
                "the directory {}, in which the socket {} is to be made, does not exist",
                directory(path).display(),
                path.display()
            ),
            Self::NotGiven { path, access, model, error } => {
                write!(f, "cannot give {} to", path.display())?;
                let owner = access.owner.map(|owner| format!(" user {owner}"));
                let group = access.group.map(|group| format!(" group {}", group_shown(group)));
                owner.iter().chain(&group).try_for_each(|whom| f.write_str(whom))?;
                match model {
                    Some(daemon) => write!(
                        f,
                        ", which the daemon's socket {} has: {error}; the user that runs the proxy \
                         has to be in that group, or --socket-group to name another",
                        daemon.display()
                    ),
                    None => write!(
                        f,
                        ": {error}; only root may give it to another user, and others to a group \
                         only if they are in it"
                    ),
                }
            }
            Self::Failed { step, path, error } => {
                write!(f, "cannot {step} {}: {error}", path.display())
            }
        }
    }
}

impl std::error::Error for Error {}
