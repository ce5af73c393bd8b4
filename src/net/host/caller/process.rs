//! Texts of the kernel about a process, without taking another one for it that got its pid later.
//!
//! ```text
//! SO_PEERPIDFD                  /proc/PID opened
//!   /proc/PID/cgroup              cgroup
//!   /proc/PID/stat: alive         stat: alive
//!   pidfd: not ended              started before the connection was accepted
//! ```
//!
//! The left column is certain. Kernels before 6.5 have no `SO_PEERPIDFD`; the right column is for them. It
//! takes another process for the one that connected only if that has ended, and the other one has got its pid,
//! before the proxy accepted the connection or took it over from an earlier proxy.

use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt::PeerPidfd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use crate::net::host::cgroup::Cgroups;
use crate::rules::caller::Unknown;

/// The inode of the initial cgroup namespace (`PROC_CGROUP_INIT_INO`).
const HOST_NAMESPACE: &str = "cgroup:[4026531835]";

/// `PF_EXITING` of the flags in `stat`. The kernel shows an ending thread in the root of version 1.
const EXITING: u64 = 0x4;

/// The unit of the start time in `stat` (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Maximum length of a text in bytes. There are some dozen hierarchies, with paths of at most 4 KiB.
const TEXT_LIMIT: u64 = 256 * 1024;

/// The reason why a text of the kernel is not used.
const GARBLED: &str = "it does not have the form of proc(5)";

/// The places at which the kernel describes processes and cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) struct Kernel {
    /// The mount point of procfs.
    pub(super) proc: &'static str,
    /// The mount point of cgroup version 2.
    pub(super) cgroup: &'static str,
}

/// The kernel of the host.
pub(in crate::net) const KERNEL: Kernel = Kernel { proc: "/proc", cgroup: "/sys/fs/cgroup" };

/// A client's connection.
#[derive(Debug, Clone, Copy)]
pub(in crate::net) struct Connection<'s> {
    pub(in crate::net) socket: BorrowedFd<'s>,
    /// The time at which it was accepted or taken over.
    pub(in crate::net) since: Instant,
}

/// A process as the kernel describes it.
#[derive(Debug)]
pub(super) struct Process {
    /// The text about its cgroups.
    pub(super) cgroup: String,
    /// The time at which it was started, in ticks since the boot.
    pub(super) started: u64,
}

impl Kernel {
    /// Describes the process that made a connection.
    pub(super) fn connector(
        self,
        connection: &Connection<'_>,
        pid: NonZeroU32,
    ) -> Result<Process, Unknown> {
        match getsockopt(&connection.socket, PeerPidfd) {
            Ok(pidfd) => self.held(&pidfd, pid.get()),
            Err(nix::Error::ENOPROTOOPT) => self.started_before(connection.since, pid.get()),
            Err(nix::Error::EINVAL | nix::Error::ESRCH | nix::Error::ENODATA) => {
                Err(Unknown::Ended(pid.get()))
            }
            Err(error) => Err(Unknown::Unreadable("SO_PEERPIDFD".to_owned(), error.to_string())),
        }
    }

