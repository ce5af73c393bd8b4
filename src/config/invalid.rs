//! The errors of values that the operator gave.

use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use super::socket::MAX_SOCKET_PATH;
use super::{policy, template};
use crate::rules::caller::TemplateError;

/// Reason why a value cannot be used. Its text names what was found and what was expected; `cli` puts the
/// flag or variable before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// A label without `=`.
    NoEquals(String),
    /// A label with an empty key.
    EmptyKey,
    /// A label with this key, which contains whitespace.
    BlankInKey(String),
    /// A label that contains NUL, CR or LF.
    LineBytes(String),
    /// A mistake in a text with placeholders.
    Template(TemplateError),
    /// A placeholder in this text, which names an entry.
    PlaceholderInName(String),
    /// The name of the listener as a value, where the listener has no name.
    NoListenerName,
    /// A cgroup parent that no daemon accepts, or that is probably a mistake.
    CgroupParent(String),
    /// The same for `--build-cgroup-parent`.
    BuildCgroupParent(String),
    /// `self` for builds.
    SelfForBuilds,
    /// A key in the list of image labels that no label has.
    NotALabel {
        /// The key.
        key: String,
        /// A similar key, which was probably meant.
        near: Option<String>,
        /// The keys of all labels.
        keys: Vec<String>,
    },
    /// An empty list of image labels.
    NoImageLabels(String),
    /// A cgroup parent that is not a slice, for a daemon with the cgroup driver systemd.
    NotASlice(String),
    /// A slice for a daemon with the cgroup driver cgroupfs, which reads it as a relative path.
    SliceAsPath(String),
    /// An unknown handling of mounts of the daemon's socket.
    SocketBind(String),
    /// An unknown way to translate paths.
    MapPaths(String),
    /// A path of the caller's view without `=` and the host path.
    NoHostPath(String),
    /// A path that is not absolute, or cannot be used in another way.
    NotAbsolute(String),
    /// Only mapped paths can be bound, but none is mapped.
    NothingMapped,
    /// An unknown handling of anonymous volumes.
    AnonymousVolumes(String),
    /// A path that cannot be the source of a bind mount.
    NotMountable(String),
    /// An unknown preset of a policy.
    Preset(String),
    /// An unknown log format.
    LogFormat(String),
    /// An unreadable time.
    Time(String),
    /// Not a finite duration.
    Duration(String),
    /// A number of seconds, minutes, hours or days.
    NoUnit(String),
    /// An unknown kind of resources.
    Kind(String),
    /// An unreadable file mode.
    Mode(String),
    /// A user or group name that does not exist.
    UnknownName {
        /// `user` or `group`.
        kind: &'static str,
        /// The name.
        name: String,
        /// `/etc/passwd` or `/etc/group`.
        file: &'static str,
    },
    /// A user or group number that the kernel reserves.
    ReservedId(String),
    /// The file of user or group names cannot be read; the error follows.
    Unreadable(&'static str, String),
    /// A path that is empty or has no file name.
    NotAFile(PathBuf),
    /// An address that is not a UNIX socket.
    NotUnix(String),
    /// A path longer than the address of a UNIX socket can hold.
    PathTooLong(PathBuf),
}

