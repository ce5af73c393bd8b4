//! Who is at the other end of a client's socket, as the kernel says.

use std::fmt::{self, Display, Formatter};
use std::num::NonZeroU32;
use std::os::fd::AsFd;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// The process that connected a socket, at the moment when it did so (`SO_PEERCRED`, unix(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A process that we can see.
    Known {
        /// Its effective user.
        uid: u32,
        /// Its number, which may be another's by now.
        pid: NonZeroU32,
    },
    /// A process outside of our pid namespace.
    Foreign {
        /// Its effective user.
        uid: u32,
    },
    /// The kernel does not say.
    Unknown,
}

impl Caller {
    /// Asks the kernel, which is a system call.
    pub(super) fn of(socket: &impl AsFd) -> Self {
        let Ok(peer) = getsockopt(socket, PeerCredentials) else {
            return Self::Unknown;
        };
        match u32::try_from(peer.pid()).ok().and_then(NonZeroU32::new) {
            Some(pid) => Self::Known { uid: peer.uid(), pid },
            None => Self::Foreign { uid: peer.uid() },
        }
    }
}

impl Display for Caller {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { uid, pid } => write!(out, "uid {uid}, pid {pid}"),
            Self::Foreign { uid } => write!(out, "uid {uid}, pid unknown"),
            Self::Unknown => out.write_str("uid and pid unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_our_own_pair_is_this_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let pid = NonZeroU32::new(std::process::id()).unwrap();
        assert_eq!(Caller::of(&one), Caller::Known { uid, pid });
        assert_eq!(Caller::of(&one).to_string(), format!("uid {uid}, pid {pid}"));
    }

    #[test]
    fn what_is_not_known_is_said_to_be_unknown() {
        assert_eq!(Caller::Foreign { uid: 7 }.to_string(), "uid 7, pid unknown");
        assert_eq!(Caller::of(&std::fs::File::open("/dev/null").unwrap()), Caller::Unknown);
    }
}
