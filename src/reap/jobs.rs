//! Jobs: what the processes of a container created, and when that is due for removal after the container's end.
//!
//! The daemon's labels name the jobs. Only times are remembered, so another process that reads the same labels
//! comes to the same result.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::entry::{Entry, SERVICE};
use super::origin::Labels;
use super::{Criteria, Kind, Kinds, Report, Thing};
use crate::config::Listener;
use crate::rules::{Label, own};
use crate::stats::calendar;

/// The shortest and the longest pause before another attempt to remove what stayed. The pause doubles.
const PAUSES: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));

/// The removal for a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// The value of the label [`own::LISTENER`].
    pub owner: String,
    /// `true` if everything is removed when the proxy stops for good.
    pub on_exit: bool,
    /// The time between the end of a container and the removal of what it created; `None` if that stays.
    pub delay: Option<Duration>,
    /// The directory with the sockets for single containers as the daemon sees it, if they get any.
    pub sockets: Option<PathBuf>,
}

impl Rule {
    /// Returns the removal that the configuration of a listener asks for, without the directory of sockets.
    #[must_use]
    pub fn of(listener: &Listener) -> Self {
        let removal = &listener.removal;
        Self {
            owner: listener.owner(),
            on_exit: removal.on_exit,
            delay: removal.removes_jobs().then_some(removal.delay),
            sockets: None,
        }
    }

    /// Returns what is removed when the proxy stops for good.
    #[must_use]
    pub fn criteria(&self) -> Criteria {
        criteria(vec![(own::LISTENER, &self.owner)])
    }
}

fn criteria(labels: Vec<(&str, &str)>) -> Criteria {
    let label = |(key, value): (&str, &str)| Label { key: key.to_owned(), value: value.to_owned() };
    let labels = labels.into_iter().map(label).collect();
    Criteria { labels, older_than: None, keep: Kinds::default() }
}

/// The things that the processes of a container created through a listener.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The id of the container.
    pub container: String,
    /// The listener, as in [`Rule::owner`].
    pub owner: String,
}

impl Job {
    /// Returns the job of a thing with these labels.
    #[must_use]
    pub fn of(labels: &Labels) -> Option<Self> {
        // Empty if a client outside of containers created it.
        let container = labels.get(own::JOB).filter(|id| !id.is_empty())?;
        let owner = labels.get(own::LISTENER)?;
        Some(Self { container: container.clone(), owner: owner.clone() })
    }

    /// Returns what is removed.
    #[must_use]
    pub fn criteria(&self) -> Criteria {
        criteria(vec![(own::JOB, &self.container), (own::LISTENER, &self.owner)])
    }
}

/// Returns the ids of all containers in an answer of the daemon.
#[must_use]
pub fn ids(answer: &Value) -> BTreeSet<String> {
    let ids = answer.as_array().into_iter().flatten().filter_map(|entry| entry.get("Id")?.as_str());
    ids.map(ToOwned::to_owned).collect()
}

/// Returns the sources of mounts below these directories, of all containers in an answer of the daemon.
#[must_use]
pub fn mounted(answer: &Value, directories: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mounts = answer.as_array().into_iter().flatten().filter_map(|entry| entry.get("Mounts"));
    let mounts = mounts.filter_map(Value::as_array).flatten();
    let sources = mounts.filter_map(|mount| mount.get("Source").and_then(Value::as_str));
    let sources = sources.map(PathBuf::from);
    sources.filter(|path| directories.iter().any(|above| path.starts_with(above))).collect()
}

/// Returns `true` if the answer to `/info` is that of a node of a swarm with other nodes.
#[must_use]
pub fn has_other_nodes(info: &Value) -> bool {
    let swarm = |name: &str| info.get("Swarm").and_then(|swarm| swarm.get(name));
    let state = swarm("LocalNodeState").and_then(Value::as_str);
    let is_member = state.is_some_and(|state| !["", "inactive"].contains(&state));
    // Only a manager knows the number of nodes.
    is_member && swarm("Nodes").and_then(Value::as_u64) != Some(1)
}

