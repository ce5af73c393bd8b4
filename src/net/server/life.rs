//! The end of serving, as part of the event loop: by a signal, or by a handover to another process.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::Interest;
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook_mio::v1_0::Signals;

use super::accepting::{Accepting, Closing, Draining, Superseded};
use super::{SUCCESSOR, Server, Stopped};
use crate::config::{Drain, SocketAccess};
use crate::net::listen::listeners::Listeners;
use crate::net::service::handover::{Predecessor, Program, Successor};
use crate::net::wire::pair::Pair;

/// Maximum time for a new process to prepare. Its questions to the daemon at startup may take three times
/// 5 seconds.
const PREPARING: Duration = Duration::from_secs(30);

/// Quiet time after which a connection is closed that the new process does not take over; up to twice
/// that. Its client will connect again. With a shorter time, a client could be about to send its next
/// request.
pub(super) const QUIET: Duration = Duration::from_secs(2);

/// Maximum time for clients that are never quiet. After that, a connection is closed between two
/// exchanges.
pub(super) const BUSY: Duration = Duration::from_mins(5);

/// Quiet time after which clients count as finished. The requests of a command after its stream follow
/// within milliseconds.
const HUSH: Duration = Duration::from_millis(500);

/// Time without new exchanges before the remaining ones are closed: a refusal is better than a cut.
const LAST_CALL: Duration = Duration::from_secs(1);

/// A new process that prepares to take over.
#[derive(Debug)]
pub(super) struct Takeover {
    successor: Successor,
    /// The time at which it was sent the sockets.
    begun: Instant,
    until: Instant,
}

impl Accepting {
    /// Makes the state in which another process accepts clients since `now`.
    pub(super) fn superseded(now: Instant) -> Self {
        Self::Superseded(Superseded { sweep: now + QUIET, busy: now + BUSY })
    }
}

impl Server {
    pub(super) fn is_done(&self) -> bool {
        let nobody = || self.clients() == 0;
        match self.accepting {
            Accepting::Superseded(_) => {
                nobody() && self.predecessors.links.is_empty() && self.passing.jobs.is_empty()
            }
            Accepting::Closing(_) => nobody(),
            Accepting::Draining(Draining { until, .. }) => {
                nobody() || until.is_some_and(|until| until <= Instant::now())
            }
            Accepting::Stopping => true,
            _ => false,
        }
    }

