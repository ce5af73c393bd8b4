//! The removal of what containers created, after they have ended: one thread for each daemon.
//!
//! The thread looks at the daemon's lists, waits for the end of a container or for the next time at which something
//! is due, and looks again. Nothing of it happens in the event loop.

mod events;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::{info, warn};
use serde_json::Value;

use super::client;
use super::reap::{Daemon, Removal, crowd};
use crate::engine::client as request;
use crate::reap::entry::Entry;
use crate::reap::jobs::{self, Job, Jobs, Rule, State, ids, mounted};
use crate::reap::report::{short, stayed};
use crate::reap::{Kind, Report};
use events::{Events, Woken};

/// The longest time between two looks.
const PERIOD: Duration = Duration::from_mins(1);

/// The time from an event to the next look, in which more events may come.
const SOON: Duration = Duration::from_millis(200);

/// The least time between two looks, as a multiple of the time that the answers to the last one took: the daemon must have time
/// for others while containers end all the time.
const REST: u32 = 10;

/// The shortest and the longest pause before a daemon is asked again that did not answer. The pause doubles.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Number of jobs that are removed at once.
const AT_ONCE: usize = 4;

/// Time that containers get to stop.
pub const GRACE: Duration = Duration::from_secs(10);

/// The task of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The rules of its listeners.
    pub rules: Vec<Rule>,
}

impl Plan {
    /// Returns a plan for each daemon with something to do.
    #[must_use]
    pub fn all<'r>(rules: impl IntoIterator<Item = (&'r PathBuf, &'r Rule)>) -> Vec<Self> {
        let mut plans: BTreeMap<&PathBuf, Vec<Rule>> = BTreeMap::new();
        for (daemon, rule) in rules.into_iter().filter(|(_, rule)| rule.delay.is_some()) {
            plans.entry(daemon).or_default().push(rule.clone());
        }
        plans.into_iter().map(|(daemon, rules)| Self { daemon: daemon.clone(), rules }).collect()
    }
}

/// The sockets for single containers that are mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mounted {
    /// The time before the daemon was asked. What was created later may be missing.
    pub begun: Instant,
    /// The directories that were looked for.
    pub directories: Vec<PathBuf>,
    /// The sources of all mounts below them.
    pub sources: BTreeSet<PathBuf>,
}

/// A running thread, which ends soon after this is dropped.
#[derive(Debug)]
pub struct Keeper {
    plan: Plan,
    /// The other end is the thread's.
    _life: UnixStream,
}

impl Keeper {
    /// Starts the thread. It calls `report` after each look if there are directories with sockets.
    ///
    /// # Errors
    ///
    /// No descriptor is left, or no thread can be started.
    pub fn start(plan: Plan, report: impl Fn(Mounted) + Send + 'static) -> io::Result<Self> {
        let (life, end) = UnixStream::pair()?;
        let directories = plan.rules.iter().filter_map(|rule| rule.sockets.clone()).collect();
        let (jobs, events) = (Jobs::new(&plan.rules), Events::new(end)?);
        let work = Work { plan: plan.clone(), directories, jobs, events, rest: SOON, away: None };
        thread::Builder::new().name("keeper".to_owned()).spawn(move || work.run(&report))?;
        Ok(Self { plan, _life: life })
    }

    /// Returns the plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// The state of the thread.
struct Work {
    plan: Plan,
    directories: Vec<PathBuf>,
    jobs: Jobs,
    events: Events,
    /// The least time to the next look.
    rest: Duration,
    /// The pause before the next attempt, while the daemon does not answer.
    away: Option<Duration>,
}

impl Work {
    fn run(mut self, report: &impl Fn(Mounted)) {
        loop {
            let looked = self.events.connect(&self.plan.daemon).and_then(|()| self.look(report));
            let now = Instant::now();
            let until = match looked {
                // What was created by a container that was removed is due at once.
                Ok(true) => now + SOON,
                Ok(false) => {
                    let next = self.jobs.next().map(|next| next.max(now + SOON));
                    next.map_or(now + PERIOD, |next| next.min(now + PERIOD))
                }
                Err(_) => now + self.away.map_or(PAUSES.0, |pause| (pause * 2).min(PAUSES.1)),
            };
            self.note(looked.err(), until - now);
            if self.events.wait(until, self.rest) == Woken::ToEnd {
                return;
            }
        }
    }

    /// Logs the beginning and the end of an outage.
    fn note(&mut self, failure: Option<client::Error>, pause: Duration) {
        let daemon = self.plan.daemon.display();
        match (failure, self.away) {
            (Some(why), None) => {
                warn!(
                    "cannot look for containers that have ended, at {daemon}: {why}; trying again"
                );
                self.away = Some(pause);
            }
            (Some(_), Some(_)) => self.away = Some(pause),
            (None, Some(_)) => {
                info!("looking for containers that have ended again, at {daemon}");
                self.away = None;
            }
            (None, None) => {}
        }
    }