/// The state of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, is paused, or is about to be started again by the daemon.
    Runs,
    /// It has ended or is gone. The time since the Unix epoch is that of its end, if it is known.
    Ended(Option<Duration>),
}

impl State {
    /// Reads the daemon's answer about the container with this `id`.
    ///
    /// # Errors
    ///
    /// The answer does not show the state. Then the container counts as running.
    pub fn read(id: &str, status: u16, body: &[u8]) -> Result<Self, String> {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_lowercase).unwrap_or_default();
        match status {
            200 => {}
            // A server between that does not know the path would also answer with 404.
            404 if answer
                .get("message")
                .is_some_and(|why| text(why).contains("no such container")) =>
            {
                return Ok(Self::Ended(None));
            }
            _ => return Err(format!("the answer has status {status}")),
        }
        match answer.get("Id").and_then(Value::as_str) {
            None => return Err("the answer has no Id".to_owned()),
            // The daemon knows no container with this id, but one with this name.
            Some(other) if other != id => return Ok(Self::Ended(None)),
            Some(_) => {}
        }
        let state = |name: &str| answer.pointer("/State").and_then(|state| state.get(name));
        let is = |name| state(name).and_then(Value::as_bool);
        match is("Running") {
            None => Err("the answer has no State.Running".to_owned()),
            Some(true) => Ok(Self::Runs),
            Some(false) if is("Restarting") == Some(true) || is("Paused") == Some(true) => {
                Ok(Self::Runs)
            }
            Some(false) => {
                let ended =
                    state("FinishedAt").and_then(Value::as_str).and_then(calendar::since_epoch);
                Ok(Self::Ended(ended))
            }
        }
    }
}

/// Returns `true` for a thing that can only come from a client of this daemon. Others may come from a client of
/// another node of its swarm.
fn is_local(thing: &Entry) -> bool {
    let of_service = thing.labels.contains_key(SERVICE);
    matches!(thing.thing.kind, Kind::Containers | Kind::Images) && !of_service
}

/// The facts that are known about a job.
#[derive(Debug, Default)]
struct Known {
    /// `true` if its container is or was one of this daemon's.
    is_local: bool,
    /// The time since which its container has ended; `None` while it runs.
    ended: Option<Instant>,
    /// The earliest time of another attempt, if something stayed.
    again: Option<Instant>,
    /// The pause before that attempt.
    pause: Duration,
    /// The things that stayed.
    left: Vec<(Thing, String)>,
}

/// The jobs of a daemon.
#[derive(Debug, Default)]
pub struct Jobs {
    /// The delay of each listener.
    delays: BTreeMap<String, Duration>,
    known: BTreeMap<Job, Known>,
    /// The ids of containers that were removed as part of a job.
    removed: BTreeSet<String>,
    /// The ids of the daemon's containers, and of earlier ones whose jobs have something left.
    seen: BTreeSet<String>,
    /// `true` once the daemon was looked at.
    has_looked: bool,
}

