//! Changes of the listeners of a running server.
//!
//! A listener is known by its name. If it stays, its clients get its new settings with their next request.
//! Sockets are known by their paths, or by their names if a service manager passed them: one that still is in
//! the configuration stays open, be it for another listener. Clients of a closed socket or of a removed listener are served until they are quiet.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use std::{fmt, mem};

use log::warn;

use super::life::{BUSY, QUIET};
use super::served::{Served, place_of};
use super::{ListenerPlan, Server};
use crate::config::SocketAccess;
use crate::net::listen::Listener;
use crate::net::listen::listeners::Accepted;
use crate::net::listen::socket::may_give;
use crate::net::wire::pair::Pair;
use crate::net::wire::pumps::Pumps;
use crate::proxy::ListenerSettings;

/// The place of a listener that was bound, but is not served yet.
const UNPLACED: usize = usize::MAX;

/// The names of the listeners that a reload has changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

impl fmt::Display for Changes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let some = all.iter().filter(|(_, names)| !names.is_empty());
        let lists: Vec<_> =
            some.map(|(how, names)| format!("{how} {}", names.join(", "))).collect();
        out.write_str(if lists.is_empty() { "nothing has changed" } else { "" })?;
        out.write_str(&lists.join("; "))
    }
}

impl Server {
    /// Makes the listeners what `plans` describes.
    ///
    /// # Errors
    /// The sockets that cannot be made. Then nothing has changed.
    pub(super) fn apply(&mut self, plans: Vec<ListenerPlan>) -> Result<Changes, Vec<String>> {
        self.bind(&plans)?;
        self.keep_for(&plans);
        let mut changes = Changes::default();
        let upstream = plans.first().map(|plan| self.daemons.add(&plan.daemon).upstream());
        let folders: Vec<_> = plans.iter().filter_map(|plan| plan.jobs.as_ref()).collect();
        let folders: Vec<_> =
            folders.into_iter().map(|jobs| jobs.sockets.host_folder().to_owned()).collect();
        let sockets: Vec<_> =
            plans.into_iter().map(|plan| self.renew(plan, &mut changes)).collect();
        self.place_sockets(&sockets, &mut changes);
        self.remove_others(&sockets, &mut changes);
        if let Some(upstream) = upstream {
            self.answer_for(upstream);
        }
        // Free pumps have old settings.
        self.pumps = Pumps::default();
        self.daemons.forget_unused();
        let several = sockets.len() > 1 || !folders.is_empty();
        let listeners = self.served.iter().map(|(_, served)| served);
        let listeners = listeners.filter(|served| several && !served.settings.answers);
        let listeners: Vec<_> = listeners.flat_map(|served| served.sockets.clone()).collect();
        self.daemons.recognize(&listeners, &folders);
        self.renew_limits();
        Ok(changes)
    }

    /// Makes the sockets that are not there, without a place.
    fn bind(&mut self, plans: &[ListenerPlan]) -> Result<(), Vec<String>> {
        let registry = self.poll.registry();
        let Some(listeners) = self.accepting.listeners() else { return Err(Vec::new()) };
        let (mut errors, only) = (Vec::new(), plans.len() == 1);
        for ListenerPlan { name, path, access, daemon, .. } in plans {
            let own = |(socket, _): &(&Listener, usize)| socket.is_of(name, path, only);
            let passed = listeners.iter().find(own).map(|(socket, _)| socket.is_passed());
            let result = match passed {
                Some(true) => Ok(()),
                Some(false) => may_give(path, *access, daemon).map_err(|why| why.to_string()),
                None => Listener::bind(path, *access, daemon)
                    .map_err(|why| why.to_string())
                    .and_then(|listener| {
                        let added = listeners.add(listener, UNPLACED, registry);
                        added.map_err(|why| format!("cannot watch {}: {why}", path.display()))
                    }),
            };
            errors.extend(result.err());
        }
        if errors.is_empty() {
            return Ok(());
        }
        listeners.assign(registry, |_, place, _| (place != UNPLACED).then_some(place));
        Err(errors)
    }

    /// Gives a listener its new settings, or adds it. Returns what is known of its socket.
    fn renew(&mut self, plan: ListenerPlan, changes: &mut Changes) -> Socket {
        let ListenerPlan { name, path, access, profile, daemon, jobs, .. } = plan;
        let upstream = self.daemons.add(&daemon).upstream();
        let of_jobs = (jobs.clone(), Rc::clone(&upstream));
        let shared = Rc::clone(&self.shared);
        let settings = ListenerSettings {
            name: name.clone(),
            profile,
            upstream,
            shared,
            ..ListenerSettings::default()
        };
        let known = place_of(&self.served, &name);
        let place = known.unwrap_or_else(|| self.served.next());
        match self.served.get_mut(place) {
            None => {
                self.served.insert(Served::new(Rc::new(settings), Vec::new()));
                changes.added.push(name.clone());
            }
            Some(served) => {
                let moved = !Rc::ptr_eq(&served.settings.upstream, &settings.upstream);
                if served.ends.take().is_some() {
                    changes.added.push(name.clone());
                } else if moved
                    || !served.settings.profile.is_like(&settings.profile)
                    || served.jobs.as_ref().map(|jobs| &jobs.sockets)
                        != jobs.as_ref().map(|jobs| &jobs.sockets)
                {
                    changes.changed.push(name.clone());
                }
                served.settings = Rc::new(settings);
                if moved {
                    self.each_client(place, Pair::leave_daemon);
                }
            }
        }
        let jobs = self.renew_jobs(place, of_jobs.0, of_jobs.1);
        Socket { name, place, jobs, path, access, daemon }
    }