    /// Returns the time of the next change of state without an event.
    pub(super) fn next_stage(&self) -> Option<Instant> {
        let own = match self.accepting {
            Accepting::Paused(_, until) => Some(until),
            Accepting::Superseded(_) if self.passing.has_recipient() => None,
            Accepting::Superseded(Superseded { sweep, busy }) => Some(sweep.min(busy)),
            Accepting::Closing(Closing { sweep, last_call, .. }) => {
                Some(last_call.map_or(sweep, |last_call| last_call.min(sweep)))
            }
            Accepting::Draining(Draining { until, .. }) => until,
            _ => None,
        };
        let upgrade = self.upgrade.as_ref().map(|upgrade| upgrade.until);
        [own, upgrade, self.passing.wakes(), self.predecessors.again, self.reload.sweep]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn signalled(&mut self) {
        let signals: Vec<_> = self.signals.iter_mut().flat_map(Signals::pending).collect();
        for signal in signals {
            match signal {
                SIGHUP => self.start_upgrade(),
                SIGUSR1 => self.start_reload(),
                _ => self.begin_to_stop(),
            }
        }
    }

    fn begin_to_stop(&mut self) {
        match self.accepting {
            Accepting::Draining(Draining { hasty: true, .. }) | Accepting::Closing(_) => {
                info!("second signal: stopping at once");
                self.accepting = Accepting::Stopping;
            }
            // A service manager may signal a stopping process more than once.
            Accepting::Draining(Draining { until: Some(_), hasty: false })
            | Accepting::Stopping => {}
            // The clients connect again, to the other process.
            Accepting::Superseded(_) | Accepting::Draining(_) => {
                let draining = self.stop_accepting(false);
                self.drain(draining);
            }
            _ => {
                let next = self.stop_accepting(true);
                self.sweep_all();
                let sweep = Instant::now() + HUSH;
                let last_call =
                    next.until.map(|until| until.checked_sub(LAST_CALL).unwrap_or(until));
                self.accepting = Accepting::Closing(Closing { sweep, last_call, next });
            }
        }
    }

    /// Stops accepting clients. Returns the end of the remaining exchanges.
    pub(super) fn stop_accepting(&mut self, hasty: bool) -> Draining {
        let time = match self.drain {
            Drain::After(time) => Some(time),
            Drain::Never => None,
        };
        self.manager.stopping(time);
        if let Some(upgrade) = self.upgrade.take() {
            upgrade.successor.abandon();
        }
        let until = time.and_then(|time| Instant::now().checked_add(time));
        let draining = Draining { until, hasty };
        self.accept_no_more(Accepting::Draining(draining));
        self.stop_passing();
        info!("stopping: {} connections are open", self.clients());
        draining
    }

    /// Drops the listening sockets. That removes the socket files that this process created.
    pub(super) fn accept_no_more(&mut self, next: Accepting) {
        if let Some(listeners) = self.accepting.listeners() {
            listeners.unwatch(self.poll.registry());
            let paths = listeners.iter().map(|(listener, _)| listener.path().to_owned());
            self.passing.sockets = paths.collect();
            // Containers go on to mount them. A process that gets the descriptors again serves them on.
            listeners.leave_job_files();
        }
        self.accepting = next;
    }

    /// Refuses new exchanges, and closes idle connections.
    pub(super) fn drain(&mut self, draining: Draining) {
        self.accepting = Accepting::Draining(draining);
        self.shared.draining.set(true);
        let slots: Vec<_> = self.pairs.slots().collect();
        for slot in slots {
            self.queue(slot);
        }
    }

    /// Closes the remaining connections.
    pub(super) fn stop(mut self) -> Stopped {
        self.manager.notify(self.state());
        let slots: Vec<_> = self.pairs.slots().collect();
        let mut cut = 0;
        for slot in slots {
            let idle = self.with_pair(slot, |pair, _, shell| {
                let idle = pair.is_idle() || shell.settings.answers;
                pair.abandon(shell);
                idle
            });
            cut += usize::from(idle == Some(false));
        }
        let reaps = self.keepers.on_exit();
        Stopped { cut, handed_over: self.passing.handed_over, reaps }
    }
}

/// The handover to another process.
impl Server {
    /// Takes over from the earlier process. On return that process accepts no more clients. It keeps those
    /// that it has unless this one `takes_clients`.
    ///
    /// # Errors
    /// The earlier process continues to serve, or has ended.
    pub fn relieve(&mut self, predecessor: Predecessor, takes_clients: bool) -> io::Result<()> {
        let link = predecessor.relieve(takes_clients)?;
        // Only now: while the earlier process may continue, its clients need the files.
        if let Some(listeners) = self.accepting.listeners() {
            listeners.take_files();
        }
        self.take_stats();
        if let Some(link) = link {
            self.take_clients(link);
        }
        Ok(())
    }

    /// Gives the file of the socket at `path` these permissions and owners, unless another program made it.
    /// Logs a failure.
    pub fn set_access(&mut self, path: &Path, access: SocketAccess, daemon: &Path) {
        let Ok(path) = std::path::absolute(path) else { return };
        let lists = [self.accepting.listeners(), self.guests.listeners()].into_iter().flatten();
        for (listener, _) in lists.flat_map(|list| list.iter()) {
            if *listener.path() == path
                && let Err(why) = listener.set_access(access, daemon)
            {
                warn!("{why}");
            }
        }
    }

    fn start_upgrade(&mut self) {
        let Some(program) = self.program.clone() else {
            return;
        };
        if !self.accepting.serves() {
            return info!("SIGHUP: stopping, so no other process is started");
        }
        if self.upgrade.is_some() {
            return info!("SIGHUP: another process is being started already");
        }
        if std::process::id() == 1 {
            return warn!(
                "SIGHUP: nobody can take over from the first process of a container; start a new one"
            );
        }
        // The new process reads the configuration itself.
        self.reload.give_up();
        self.manager.reloading();
        self.manager.notify(self.state());
        info!("SIGHUP: starting {program} to take over");
        match self.start(&program) {
            Ok(successor) => {
                let begun = Instant::now();
                self.upgrade = Some(Takeover { successor, begun, until: begun + PREPARING });
            }
            Err(why) => self.upgrade_failed(&why),
        }
    }

