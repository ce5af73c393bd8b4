//! The reasons why a caller, or its cgroup parent, is not known.

use std::fmt;

use crate::rules::{Reason, Refusal};

/// The reason why a caller, or its cgroup parent, is not known. Texts of the host and the daemon are escaped
/// where they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The process is in a pid namespace that the proxy cannot see.
    OutOfSight,
    /// The user or group is not in the user namespace of the proxy.
    Unmapped,
    /// The proxy has no `/proc` of its own pid namespace.
    NoProc,
    /// `/proc` does not show this process.
    Hidden(u32),
    /// This process, which made the connection, has ended.
    Ended(u32),
    /// A file of the host cannot be read: its path, and the reason.
    Unreadable(String, String),
    /// The proxy has a cgroup namespace of its own, in which the caller is at this path.
    OwnNamespace(String),
    /// The question to the daemon failed for this reason.
    Daemon(String),
    /// The daemon has not answered for this number of seconds.
    Late(u64),
    /// No thread can be started to ask the daemon.
    NoThread,
    /// The containers of the daemon have no cgroups, with this driver.
    Driver(String),
    /// The caller is in the cgroup of a container of this id, which does not run.
    NotRunning(String),
    /// The caller is in a cgroup that is named like a container, but in which the container is not.
    Elsewhere {
        /// The path of the cgroup.
        path: String,
        /// The number of the container's first process.
        pid: u32,
    },
    /// No container of the daemon mounts the socket at this path, which was made for one.
    NoOwner(String),
    /// Its cgroup parent cannot be that of other containers.
    Parent(NoParent),
}

/// The reason why the cgroup parent of a caller cannot be that of other containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoParent {
    /// The cgroup at this path is no slice, and the daemon's driver is systemd.
    NoSlice(String),
    /// The cgroup at this path has processes of its own, with cgroup version 2.
    Occupied(String),
    /// The cgroups differ between the hierarchies of version 1: the parent, and another cgroup.
    Divided(String, String),
}

impl From<Unknown> for Refusal {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Parent(why) => {
                let text = format!("containers cannot get the caller's cgroup parent: {why}");
                Self::new(Reason::CallerValue, text)
            }
            why => Self::new(Reason::CallerUnknown, format!("the caller is not known: {why}")),
        }
    }
}

impl fmt::Display for Unknown {
    #[expect(clippy::too_many_lines, reason = "a table: one sentence for each variant")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfSight => out.write_str(
                "it is in a pid namespace that the proxy does not see; start the proxy's container with \
                 --pid=host",
            ),
            Self::Unmapped => out.write_str(
                "its user or group has no number in the user namespace of the proxy; start the proxy's \
                 container with --userns=host",
            ),
            Self::NoProc => out.write_str(
                "the proxy has no /proc of its pid namespace; mount it (mount -t proc proc /proc)",
            ),
            Self::Hidden(pid) => write!(
                out,
                "/proc hides process {pid} from the proxy; mount /proc without hidepid= or with gid= of the \
                 proxy's group, and run its unit without ProtectProc="
            ),
            Self::Ended(pid) => write!(
                out,
                "process {pid}, which made the connection, has ended; a request is answered only while it \
                 runs"
            ),
            Self::Unreadable(path, why) => write!(out, "{path:?} cannot be read: {why}"),
            Self::OwnNamespace(path) => write!(
                out,
                "the proxy has a cgroup namespace of its own, where the caller is at {path:?}; start the \
                 proxy's container with --cgroupns=host"
            ),
            Self::Daemon(why) => write!(out, "the daemon was asked about its container: {why}"),
            Self::Late(seconds) => write!(
                out,
                "the daemon was asked about its container, and has not answered for {seconds} seconds"
            ),
            Self::NoThread => out.write_str(
                "the proxy gets no thread to ask the daemon with. Is a limit of processes reached?",
            ),
            Self::Driver(driver) => {
                write!(out, "the daemon's cgroup driver is {driver:?}, so containers have no cgroups")
            }
            Self::NotRunning(id) => {
                write!(out, "it is in the cgroup of container {id}, but the daemon says that it does not run")
            }
            Self::Elsewhere { path, pid } => write!(
                out,
                "it is in the cgroup {path:?}, but the container of that name is elsewhere: its process {pid} \
                 is not in there, or not in the pid namespace of the proxy"
            ),
            Self::NoOwner(path) => write!(
                out,
                "it came by the socket {path:?}, but the daemon has no container that mounts that"
            ),
            Self::Parent(why) => why.fmt(out),
        }
    }
}

impl fmt::Display for NoParent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlice(path) => write!(
                out,
                "{path:?} is no slice of the system, and the daemon's cgroup driver, systemd, takes nothing \
                 else; start the caller in a slice, or set a fixed cgroup parent"
            ),
            Self::Occupied(path) => write!(
                out,
                "{path:?} has processes of its own, so cgroup version 2 allows no container in it; start the \
                 caller below a cgroup without processes"
            ),
            Self::Divided(parent, other) => write!(
                out,
                "{parent:?} would be it, but in another hierarchy of cgroup version 1 the caller is in \
                 {other:?}, whose limits would not hold; start the caller in one cgroup"
            ),
        }
    }
}