    /// Gives each listening socket to its listener, and closes the others.
    fn place_sockets(&mut self, sockets: &[Socket], changes: &mut Changes) {
        let registry = self.poll.registry();
        let Some(listeners) = self.accepting.listeners() else { return };
        let only = sockets.len() == 1;
        let closed = listeners.assign(registry, |listener, place, is_for_job| {
            if is_for_job {
                return sockets.iter().any(|socket| socket.jobs == Some(place)).then_some(place);
            }
            let is = |socket: &&Socket| listener.is_of(&socket.name, &socket.path, only);
            sockets.iter().find(is).map(|socket| socket.place)
        });
        for socket in sockets {
            let own = listeners.iter().filter(|(_, place)| *place == socket.place);
            let mut differs = false;
            let mut paths = Vec::new();
            for (listener, _) in own {
                differs |=
                    listener.set_access(socket.access, &socket.daemon).unwrap_or_else(|why| {
                        warn!("{why}");
                        false
                    });
                paths.push(listener.path().to_owned());
            }
            if let Some(served) = self.served.get_mut(socket.place) {
                differs |= mem::replace(&mut served.sockets, paths) != served.sockets;
            }
            changes.note(&socket.name, differs);
        }
        for (listener, place) in closed {
            // Clients that have connected must not be cut off. Those of a passed socket wait on.
            while !listener.is_passed()
                && self.has_room()
                && let Ok(stream) = listener.accept()
            {
                self.welcome(Accepted { stream, place, job: None });
            }
            self.let_go(place);
        }
    }

    /// Removes the listeners without a plan. Each stays until its last client has left.
    fn remove_others(&mut self, sockets: &[Socket], changes: &mut Changes) {
        let stays = |place: usize| {
            sockets.iter().any(|socket| socket.place == place || socket.jobs == Some(place))
        };
        let slots: Vec<_> = self.served.slots().filter(|place| !stays(*place)).collect();
        for place in slots {
            let Some(served) = self.served.get_mut(place) else { continue };
            if served.settings.answers || served.ends.is_some() {
                continue;
            }
            served.ends = Some(Instant::now() + BUSY);
            served.sockets.clear();
            changes.removed.push(served.settings.name.clone());
            if served.is_unused() {
                self.served.remove(place);
            } else {
                // Its sockets may be open for another listener.
                self.let_go(place);
            }
        }
    }

    /// Has the clients of a listener leave once they are quiet.
    fn let_go(&mut self, place: usize) {
        self.each_client(place, |pair| pair.leaves = true);
        self.reload.sweep = Some(Instant::now() + QUIET);
    }

    fn each_client(&mut self, place: usize, act: impl Fn(&mut Pair)) {
        let slots: Vec<_> = self.pairs.slots().collect();
        for slot in slots {
            if let Some(pair) = self.pairs.get_mut(slot).filter(|pair| pair.listener() == place) {
                act(pair);
            }
        }
    }

    /// Closes the clients of closed sockets that were quiet since the last call. Those of
    /// removed listeners that are never quiet begin no new exchanges in the end.
    pub(super) fn sweep_leaving(&mut self) {
        let slots: Vec<_> = self.pairs.slots().collect();
        let mut left = false;
        for slot in slots {
            let Some(pair) = self.pairs.get_mut(slot).filter(|pair| pair.leaves) else { continue };
            if pair.was_quiet() {
                self.remove(slot);
                continue;
            }
            left = true;
            let served = self.served.get_mut(pair.listener());
            if let Some(served) =
                served.filter(|served| served.ends.is_some_and(|at| at <= self.woke))
            {
                served.close();
                self.queue(slot);
            }
        }
        self.reload.sweep = left.then(|| self.woke + QUIET);
    }
}

impl Changes {
    /// Notes a listener whose socket has `changed`, unless it is known to be another one.
    fn note(&mut self, name: &str, changed: bool) {
        let known = |names: &[String]| names.iter().any(|known| known == name);
        if changed && !known(&self.added) && !known(&self.changed) {
            self.changed.push(name.to_owned());
        }
    }
}

/// The socket of a listener.
struct Socket {
    name: String,
    place: usize,
    /// The place of the sockets for its containers.
    jobs: Option<usize>,
    path: PathBuf,
    access: SocketAccess,
    daemon: PathBuf,
}

#[cfg(test)]
pub(in crate::net::server) mod tests;
