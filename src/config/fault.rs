//! What can be wrong with a value that the operator gave.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::socket::MAX_SOCKET_PATH;

/// Why a value cannot be used. The text says what was seen and what was wanted; the name of the
/// flag or variable goes before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A label without `=`.
    NoEquals(String),
    /// A label whose key is empty.
    EmptyKey,
    /// A label with this key, which has a blank in it.
    BlankInKey(String),
    /// A label with NUL, CR or LF in it.
    LineBytes(String),
    /// A cgroup parent that no daemon can use, or none can use as it was meant.
    CgroupParent(String),
    /// The same for builds.
    BuildCgroupParent(String),
    /// `self` for builds.
    SelfForBuilds,
    /// A label of images that is none of the labels.
    NotALabel {
        /// The key.
        key: String,
        /// A key that may have been meant.
        near: Option<String>,
        /// The keys that there are.
        keys: Vec<String>,
    },
    /// A list of the labels of images without any.
    NoImageLabels(String),
    /// A cgroup parent that is not a slice, for a daemon that runs its containers by systemd.
    NotASlice(String),
    /// A cgroup parent that is a slice, for a daemon to which it is only a path, and one below its own.
    SliceAsPath(String),
    /// Not what can be done with a mount of the daemon's socket.
    SocketBind(String),
    /// Not a handling of anonymous volumes.
    AnonymousVolumes(String),
    /// A path that cannot be the source of a bind mount.
    NotMountable(String),
    /// Not a way to write the log.
    LogFormat(String),
    /// Not a time.
    Time(String),
    /// Not the octal mode of a file.
    Mode(String),
    /// A user or group that the file with their names does not know.
    UnknownName {
        /// `user` or `group`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// `/etc/passwd` or `/etc/group`.
        file: &'static str,
    },
    /// A user or group number that the kernel keeps for itself.
    ReservedId(String),
    /// The file with the names of users or groups cannot be read, and why.
    Unreadable(&'static str, String),
    /// A path that is empty or does not name a file.
    NotAFile(PathBuf),
    /// An address of a kind other than a UNIX socket.
    NotUnix(String),
    /// A path with more bytes than the address of a UNIX socket can hold.
    PathTooLong(PathBuf),
}

impl Display for Fault {
    #[expect(clippy::too_many_lines, reason = "a sentence for each, and nothing else")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEquals(text) => write!(f, "{text:?} has no \"=\", wanted KEY=VALUE"),
            Self::EmptyKey => write!(f, "the key of a label is empty"),
            Self::BlankInKey(key) => {
                write!(f, "the key of a label cannot hold blanks, as {key:?} does")
            }
            Self::LineBytes(text) => write!(f, "a label cannot hold NUL, CR or LF: {text:?}"),
            Self::CgroupParent(text) => write!(
                f,
                "{text:?} cannot be a cgroup parent, wanted self, an absolute path like /ci/1234 \
                 or a slice like ci-1234.slice"
            ),
            Self::BuildCgroupParent(text) => write!(
                f,
                "{text:?} cannot be the cgroup parent of builds, wanted inherit, none, an absolute \
                 path like /ci-builds or a slice like ci-builds.slice"
            ),
            Self::SelfForBuilds => write!(
                f,
                "self is not for builds, wanted inherit, which is the same beside --cgroup-parent self"
            ),
            Self::NotALabel { key, near: Some(near), .. } => {
                write!(f, "{key:?} is the key of no label, did you mean {near}?")
            }
            Self::NotALabel { key, keys, .. } => write!(
                f,
                "{key:?} is the key of no label, wanted all, none or keys out of {}",
                keys.join(", ")
            ),
            Self::NoImageLabels(text) => {
                write!(f, "{text:?} names no label, wanted all, none or keys of labels")
            }
            Self::SocketBind(text) => {
                write!(f, "{text:?} is none of rewrite, refuse and pass")
            }
            Self::AnonymousVolumes(text) => write!(f, "{text:?} is neither label nor leave"),
            Self::LogFormat(text) => write!(f, "{text:?} is neither text nor json"),
            Self::NotMountable(path) => write!(
                f,
                "{path:?} cannot be mounted into a container, because of its \":\" or because it is not UTF-8"
            ),
            Self::NotASlice(text) => write!(
                f,
                "the daemon's cgroup driver is systemd, which needs a slice like ci-1234.slice, \
                 not {text:?}"
            ),
            Self::SliceAsPath(text) => write!(
                f,
                "the daemon's cgroup driver is cgroupfs, to which {text:?} is no slice but a cgroup below \
                 its own; an absolute path like /ci/1234 was probably meant"
            ),
            Self::Time(text) => {
                write!(f, "{text:?} is not a time, wanted 30, 30s, 5m, 2h or infinity")
            }
            Self::Mode(text) => write!(f, "{text:?} is not a file mode, wanted octal up to 0777"),
            Self::UnknownName { kind, name, file } => {
                write!(f, "{file} knows no {kind} {name:?}")
            }
            Self::ReservedId(text) => write!(f, "{text} is not the number of a user or group"),
            Self::Unreadable(file, why) => write!(f, "{file} cannot be read: {why}"),
            Self::NotAFile(path) => {
                write!(f, "{:?} does not name a socket", path.to_string_lossy())
            }
            Self::NotUnix(text) => {
                write!(f, "{text:?} is not a UNIX socket, wanted a path or unix:///path")
            }
            Self::PathTooLong(path) => write!(
                f,
                "{} is longer than the {MAX_SOCKET_PATH} bytes that the path of a socket may have",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Fault {}