impl Display for Invalid {
    #[expect(clippy::too_many_lines, reason = "a table: one sentence for each variant")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEquals(text) => write!(f, "{text:?} has no \"=\"; expected KEY=VALUE"),
            Self::EmptyKey => write!(f, "the key of the label is empty"),
            Self::BlankInKey(key) => write!(f, "the label key {key:?} contains whitespace"),
            Self::LineBytes(text) => write!(f, "the label {text:?} contains NUL, CR or LF"),
            Self::Template(error) => f.write_str(&template::mistake(error)),
            Self::PlaceholderInName(name) => {
                write!(f, "the name {name:?} has a placeholder; only values can have one")
            }
            Self::NoListenerName => write!(
                f,
                "{{listener}} has no value, since flags make one listener without a name; use a configuration \
                 file, or {{listener:-NAME}}"
            ),
            Self::MapPaths(text) => {
                write!(f, "unknown value {text:?}; expected caller or none")
            }
            Self::NoHostPath(text) => write!(
                f,
                "{text:?} has no \"=\"; expected PATH=HOST_PATH like /workspace=/srv/jobs/7"
            ),
            Self::NotAbsolute(text) => {
                write!(f, "{text:?} is not a usable path; expected an absolute one without \"..\"")
            }
            Self::NothingMapped => write!(
                f,
                "no path is mapped, so every bind mount would be refused; expected --map-paths caller or \
                 --map-path (keys map_paths and map_path), too"
            ),
            Self::CgroupParent(text) => write!(
                f,
                "{text:?} is not a usable cgroup parent; expected self, caller, none, an absolute path like \
                 /ci/1234 or a slice like ci-1234.slice"
            ),
            Self::BuildCgroupParent(text) => write!(
                f,
                "{text:?} is not a usable cgroup parent for builds; expected inherit, caller, none, an \
                 absolute path like /ci-builds or a slice like ci-builds.slice"
            ),
            Self::SelfForBuilds => {
                write!(f, "builds cannot have self; use inherit together with --cgroup-parent self")
            }
            Self::NotALabel { key, near: Some(near), .. } => {
                write!(f, "no label has the key {key:?}; did you mean {near}?")
            }
            Self::NotALabel { key, keys, .. } => write!(
                f,
                "no label has the key {key:?}; expected all, none, or some of these keys: {}",
                keys.join(", ")
            ),
            Self::NoImageLabels(text) => {
                write!(f, "{text:?} names no label; expected all, none, or keys of labels")
            }
            Self::SocketBind(text) => {
                write!(f, "unknown value {text:?}; expected rewrite, refuse or pass")
            }
            Self::AnonymousVolumes(text) => {
                write!(f, "unknown value {text:?}; expected label or leave")
            }
            Self::Preset(text) => f.write_str(&policy::unknown_preset(text)),
            Self::LogFormat(text) => write!(f, "unknown value {text:?}; expected text or json"),
            Self::NotMountable(path) => write!(
                f,
                "{path:?} cannot be mounted into a container: it contains \":\" or is not UTF-8"
            ),
            Self::NotASlice(text) => write!(
                f,
                "the daemon's cgroup driver is systemd, which needs a slice like ci-1234.slice, \
                 not {text:?}"
            ),
            Self::SliceAsPath(text) => write!(
                f,
                "the daemon's cgroup driver is cgroupfs, which reads {text:?} as a path below the \
                 daemon's own cgroup; an absolute path like /ci/1234 was probably meant"
            ),
            Self::Time(text) => {
                write!(
                    f,
                    "{text:?} is not a time; expected a form like 30, 30s, 5m, 2h or infinity"
                )
            }
            Self::Duration(text) => {
                write!(f, "{text:?} is not a time; expected a form like 30, 30s, 5m, 6h or 7d")
            }
            Self::NoUnit(text) => {
                write!(
                    f,
                    "{text:?} has no unit; expected a form like {text}s, {text}m, {text}h or {text}d"
                )
            }
            Self::Kind(text) => write!(
                f,
                "unknown kind {text:?}; expected services, containers, networks, volumes, secrets, configs, \
                 images or cgroups"
            ),
            Self::Mode(text) => {
                write!(f, "{text:?} is not a file mode; expected an octal number up to 0777")
            }
            Self::UnknownName { kind, name, file } => {
                write!(f, "there is no {kind} {name:?} in {file}")
            }
            Self::ReservedId(text) => write!(f, "{text} is not a valid user or group number"),
            Self::Unreadable(file, why) => write!(f, "cannot read {file}: {why}"),
            Self::NotAFile(path) => {
                write!(f, "{:?} is not the path of a socket", path.to_string_lossy())
            }
            Self::NotUnix(text) => {
                write!(f, "{text:?} is not a UNIX socket; expected a path or unix:///path")
            }
            Self::PathTooLong(path) => write!(
                f,
                "{} is too long; the path of a socket has at most {MAX_SOCKET_PATH} bytes",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Invalid {}
