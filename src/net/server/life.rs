//! How serving ends, as part of the event loop: by a signal, or because another process takes over.

use std::io;
use std::time::{Duration, Instant};

use log::{info, warn};
use mio::Interest;
use signal_hook::consts::SIGHUP;

use super::accepting::{Accepting, Closing, Draining, Superseded};
use super::{SUCCESSOR, Server, Stopped};
use crate::config::Drain;
use crate::net::listen::listeners::Listeners;
use crate::net::service::handover::{Predecessor, Program, Successor};
use crate::net::wire::pair::Pair;

/// How long a new process may take until it is prepared: what it asks the daemon at start may take
/// three times 5 seconds.
const PREPARING: Duration = Duration::from_secs(30);

/// A connection on which nothing happens for so long, or twice that at most, is closed once
/// another process accepts that does not take it over: its client will connect anew. Shorter, and a
/// client could just be about to send its next request.
const QUIET: Duration = Duration::from_secs(2);

/// A client that is never quiet for that long may go on here for so long, then its connection is
/// closed between two exchanges.
const BUSY: Duration = Duration::from_mins(5);

/// For so long nothing may happen before clients that are told to finish are taken to have done so. What a
/// command asks behind a stream comes within milliseconds.
const HUSH: Duration = Duration::from_millis(500);

/// So long before what is left is cut off, no new exchanges begin: better refused than cut.
const LAST_CALL: Duration = Duration::from_secs(1);

/// A new process that prepares to take over.
#[derive(Debug)]
pub(super) struct Upgrade {
    successor: Successor,
    until: Instant,
}

impl Accepting {
    /// Another process accepts clients since `now`.
    pub(super) fn superseded(now: Instant) -> Self {
        Self::Superseded(Superseded { sweep: now + QUIET, busy: now + BUSY })
    }
}

impl Server {
    pub(super) fn is_done(&self) -> bool {
        let nobody = self.clients() == 0;
        match self.accepting {
            Accepting::Superseded(_) => nobody && self.passing.has_no_links(),
            Accepting::Closing(_) => nobody,
            Accepting::Draining(Draining { until, .. }) => {
                nobody || until.is_some_and(|until| until <= Instant::now())
            }
            Accepting::Stopping => true,
            _ => false,
        }
    }

    /// When life goes on even without an event.
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
        [own, upgrade, self.passing.wakes()].into_iter().flatten().min()
    }

    pub(super) fn signalled(&mut self) {
        let signals: Vec<_> = self.signals.pending().collect();
        for signal in signals {
            match signal {
                SIGHUP => self.start_upgrade(),
                _ => self.told_to_stop(),
            }
        }
    }

    fn told_to_stop(&mut self) {
        match self.accepting {
            Accepting::Draining(Draining { hasty: true, .. }) | Accepting::Closing(_) => {
                info!("second signal: stopping at once");
                self.accepting = Accepting::Stopping;
            }
            // A service manager that stops a service tells its processes more than once.
            Accepting::Draining(Draining { until: Some(_), hasty: false })
            | Accepting::Stopping => {}
            // Its clients connect anew, and meet the other process.
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

    /// Accepts no more clients; how what is left is to end.
    fn stop_accepting(&mut self, hasty: bool) -> Draining {
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

    /// Lets go of the listening sockets. Dropping one removes its file, if that is ours.
    pub(super) fn accept_no_more(&mut self, next: Accepting) {
        if let Some(listeners) = self.accepting.listeners() {
            listeners.unwatch(self.poll.registry());
        }
        self.accepting = next;
    }

    /// Lets no new exchanges begin, so that idle connections are closed.
    fn drain(&mut self, draining: Draining) {
        self.accepting = Accepting::Draining(draining);
        self.shared.draining.set(true);
        let slots: Vec<_> = self.pairs.slots().collect();
        for slot in slots {
            self.queue(slot);
        }
    }

    /// Closes what is left.
    pub(super) fn stop(mut self) -> Stopped {
        self.manager.tell(self.state());
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
        Stopped { cut, handed_over: self.passing.handed_over }
    }
}

/// Another process takes over.
impl Server {
    /// Takes over from the process before, which accepts no clients any more on return.
    ///
    /// # Errors
    /// It goes on itself, or is gone.
    pub fn relieve(&mut self, predecessor: Predecessor) -> io::Result<()> {
        let link = predecessor.relieve()?;
        // Not before: while it may serve on, its clients need the files.
        if let Some(listeners) = self.accepting.listeners() {
            listeners.take_files();
        }
        self.take_stats();
        if let Some(link) = link {
            self.take_clients(link);
        }
        Ok(())
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
        self.manager.reloading();
        self.manager.tell(self.state());
        info!("SIGHUP: starting {program} to take over");
        match self.start(&program) {
            Ok(successor) => {
                let until = Instant::now() + PREPARING;
                self.upgrade = Some(Upgrade { successor, until });
            }
            Err(why) => self.upgrade_failed(&why),
        }
    }

    fn start(&mut self, program: &Program) -> io::Result<Successor> {
        let listeners = self.accepting.listeners().map(|listeners| &*listeners);
        let clients = listeners.into_iter().flat_map(Listeners::iter);
        let mut successor = program.start(clients, self.guests.listener())?;
        self.poll.registry().register(&mut successor.link, SUCCESSOR, Interest::READABLE)?;
        Ok(successor)
    }

    fn upgrade_failed(&mut self, why: &io::Error) {
        warn!("cannot hand over to another process: {why}; serving on");
        // What was to be is over, as far as the manager is concerned.
        self.manager.ready();
    }

    /// The new process has said something, or has ended.
    pub(super) fn successor_spoke(&mut self) {
        let Some(mut upgrade) = self.upgrade.take() else {
            return;
        };
        match upgrade.successor.prepared() {
            Ok(None) => self.upgrade = Some(upgrade),
            Ok(Some(number)) => self.hand_over(upgrade.successor, number),
            Err(why) => {
                upgrade.successor.abandon();
                self.upgrade_failed(&why);
            }
        }
    }

    fn hand_over(&mut self, mut successor: Successor, number: u32) {
        // In this order: it must be the manager's own child, and be known to it, before it serves.
        let told = successor.detached().and_then(|()| self.manager.succeeded_by(number));
        let link = match told.and_then(|()| successor.go()) {
            Ok(link) => link,
            Err(why) => {
                self.manager.not_succeeded();
                return self.upgrade_failed(&why);
            }
        };
        self.manager.leave();
        if let Some(listeners) = self.accepting.listeners() {
            listeners.leave_files();
        }
        self.leave_stats();
        self.accept_no_more(Accepting::superseded(Instant::now()));
        self.follow(number, link);
        info!("process {number} serves from now on; {} connections are here", self.clients());
    }

    /// Goes on with what has its time.
    pub(super) fn next_stages(&mut self) {
        let now = self.woke;
        self.retry_passing();
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
                // Nobody takes over what comes from there.
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

    /// The pairs in which nothing is going on and nothing has happened since this was asked before.
    fn sweep_all(&mut self) -> Vec<usize> {
        let slots: Vec<_> = self.pairs.slots().collect();
        let quiet = |slot: &usize| self.pairs.get_mut(*slot).is_some_and(Pair::was_quiet);
        slots.into_iter().filter(quiet).collect()
    }
}

#[cfg(test)]
mod tests;
