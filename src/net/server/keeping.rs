//! The threads that remove what containers created, as part of the event loop.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};

use log::error;

use super::{ListenerPlan, Server};
use crate::net::keeper::{Keeper, Mounted, Plan};
use crate::reap::jobs::Rule;

/// The rules of all listeners, and the threads that follow them.
#[derive(Debug, Default)]
pub(super) struct Keepers {
    /// The rules, each with the socket of its daemon.
    pub(super) rules: Vec<(PathBuf, Rule)>,
    running: Vec<Keeper>,
    /// The reports of the threads about mounted sockets.
    reports: Option<(Sender<Mounted>, Receiver<Mounted>)>,
}

impl Keepers {
    /// Ends all threads, and forgets the rules: another process has them.
    pub(super) fn leave(&mut self) {
        *self = Self::default();
    }

    /// Returns the rules of the listeners whose things are removed when the proxy stops for good.
    pub(super) fn on_exit(&mut self) -> Vec<(PathBuf, Rule)> {
        self.rules.drain(..).filter(|(_, rule)| rule.on_exit).collect()
    }
}

impl Server {
    /// Follows the rules of these listeners from now on.
    pub(super) fn keep_for(&mut self, plans: &[ListenerPlan]) {
        self.keepers.rules =
            plans.iter().map(|plan| (plan.daemon.clone(), plan.reaps.clone())).collect();
        self.keep();
    }

    /// Closes the sockets of containers that the last reports do not have.
    pub(super) fn retire_reported(&mut self) {
        let reports = self.keepers.reports.iter().flat_map(|(_, reports)| reports.try_iter());
        let reports: Vec<Mounted> = reports.collect();
        for mounted in reports {
            self.retire_jobs(&mounted);
        }
    }

    /// Starts and ends threads, so that there is one for each daemon with something to do.
    pub(super) fn keep(&mut self) {
        let Keepers { rules, running, reports } = &mut self.keepers;
        let plans = Plan::all(rules.iter().map(|(daemon, rule)| (daemon, rule)));
        running.retain(|keeper| plans.contains(keeper.plan()));
        let (sender, _) = reports.get_or_insert_with(mpsc::channel);
        for plan in plans {
            if running.iter().any(|keeper| *keeper.plan() == plan) {
                continue;
            }
            let (sender, wake) = (sender.clone(), self.blocking.waker());
            let report = move |mounted| {
                // This fails only after the event loop has ended.
                let _ = sender.send(mounted);
                wake();
            };
            match Keeper::start(plan, report) {
                Ok(keeper) => running.push(keeper),
                Err(why) => error!("cannot watch for containers that have ended: {why}"),
            }
        }
    }
}
