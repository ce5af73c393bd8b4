//! The listeners that a server begins with.

use std::path::PathBuf;

use crate::net::host::socket_identity::SocketIdentity;
use crate::net::listen::Listener;
use crate::net::server::JobPlan;
use crate::reap::jobs::Rule;
use crate::rules::Profile;

/// A listener: its listening sockets, which have the same settings.
#[derive(Debug)]
pub struct ListenerGroup {
    /// Its name; empty if flags make it.
    pub name: String,
    /// The sockets.
    pub listeners: Vec<Listener>,
    /// The rules for the requests of their clients.
    pub profile: Profile,
    /// The path of their daemon's socket.
    pub daemon: PathBuf,
    /// The sockets that containers get, if they get some.
    pub jobs: Option<JobPlan>,
    /// Recognizes the daemon's socket under all its names.
    pub look: SocketIdentity,
    /// The removal of what its clients created.
    pub reaps: Rule,
}

impl ListenerGroup {
    /// Serves the clients of `listeners` with the daemon at `daemon`.
    #[must_use]
    pub fn new(listeners: Vec<Listener>, profile: Profile, daemon: PathBuf) -> Self {
        let look = SocketIdentity::for_socket(daemon.clone());
        let (name, reaps) = (String::new(), Rule::default());
        Self { name, listeners, profile, daemon, jobs: None, look, reaps }
    }

    /// Makes that each of several groups recognizes the sockets of all daemons and of all listeners: through
    /// one of another group, a job would get the rules of that group. The same holds for sockets of containers.
    pub fn recognize_each_other(groups: &mut [Self]) {
        let jobs: Vec<_> = groups.iter().filter_map(|group| group.jobs.as_ref()).collect();
        if groups.len() < 2 && jobs.is_empty() {
            return;
        }
        let folders: Vec<_> =
            jobs.into_iter().map(|jobs| jobs.sockets.host_folder().to_owned()).collect();
        let listeners = groups.iter().flat_map(|group| &group.listeners);
        let listening = listeners.map(|listener| listener.path().to_owned());
        let sockets: Vec<_> =
            groups.iter().map(|group| group.daemon.clone()).chain(listening).collect();
        let look = SocketIdentity::for_sockets(sockets, &folders);
        for group in groups {
            group.look = look.clone();
        }
    }
}