    /// Describes the process of a pidfd.
    fn held(self, pidfd: &OwnedFd, pid: u32) -> Result<Process, Unknown> {
        let process = self.process(pid);
        // A process that has ended can be read from its pidfd. Until then, no other one gets its pid.
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ended = poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now));
        match ended {
            Ok(0) => process,
            Ok(_) => Err(Unknown::Ended(pid)),
            Err(error) => Err(Unknown::Unreadable("pidfd".to_owned(), error.to_string())),
        }
    }

    /// Describes a process, if it may be the one that made a connection that was accepted at `since`.
    fn started_before(self, since: Instant, pid: u32) -> Result<Process, Unknown> {
        let process = self.process(pid)?;
        let now = clock_gettime(ClockId::Boottime);
        let now = Duration::try_from(now).map_err(|_| Unknown::Ended(pid))?;
        let accepted = now.saturating_sub(since.elapsed());
        let ticks = u32::try_from(process.started).unwrap_or(u32::MAX);
        if TICK.saturating_mul(ticks) > accepted { Err(Unknown::Ended(pid)) } else { Ok(process) }
    }

    /// Checks that `/proc` shows the pid namespace of the proxy.
    pub(super) fn check(self) -> Result<(), Unknown> {
        let own = fs::read_link(format!("{}/self", self.proc)).map_err(|_| Unknown::NoProc)?;
        let is_own = own.to_str() == Some(&*std::process::id().to_string());
        if is_own { Ok(()) } else { Err(Unknown::NoProc) }
    }

    /// Describes the process that has this pid now.
    pub(super) fn process(self, pid: u32) -> Result<Process, Unknown> {
        let path = format!("{}/{pid}", self.proc);
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let failed = |error: io::Error| unreadable(&path, pid, &error);
        let directory = openat(CWD, &*path, flags, Mode::empty());
        let directory = directory.map_err(|error| failed(error.into()))?;
        let cgroup = read(&directory, "cgroup").map_err(failed)?;
        // After the cgroup: a thread that is alive now was so then.
        let stat = read(&directory, "stat").map_err(failed)?;
        let garbled = |file| Unknown::Unreadable(format!("{path}/{file}"), GARBLED.to_owned());
        let Stat { is_ending, started } = Stat::read(&stat).ok_or_else(|| garbled("stat"))?;
        if is_ending {
            return Err(Unknown::Ended(pid));
        }
        let cgroup = String::from_utf8(cgroup).map_err(|_| garbled("cgroup"))?;
        Ok(Process { cgroup, started })
    }

    /// Describes the cgroups of the process that has this pid now.
    pub(super) fn cgroups(self, pid: u32) -> Result<(Cgroups, u64), Unknown> {
        let Process { cgroup, started } = self.process(pid)?;
        let cgroups = Cgroups::read(&cgroup).ok_or_else(|| self.garbled(pid))?;
        Ok((cgroups, started))
    }

    /// Returns the reason why the text about the cgroups of a process is not used.
    pub(super) fn garbled(self, pid: u32) -> Unknown {
        Unknown::Unreadable(format!("{}/{pid}/cgroup", self.proc), GARBLED.to_owned())
    }

    /// Returns the start time of the process that has this pid now.
    pub(super) fn started(self, pid: u32) -> Option<u64> {
        let stat = read(CWD, &format!("{}/{pid}/stat", self.proc)).ok()?;
        Stat::read(&stat).map(|stat| stat.started)
    }

    /// Returns `true` if the proxy is in the cgroup namespace of the host, or the kernel has none.
    pub(super) fn shows_all_cgroups(self) -> bool {
        match fs::read_link(format!("{}/self/ns/cgroup", self.proc)) {
            Ok(namespace) => namespace.as_os_str() == HOST_NAMESPACE,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Returns `true` if each user and group has a number in the user namespace of the proxy.
    pub(super) fn has_all_users(self) -> bool {
        ["uid_map", "gid_map"].iter().all(|map| {
            let map = fs::read_to_string(format!("{}/self/{map}", self.proc));
            map.is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
        })
    }

    /// Returns `true` if a cgroup of version 2 has processes of its own.
    pub(super) fn has_processes(self, cgroup: &str) -> Result<bool, Unknown> {
        let path = format!("{}{cgroup}/cgroup.procs", self.cgroup);
        let first = File::open(&path).and_then(|mut file| file.read(&mut [0]));
        first.map(|count| count > 0).map_err(|error| Unknown::Unreadable(path, error.to_string()))
    }
}

fn read(directory: impl AsFd, path: &str) -> io::Result<Vec<u8>> {
    let file = openat(directory, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    // Most fit, so that one call reads them.
    let mut text = Vec::with_capacity(4096);
    File::from(file).take(TEXT_LIMIT).read_to_end(&mut text)?;
    Ok(text)
}

/// Interprets the error of opening or reading a file of a process.
fn unreadable(path: &str, pid: u32, error: &io::Error) -> Unknown {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::ACCESS | Errno::PERM) if exists(pid) => Unknown::Hidden(pid),
        Some(Errno::NOENT | Errno::SRCH) => Unknown::Ended(pid),
        _ => Unknown::Unreadable(path.to_owned(), error.to_string()),
    }
}

/// Returns `true` if a process has this pid.
fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// A part of `/proc/PID/stat`.
struct Stat {
    is_ending: bool,
    started: u64,
}

impl Stat {
    /// Reads the text; `None` if it cannot be understood.
    fn read(text: &[u8]) -> Option<Self> {
        // The name of the program may have any bytes, so also spaces and parentheses.
        let behind = memchr::memrchr(b')', text)? + 1;
        let fields = str::from_utf8(text.get(behind..)?).ok()?;
        // From the third: state, ppid, pgrp, session, tty, tpgid, flags; the start time is the 22nd.
        let mut fields = fields.split_ascii_whitespace().skip(6);
        let flags: u64 = fields.next()?.parse().ok()?;
        let started = fields.nth(12)?.parse().ok()?;
        Some(Self { is_ending: flags & EXITING != 0, started })
    }
}

#[cfg(test)]
mod tests;