    /// Looks for jobs, and removes what is due. Returns `true` if something was removed.
    fn look(&mut self, report: &impl Fn(Mounted)) -> Result<bool, client::Error> {
        let begun = Instant::now();
        let containers = self.plan.containers()?;
        if !self.directories.is_empty() {
            let sources = mounted(&containers, &self.directories);
            report(Mounted { begun, directories: self.directories.clone(), sources });
        }
        // Of one kind or one container the daemon may know nothing for certain. The others must not wait for it.
        let mut failure = None;
        self.jobs.found(&self.plan.list(&mut failure)?, &ids(&containers));
        for id in self.jobs.containers() {
            match self.plan.state(&id) {
                Ok(State::Ended(None))
                    if self.jobs.may_be_elsewhere(&id) && self.has_others()? => {}
                Ok(state) => {
                    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
                    self.jobs.seen(&id, state, Instant::now(), since_epoch.unwrap_or_default());
                }
                Err(why @ client::Error::Nonsense(_)) => failure = Some(why),
                Err(why) => return Err(why),
            }
        }
        self.rest = SOON.max(begun.elapsed() * REST);
        let removed = self.remove(&mut failure);
        failure.map_or(Ok(removed), Err)
    }

    /// Returns `true` if the daemon belongs to a swarm with other nodes.
    fn has_others(&self) -> Result<bool, client::Error> {
        has_other_nodes(&self.plan.daemon)
    }

    /// Removes what is due. Returns `true` if something was removed.
    fn remove(&mut self, failure: &mut Option<client::Error>) -> bool {
        let (plan, jobs) = (&self.plan, &mut self.jobs);
        let due = jobs.due(Instant::now());
        let mut removed = false;
        let done = |job: &Job, result| match result {
            Ok(report) => {
                removed |= note_removal(jobs, job, report);
            }
            Err(why) => *failure = Some(why),
        };
        crowd::each(AT_ONCE, &due, |job| plan.remove(job), done);
        removed
    }
}

/// The questions to the daemon.
impl Plan {
    fn ask(&self) -> Daemon<'_> {
        Daemon { path: &self.daemon }
    }

    /// Lists all containers.
    fn containers(&self) -> Result<Value, client::Error> {
        let all = request::list("/containers/json?all=1&filters=", "label", &[]);
        // Sockets that are missing in it will be closed.
        let list = self.ask().get(&all)?.filter(Value::is_array);
        let nonsense = || client::Error::Nonsense("it is no list of containers".to_owned());
        list.ok_or_else(nonsense)
    }

    /// Returns the things of all jobs. The `failure` is that of a kind that the daemon does not list.
    fn list(&self, failure: &mut Option<client::Error>) -> Result<Vec<Entry>, client::Error> {
        let mut things = Vec::new();
        for rule in &self.rules {
            for kind in Kind::ALL {
                match self.ask().list(*kind, &rule.criteria().labels) {
                    Err(why) if why.is_silence() => return Err(why),
                    Err(why) => *failure = Some(why),
                    Ok(list) => things.extend(list),
                }
            }
        }
        Ok(things)
    }

    /// Asks for the state of a container.
    fn state(&self, id: &str) -> Result<State, client::Error> {
        let (status, body) = self.ask().send(&request::inspect_container(id), Duration::ZERO)?;
        State::read(id, status, &body)
            .map_err(|why| client::Error::Nonsense(format!("about the container {id:?}, {why}")))
    }

    /// Removes what a container created, unless that was started again meanwhile.
    fn remove(&self, job: &Job) -> Result<Report, client::Error> {
        if self.state(&job.container)? == State::Runs {
            return Ok(Report::default());
        }
        let (daemon, criteria) = (self.daemon.clone(), job.criteria());
        Removal { daemon, criteria, grace: GRACE, dry_run: false, parents: BTreeSet::new() }
            .run(&mut |_| {})
    }
}

/// Records and logs the result of a removal. Returns `true` if something was removed.
fn note_removal(jobs: &mut Jobs, job: &Job, report: Report) -> bool {
    let removed = report.counts();
    let what = format!("the container {:?} has ended", short(&job.container));
    if let Some(counts) = &removed {
        info!("{what}; removed what it created: {counts}");
    }
    for (thing, why) in jobs.reaped(job, report, Instant::now()) {
        warn!("{what}; of what it created, {}", stayed(&thing, &why));
    }
    removed.is_some()
}

/// Returns `true` if the daemon belongs to a swarm with other nodes, whose containers it does not know.
///
/// # Errors
///
/// The daemon cannot be asked.
pub fn has_other_nodes(daemon: &Path) -> Result<bool, client::Error> {
    client::get(daemon, "/info").map(|info| jobs::has_other_nodes(&info))
}
