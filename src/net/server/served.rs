//! The listeners with the numbers of their clients and exchanges.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use crate::net::slab::Slab;
use crate::net::wire::shell::Jobs;
use crate::proxy::{ListenerSettings, Shared};
use crate::stats::{ListenerState, Verdicts};

/// A listener and its clients.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) settings: Rc<ListenerSettings>,
    /// The paths of its sockets; none once it was removed.
    pub(super) sockets: Vec<PathBuf>,
    /// Number of its clients.
    pub(super) clients: usize,
    pub(super) requests: Verdicts,
    /// The time from which no new exchanges begin, if it was removed.
    pub(super) ends: Option<Instant>,
    /// The sockets that its containers get, if they get some.
    pub(super) jobs: Option<Jobs>,
}

impl Served {
    pub(super) fn new(settings: Rc<ListenerSettings>, sockets: Vec<PathBuf>) -> Self {
        Self {
            settings,
            sockets,
            clients: 0,
            requests: Verdicts::default(),
            ends: None,
            jobs: None,
        }
    }

    /// Returns `true` if it was removed, and its last client has left.
    pub(super) fn is_unused(&self) -> bool {
        self.ends.is_some() && self.clients == 0
    }

    pub(super) fn state(&self) -> ListenerState {
        ListenerState {
            name: self.settings.name.clone(),
            sockets: self.sockets.iter().map(|path| path.display().to_string()).collect(),
            daemon: self.settings.upstream.socket.clone(),
            clients: self.clients,
            requests: self.requests.clone().with(self.settings.profile.policy.as_deref()),
        }
    }

    /// Makes that no new exchanges begin.
    pub(super) fn close(&mut self) {
        if !self.settings.shared.draining.get() {
            let budget = Rc::clone(&self.settings.shared.budget);
            let shared = Rc::new(Shared { budget, draining: true.into() });
            let profile = self.settings.profile.clone();
            let settings = self.settings.like();
            self.settings = Rc::new(ListenerSettings { profile, shared, ..settings });
        }
    }
}

/// Returns the place of the listener with this name.
pub(super) fn place_of(served: &Slab<Served>, name: &str) -> Option<usize> {
    let is =
        |(_, served): &(usize, &Served)| !served.settings.answers && served.settings.name == name;
    served.iter().find(is).map(|(place, _)| place)
}