    fn start(&mut self, program: &Program) -> io::Result<Successor> {
        let listeners = self.accepting.listeners().map(|listeners| &*listeners);
        let clients = listeners.into_iter().flat_map(Listeners::of_clients);
        let jobs = listeners.into_iter().flat_map(Listeners::jobs).map(|(listener, _)| listener);
        let mut successor = program.start(clients, self.guests.listener(), jobs)?;
        self.poll.registry().register(&mut successor.link, SUCCESSOR, Interest::READABLE)?;
        Ok(successor)
    }

    fn upgrade_failed(&mut self, why: &io::Error) {
        warn!("cannot hand over to another process: {why}; serving on");
        // For the manager, the reload has ended.
        self.manager.ready();
        self.reload_if_missed();
    }

    /// Handles a message from the new process, or its end.
    pub(super) fn successor_spoke(&mut self) {
        let Some(mut upgrade) = self.upgrade.take() else {
            return;
        };
        match upgrade.successor.prepared() {
            Ok(None) => self.upgrade = Some(upgrade),
            Ok(Some(number)) => self.hand_over(upgrade, number),
            Err(why) => {
                upgrade.successor.abandon();
                self.upgrade_failed(&why);
            }
        }
    }

    fn hand_over(&mut self, Takeover { mut successor, begun, .. }: Takeover, number: u32) {
        // Before it serves, the new process must be the manager's own child, and known to the manager.
        let ready = successor.detached().and_then(|()| self.manager.succeeded_by(number));
        let link = match ready.and_then(|()| successor.go()) {
            Ok(link) => link,
            Err(why) => {
                self.manager.not_succeeded();
                return self.upgrade_failed(&why);
            }
        };
        self.manager.leave();
        self.keepers.leave();
        if let Some(listeners) = self.accepting.listeners() {
            listeners.leave_files();
            self.passing.jobs = listeners.take_made_after(begun, self.poll.registry());
        }
        self.leave_stats();
        self.accept_no_more(Accepting::superseded(Instant::now()));
        self.follow(number, link);
        self.reload_in(number);
        info!("process {number} serves from now on; {} connections are here", self.clients());
    }

    /// Performs the changes of state that are due.
    pub(super) fn next_stages(&mut self) {
        let now = self.woke;
        self.retry_passing();
        if self.reload.sweep.is_some_and(|at| at <= now) {
            self.sweep_leaving();
        }
        if let Some(upgrade) = self.upgrade.take_if(|upgrade| upgrade.until <= now) {
            upgrade.successor.abandon();
            let seconds = PREPARING.as_secs();
            let why = format!("it was not prepared after {seconds} seconds");
            self.upgrade_failed(&io::Error::other(why));
        }
        match &mut self.accepting {
            Accepting::Superseded(_) if self.passing.has_recipient() => {}
            Accepting::Superseded(stage) if stage.busy <= now => {
                self.drain(Draining { until: None, hasty: false });
            }
            Accepting::Superseded(stage) if stage.sweep <= now => {
                stage.sweep = now + QUIET;
                // No process takes over the clients of earlier processes.
                self.close_predecessors();
                for slot in self.sweep_all() {
                    self.remove(slot);
                }
            }
            Accepting::Closing(stage) if stage.last_call.is_some_and(|last| last <= now) => {
                let next = stage.next;
                self.drain(next);
            }
            Accepting::Closing(stage) if stage.sweep <= now => {
                stage.sweep = now + HUSH;
                let next = stage.next;
                if self.sweep_all().len() == self.clients() {
                    self.drain(next);
                }
            }
            _ => {}
        }
    }

    /// Returns the pairs that are idle and had no activity since the last call.
    fn sweep_all(&mut self) -> Vec<usize> {
        let slots: Vec<_> = self.pairs.slots().collect();
        let quiet = |slot: &usize| self.pairs.get_mut(*slot).is_some_and(Pair::was_quiet);
        slots.into_iter().filter(quiet).collect()
    }
}

#[cfg(test)]
mod tests;
