//! Helper processes of a bench, for which it starts itself again: `BENCH role NAME LISTEN [DAEMON]`.

use std::path::{Path, PathBuf};

use super::daemon;
use super::follow::Following;
use super::process::Process;
use super::relay::{self, Blindly, Copying, Owing, Parsing, Splicing};

/// Role of a helper process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A server with prepared responses.
    Daemon,
    /// The same with a delay of a millisecond before each response, so that the proxy is idle by then and the
    /// counts do not depend on who was faster.
    CalmDaemon,
    /// The same with an older API, so that the proxy asks it before each create.
    CalmOldDaemon,
    /// A relay that reads and writes.
    CopyRelay,
    /// A copying relay that parses heads.
    ParseRelay,
    /// A copying relay that does the minimum for a create.
    OweRelay,
    /// A relay that splices.
    SpliceRelay,
    /// A splicing relay that follows chunks.
    FollowRelay,
}

const NAMES: [(Role, &str); 8] = [
    (Role::Daemon, "daemon"),
    (Role::CalmDaemon, "calm-daemon"),
    (Role::CalmOldDaemon, "calm-old-daemon"),
    (Role::CopyRelay, "copy-relay"),
    (Role::ParseRelay, "parse-relay"),
    (Role::OweRelay, "owe-relay"),
    (Role::SpliceRelay, "splice-relay"),
    (Role::FollowRelay, "follow-relay"),
];

/// Plays the role of this process, if it was started with one. Must be called first.
pub(crate) fn play() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some("role") {
        return;
    }
    let name = arguments.next().unwrap();
    let (role, _) = NAMES.into_iter().find(|(_, known)| *known == name).unwrap();
    let mut path = || PathBuf::from(arguments.next().unwrap());
    match role {
        Role::Daemon => daemon::run(&path(), false, daemon::NEW),
        Role::CalmDaemon => daemon::run(&path(), true, daemon::NEW),
        Role::CalmOldDaemon => daemon::run(&path(), true, daemon::OLD),
        Role::CopyRelay => relay::run::<Copying<Blindly>>(&path(), path()),
        Role::ParseRelay => relay::run::<Copying<Parsing>>(&path(), path()),
        Role::OweRelay => relay::run::<Copying<Owing>>(&path(), path()),
        Role::SpliceRelay => relay::run::<Splicing>(&path(), path()),
        Role::FollowRelay => relay::run::<Following>(&path(), path()),
    }
}

impl Role {
    /// Starts a process with this role, listening at `listen`.
    pub(crate) fn start(self, listen: &Path, daemon: Option<&Path>) -> Process {
        let (_, name) = NAMES.into_iter().find(|(role, _)| *role == self).unwrap();
        let mut arguments = vec!["role".as_ref(), name.as_ref(), listen.as_os_str()];
        arguments.extend(daemon.map(Path::as_os_str));
        Process::start(std::env::current_exe().unwrap().as_os_str(), &arguments, listen)
    }
}
