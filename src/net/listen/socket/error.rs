//! Why a listening socket could not be made.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

use super::{access, directory};
use crate::config::SocketAccess;
use crate::config::socket::group_shown;

/// Why there is no listening socket.
#[derive(Debug)]
pub enum Error {
    /// A program answers there.
    InUse(PathBuf),
    /// A file, directory or link is there.
    NotASocket(PathBuf),
    /// The directory is missing.
    NoDirectory(PathBuf),
    /// The kernel does not let us give the socket to this owner or group.
    NotGiven {
        /// The path of the listening socket.
        path: PathBuf,
        /// To whom it was to be given.
        access: SocketAccess,
        /// The daemon's socket, if that is whose group it was to get, and nothing else was asked for.
        model: Option<PathBuf>,
        /// What the kernel said.
        error: io::Error,
    },
    /// The kernel refused.
    Failed {
        /// What was tried, to be followed by the path.
        step: &'static str,
        /// The path of the listening socket.
        path: PathBuf,
        /// What the kernel said.
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

    pub(super) fn failed(step: &'static str, path: &Path, error: io::Error) -> Self {
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
