//! The process at the other end of a client's socket, as the kernel reports it.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// The process that connected a socket, at the time of connect(2) (`SO_PEERCRED`, unix(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Credentials {
    /// A process in the pid namespace of the proxy.
    Known {
        /// The effective user.
        uid: u32,
        /// The effective group.
        gid: u32,
        /// The pid, which may have been reused since.
        pid: NonZeroU32,
    },
    /// A process outside of the pid namespace of the proxy.
    Foreign {
        /// The effective user.
        uid: u32,
        /// The effective group.
        gid: u32,
    },
    /// The kernel does not report the process.
    Unknown,
}

impl Credentials {
    /// Queries the kernel with one system call.
    pub(in crate::net) fn of(socket: &impl AsFd) -> Self {
        let Ok(peer) = getsockopt(socket, PeerCredentials) else {
            return Self::Unknown;
        };
        let (uid, gid) = (peer.uid(), peer.gid());
        match u32::try_from(peer.pid()).ok().and_then(NonZeroU32::new) {
            Some(pid) => Self::Known { uid, gid, pid },
            None => Self::Foreign { uid, gid },
        }
    }
}

impl Credentials {
    /// Returns the effective user.
    pub(in crate::net) fn uid(self) -> Option<u32> {
        match self {
            Self::Known { uid, .. } | Self::Foreign { uid, .. } => Some(uid),
            Self::Unknown => None,
        }
    }
}

impl Display for Credentials {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { uid, pid, .. } => write!(out, "uid {uid}, pid {pid}"),
            Self::Foreign { uid, .. } => write!(out, "uid {uid}, pid unknown"),
            Self::Unknown => out.write_str("uid and pid unknown"),
        }
    }
}

#[cfg(test)]
mod tests;