impl Jobs {
    /// Begins without a job.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let delays = rules.iter().filter_map(|rule| Some((rule.owner.clone(), rule.delay?)));
        Self { delays: delays.collect(), ..Self::default() }
    }

    /// Records the jobs of all things that the daemon has, and the ids of all its `containers`. Jobs of other proxies
    /// are ignored, and so are those that only images have, but no container that was ever there: such an image was
    /// pulled or loaded after its job had ended. At the first call nothing is known of the time before, so such a job
    /// counts.
    pub fn found(&mut self, things: &[Entry], containers: &BTreeSet<String>) {
        let is_first = !mem::replace(&mut self.has_looked, true);
        let mut jobs: BTreeMap<Job, bool> = BTreeMap::new();
        let mut made_here = BTreeSet::new();
        for thing in things {
            let job = Job::of(&thing.labels);
            if let Some(job) = job.filter(|job| self.delays.contains_key(&job.owner)) {
                if thing.thing.kind != Kind::Images {
                    made_here.insert(job.clone());
                }
                *jobs.entry(job).or_default() |= is_local(thing);
            }
        }
        jobs.retain(|job, _| {
            let id = &job.container;
            let had_container = self.seen.contains(id) || containers.contains(id);
            is_first || had_container || made_here.contains(job) || self.known.contains_key(job)
        });
        self.seen.extend(containers.iter().cloned());
        let owners: BTreeSet<&String> = jobs.keys().map(|job| &job.container).collect();
        self.seen.retain(|id| containers.contains(id) || owners.contains(id));
        self.known.retain(|job, _| jobs.contains_key(job));
        for (job, is_local) in jobs {
            self.known.entry(job).or_default().is_local |= is_local;
        }
        let containers: BTreeSet<_> = self.containers().into_iter().collect();
        self.removed.retain(|id| containers.contains(id));
    }

    /// Returns `true` if a container that this daemon does not know may be one of another node of its swarm.
    #[must_use]
    pub fn may_be_elsewhere(&self, container: &str) -> bool {
        let mut of = self.known.iter().filter(|(job, _)| job.container == container);
        !of.any(|(_, known)| known.is_local)
    }

    /// Returns the ids of the containers of all jobs.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.known.keys().map(|job| job.container.clone()).collect();
        ids.dedup();
        ids
    }

    /// Records the state of a container at the time `now`, which is `since_epoch`.
    pub fn seen(&mut self, container: &str, state: State, now: Instant, since_epoch: Duration) {
        let removed = self.removed.contains(container);
        for (job, known) in self.known.iter_mut().filter(|(job, _)| job.container == container) {
            let delay = self.delays.get(&job.owner).copied().unwrap_or_default();
            let before = |time| now.checked_sub(time).unwrap_or(now);
            known.is_local |= state != State::Ended(None);
            match state {
                State::Runs => *known = Known { is_local: true, ..Known::default() },
                // Its own end was waited for, and that of the container that created it.
                State::Ended(_) if removed => known.ended = Some(before(delay)),
                State::Ended(Some(at)) => {
                    known.ended = Some(before(since_epoch.saturating_sub(at)));
                }
                State::Ended(None) => known.ended = known.ended.or(Some(now)),
            }
        }
    }

    /// Returns the jobs that are due at the time `now`.
    #[must_use]
    pub fn due(&self, now: Instant) -> Vec<Job> {
        let due = self.known.keys().filter(|job| self.time(job).is_some_and(|at| at <= now));
        due.cloned().collect()
    }

    /// Returns the time at which the next job is due.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.known.keys().filter_map(|job| self.time(job)).min()
    }

    fn time(&self, job: &Job) -> Option<Instant> {
        let known = self.known.get(job)?;
        let at = known.ended?.checked_add(*self.delays.get(&job.owner)?)?;
        Some(known.again.map_or(at, |again| again.max(at)))
    }

    /// Records the result of a removal at the time `now`. Returns the things that stayed and did not before, or
    /// for another reason.
    pub fn reaped(&mut self, job: &Job, report: Report, now: Instant) -> Vec<(Thing, String)> {
        let containers = report.removed.iter().filter(|thing| thing.kind == Kind::Containers);
        self.removed.extend(containers.map(|thing| thing.id.clone()));
        // A container that was removed creates nothing more. What it had created may have used what stayed.
        if self.removed.contains(&job.container) && !report.removed.is_empty() {
            self.known.values_mut().for_each(|known| known.again = None);
        }
        let Some(known) = self.known.get_mut(job) else { return report.left };
        if report.removed.is_empty() || !report.left.is_empty() {
            known.pause = (known.pause * 2).clamp(PAUSES.0, PAUSES.1);
            known.again = Some(now + known.pause);
        }
        let left = report.left.iter().filter(|left| !known.left.contains(left));
        let news = left.cloned().collect();
        known.left = report.left;
        news
    }
}

#[cfg(test)]
mod tests;
