//! The sockets that containers get for what they create themselves, as part of the event loop.
//!
//! Those of one listener form a listener of their own: its callers are the containers that mount the sockets.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use log::{info, warn};

use super::Server;
use super::served::Served;
use crate::net::keeper::Mounted;
use crate::net::listen::Listener;
use crate::net::listen::jobs::{CREATING, Job, JobSockets};
use crate::net::service::store::name_of;
use crate::net::wire::shell::{Jobs, Opened};
use crate::proxy::{ListenerSettings, Upstream};
use crate::rules::Profile;

/// The sockets that containers of a listener get.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// The rules for the requests that come by them.
    pub profile: Profile,
    /// The directory of the sockets.
    pub sockets: JobSockets,
}

impl Server {
    /// Gives the containers of the listener at `base` the sockets of the plan, or none. Returns the place of the
    /// listener for these sockets.
    pub(super) fn renew_jobs(
        &mut self,
        base: usize,
        plan: Option<JobPlan>,
        upstream: Rc<Upstream>,
    ) -> Option<usize> {
        let known = self.served.get(base)?.jobs.as_ref().map(|jobs| jobs.place);
        let name = self.served.get(base)?.settings.name.clone();
        let Some(JobPlan { profile, sockets }) = plan else {
            self.served.get_mut(base)?.jobs = None;
            return None;
        };
        let place = known.unwrap_or_else(|| self.served.next());
        let settings = Rc::new(ListenerSettings {
            name: if name.is_empty() { "jobs".to_owned() } else { format!("{name}/jobs") },
            profile,
            upstream,
            shared: Rc::clone(&self.shared),
            ..ListenerSettings::default()
        });
        if let Some(served) = self.served.get_mut(place) {
            served.settings = settings;
        } else {
            self.served.insert(Served::new(settings, Vec::new()));
        }
        for at in [base, place] {
            if let Some(served) = self.served.get_mut(at) {
                served.jobs = Some(Jobs { sockets: sockets.clone(), place });
            }
        }
        Some(place)
    }

    /// Serves sockets for containers that an earlier process made. Returns those that are of no listener now.
    pub fn take_jobs(&mut self, listeners: Vec<Listener>) -> Vec<Listener> {
        let registry = self.poll.registry();
        let Some(open) = self.accepting.listeners() else { return listeners };
        let mut left = Vec::new();
        for listener in listeners {
            let jobs = self.served.iter().filter_map(|(_, served)| served.jobs.as_ref());
            let Some(jobs) = jobs.into_iter().find(|jobs| jobs.sockets.has(&listener)) else {
                if let Some(name) = name_of(listener.path()) {
                    self.manager.forget(&name);
                }
                left.push(listener);
                continue;
            };
            let job = jobs.sockets.job(&listener, Instant::now());
            if let Err(why) = open.add_for(Some(job), listener, jobs.place, registry) {
                warn!("cannot watch the socket of a container: {why}; its requests fail");
            }
        }
        self.renew_limits();
        left
    }

    /// Serves sockets for containers that an earlier process made after this one was started.
    pub(super) fn adopt_jobs(&mut self, files: Vec<OwnedFd>) {
        let mut listeners = Vec::new();
        for file in files {
            match Listener::passed(file.into()) {
                Ok(listener) => {
                    self.store_job(&listener);
                    listeners.push(listener.with_file_in_place());
                }
                Err(why) => warn!("cannot serve a socket of a process before this one: {why}"),
            }
        }
        let left = self.take_jobs(listeners);
        self.passing.jobs.extend(left);
        self.pass_jobs_on();
    }

    /// Has the service manager keep the socket.
    fn store_job(&mut self, listener: &Listener) {
        if let Some(name) = name_of(listener.path()) {
            self.manager.store(&name, listener);
        }
    }

    /// Serves the sockets that were made in the last turn, or has the next process do so.
    pub(super) fn serve_opened(&mut self) {
        for Opened { mut listener, job, place } in std::mem::take(&mut self.opened) {
            self.store_job(&listener);
            let registry = self.poll.registry();
            let Some(listeners) = self.accepting.listeners() else {
                listener.leave_file();
                self.passing.jobs.push(listener);
                continue;
            };
            if let Err(why) = listeners.add_for(Some(job), listener, place, registry) {
                warn!("cannot watch the socket of a container: {why}; its requests fail");
            }
        }
        self.pass_jobs_on();
        self.renew_limits();
    }

    /// Closes the sockets that no container mounts, and removes their files. A container may still be about to be
    /// created.
    pub(super) fn retire_jobs(&mut self, mounted: &Mounted) {
        let Mounted { begun, directories, sources } = mounted;
        let is_asked = |path: &Path| directories.iter().any(|above| path.starts_with(above));
        let closed = self.close(|job| is_asked(job.path()) && !job.is_used(sources, *begun));
        if closed > 0 {
            info!("sockets closed, since their containers are gone: {closed}");
        }
        let Some(listeners) = self.accepting.listeners() else { return };
        let open: BTreeSet<_> = listeners.jobs().map(|(_, job)| job.path().to_owned()).collect();
        let stays = |path: &Path| sources.contains(path) || open.contains(path) || !is_asked(path);
        for jobs in self.served.iter().filter_map(|(_, served)| served.jobs.as_ref()) {
            jobs.sockets.clean(CREATING, stays);
        }
        self.reopen_jobs(sources.iter().filter(|path| is_asked(path) && !open.contains(*path)));
    }

    /// Closes the sockets whose containers the daemon did not create.
    pub(super) fn close_unneeded(&mut self) {
        let unneeded = std::mem::take(&mut self.unneeded);
        self.close(|job| unneeded.iter().any(|it| it.path() == job.path()));
    }

    /// Closes the sockets that have ended. Returns their number.
    fn close(&mut self, has_ended: impl Fn(&Job) -> bool) -> usize {
        let registry = self.poll.registry();
        let Some(listeners) = self.accepting.listeners() else { return 0 };
        let gone = listeners.retire(registry, |job| !has_ended(job));
        for name in gone.iter().filter_map(|job| name_of(job.path())) {
            self.manager.forget(&name);
        }
        if !gone.is_empty() {
            self.renew_limits();
        }
        gone.len()
    }

    /// Makes the sockets anew that containers mount, but that no process serves: their process has ended, and nobody
    /// kept them for it. What the containers have mounted stays dead until they are started again.
    fn reopen_jobs<'p>(&mut self, lost: impl Iterator<Item = &'p PathBuf>) {
        let mut reopened = Vec::new();
        for path in lost.filter(|path| name_of(path).is_some()) {
            let jobs = self.served.iter().filter_map(|(_, served)| served.jobs.as_ref());
            let of_folder = |jobs: &&Jobs| path.parent() == Some(jobs.sockets.host_folder());
            let Some(jobs) = jobs.into_iter().find(of_folder) else { continue };
            // An earlier process may still be about to pass it.
            if let Ok((listener, job)) = jobs.sockets.reopen(path) {
                reopened.push(Opened { listener, job, place: jobs.place });
            }
        }
        if !reopened.is_empty() {
            let count = reopened.len();
            warn!(
                "containers whose sockets were lost with an earlier process, until they are started again: {count}"
            );
            self.opened = reopened;
            self.serve_opened();
        }
    }
}
