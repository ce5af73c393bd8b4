//! The removal of what carries labels: asks the daemon, over connections of its own, which block.
//!
//! A round lists each kind in the order of the removal, and removes what meets the criteria. Since a job may still be
//! creating, and the daemon needs time to let go, rounds go on until one finds nothing, or until nothing more goes.

mod asking;
pub mod cgroups;
pub(in crate::net) mod crowd;
mod removing;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

pub(in crate::net) use asking::Daemon;
use removing::Outcome;

use super::client;
use super::host::own_container;
use crate::engine::client as request;
use crate::reap::answer::Meaning;
use crate::reap::entry::{Entry, SERVICE, Verdict};
use crate::reap::origin::{Labels, Origin, origin};
use crate::reap::{Criteria, Kind, Progress, Report, Thing};

/// Time after which no round begins, for a job whose processes create without end.
const LIMIT: Duration = Duration::from_mins(15);

/// Longest time between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// Time beyond the grace that the containers of a removed service get to go.
const TASKS: Duration = Duration::from_secs(20);

/// Requests that stop containers at once. Such a request lasts as long as the container takes.
const STOPS: usize = 256;

/// Requests that remove at once.
const REMOVALS: usize = 8;

/// A removal.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The things to remove.
    pub criteria: Criteria,
    /// Time that containers get to stop.
    pub grace: Duration,
    /// `true` if nothing is to be removed.
    pub dry_run: bool,
    /// Cgroup parents that go, too, if they are empty in the end, like those of removed containers.
    pub parents: BTreeSet<String>,
}

impl Removal {
    /// Removes everything, in rounds, until nothing is left or nothing more can go. Blocks. A daemon that stops
    /// answering meanwhile may be restarting, so that it is asked again.
    ///
    /// # Errors
    ///
    /// The daemon does not answer from the beginning.
    pub fn run(&self, progress: &mut dyn FnMut(&Progress)) -> Result<Report, client::Error> {
        let mut rounds = Rounds {
            removal: self,
            daemon: Daemon { path: &self.daemon },
            progress,
            report: Report::default(),
            answered: false,
            gone: BTreeSet::new(),
            images: HashMap::new(),
            parents: self.parents.clone(),
            own: own_container::own_ids(),
        };
        rounds.run()?;
        Ok(rounds.report)
    }

    fn keeps(&self, kind: Kind) -> bool {
        self.criteria.keep.has(kind)
    }
}

/// The rounds of a removal.
struct Rounds<'r> {
    removal: &'r Removal,
    daemon: Daemon<'r>,
    progress: &'r mut dyn FnMut(&Progress),
    report: Report,
    /// `true` once the daemon has answered.
    answered: bool,
    /// The removed things, by kind and id.
    gone: BTreeSet<(Kind, String)>,
    /// The labels of images by their ids; `None` for one that is gone.
    images: HashMap<String, Option<Labels>>,
    /// The cgroup parents of removed containers.
    parents: BTreeSet<String>,
    /// The ids of the containers in which this process runs.
    own: Vec<String>,
}

impl Rounds<'_> {
    fn run(&mut self) -> Result<(), client::Error> {
        let end = Instant::now() + LIMIT;
        let mut idle = 0;
        loop {
            let before = self.report.removed.len();
            let (tried, patience) = self.round()?;
            let removed = self.report.removed.len() > before;
            if !tried || self.removal.dry_run {
                break;
            }
            idle = if removed { 0 } else { idle + 1 };
            if idle > patience || Instant::now() > end {
                break;
            }
            sleep(PAUSE.min(Duration::from_millis(50) * idle * idle));
        }
        if !self.removal.dry_run && !self.removal.keeps(Kind::Cgroups) {
            cgroups::remove(&self.parents, &mut self.report);
        }
        Ok(())
    }

    /// Lists and removes each kind once. Returns `true` if there was something to remove, and the number of rounds
    /// without progress after which what is left is given up.
    fn round(&mut self) -> Result<(bool, u32), client::Error> {
        let (mut tried, mut patience) = (false, 0);
        let before = std::mem::take(&mut self.report.left);
        self.report.kept.clear();
        for kind in Kind::ALL.iter().copied().filter(|kind| !self.removal.keeps(*kind)) {
            let (some, worth) = match self.round_of(kind, &before) {
                Err(why) if why.is_silence() && !self.answered => return Err(why),
                Err(why) => self.not_listed(kind, &before, &why),
                Ok(done) => {
                    self.answered = true;
                    done
                }
            };
            tried |= some;
            patience = patience.max(worth);
        }
        Ok((tried, patience))
    }

    /// Reports that nothing is known of a kind. The others must not wait for it. Returns the same as
    /// [`round_of`](Self::round_of).
    fn not_listed(
        &mut self,
        kind: Kind,
        before: &[(Thing, String)],
        why: &client::Error,
    ) -> (bool, u32) {
        let known = before.iter().filter(|(thing, _)| thing.kind == kind && !thing.id.is_empty());
        self.report.left.extend(known.cloned());
        let thing = Thing { kind, id: String::new(), name: "?".to_owned() };
        self.report.left.push((thing, format!("the list failed: {why}")));
        let meaning = if why.is_silence() { Meaning::Underway } else { Meaning::InUse };
        (true, meaning.patience())
    }

    /// Does the same as [`round`](Self::round) for one kind. `before` has what was left by the last round.
    fn round_of(
        &mut self,
        kind: Kind,
        before: &[(Thing, String)],
    ) -> Result<(bool, u32), client::Error> {
        let chosen = self.chosen(kind)?;
        if self.removal.dry_run {
            self.report.removed.extend(chosen.into_iter().map(|entry| entry.thing));
            return Ok((true, 0));
        }
        let others = self.report.left.iter().chain(&self.report.kept).map(|(it, _)| it);
        let listed: Vec<&Thing> = chosen.iter().map(|entry| &entry.thing).chain(others).collect();
        let is_gone = |thing: &&Thing| {
            // The name of an image changes with its tags.
            let is_listed = listed.iter().any(|it| it.kind == kind && it.id == thing.id);
            thing.kind == kind && !thing.id.is_empty() && !is_listed
        };
        let gone: Vec<Thing> =
            before.iter().map(|(thing, _)| thing).filter(is_gone).cloned().collect();
        for thing in gone {
            self.record(thing);
        }
        Ok((!chosen.is_empty(), self.remove(kind, &chosen)?))
    }

    /// Returns the things of a kind that are to be removed, and reports those that are not but carry the labels.
    fn chosen(&mut self, kind: Kind) -> Result<Vec<Entry>, client::Error> {
        let criteria = &self.removal.criteria;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut chosen = Vec::new();
        for entry in self.daemon.list(kind, &criteria.labels)? {
            let verdict = match criteria.verdict(&entry, now) {
                Verdict::Remove if self.own.contains(&entry.thing.id) => {
                    Verdict::Keep("this process runs in it".to_owned())
                }
                Verdict::Remove if kind == Kind::Containers => self.origin(&entry)?.verdict(),
                verdict => verdict,
            };
            match verdict {
                Verdict::Other => {}
                Verdict::Remove => chosen.push(entry),
                Verdict::Keep(why) => self.report.kept.push((entry.thing, why)),
                Verdict::Leave(why) => self.report.left.push((entry.thing, why)),
            }
        }
        Ok(chosen)
    }

    /// Returns the origin of the labels of a container.
    fn origin(&mut self, container: &Entry) -> Result<Origin, client::Error> {
        if !self.images.contains_key(&container.image) {
            let labels = self.daemon.image_labels(&container.image)?;
            self.images.insert(container.image.clone(), labels);
        }
        let image = self.images.get(&container.image).and_then(Option::as_ref);
        Ok(origin(&self.removal.criteria.labels, &container.labels, image))
    }

    /// Removes things of one kind. Returns the number of rounds for which the rest is worth a try.
    fn remove(&mut self, kind: Kind, chosen: &[Entry]) -> Result<u32, client::Error> {
        if chosen.is_empty() {
            return Ok(0);
        }
        let daemon = self.daemon;
        let mut left = chosen.len();
        (self.progress)(&Progress { kind, left });
        let seconds = self.removal.grace.as_secs();
        let running = |entry: &&Entry| matches!(entry.state.as_str(), "running" | "restarting");
        if kind == Kind::Containers && seconds > 0 {
            let running: Vec<&Entry> = chosen.iter().filter(running).collect();
            crowd::each(STOPS, &running, |entry| daemon.stop(&entry.thing.id, seconds), |_, ()| {});
        }
        let used = if kind == Kind::Images { daemon.used_images()? } else { HashMap::new() };
        let with_volumes = !self.removal.keeps(Kind::Volumes);
        let work = |entry: &Entry| match kind {
            Kind::Containers => daemon.remove_container(entry, with_volumes),
            Kind::Networks => daemon.remove_network(entry),
            Kind::Volumes => daemon.remove_volume(entry),
            Kind::Images => daemon.remove_image(entry, &used),
            _ => daemon.remove_plainly(entry),
        };
        // An image goes before its parent.
        let limit = if kind == Kind::Images { 1 } else { REMOVALS };
        let mut patience = 0;
        crowd::each(limit, chosen, work, |entry, outcome: Outcome| {
            self.parents.extend(outcome.parent);
            let thing = entry.thing.clone();
            if outcome.meaning != Meaning::Gone {
                patience = patience.max(outcome.meaning.patience());
                self.report.left.push((thing, outcome.why));
            } else if self.gone.contains(&(kind, thing.id.clone())) {
                patience = patience.max(Meaning::InUse.patience());
                let why = "it was removed and is there again".to_owned();
                self.report.left.push((thing, why));
            } else {
                self.record(thing);
                left -= 1;
            }
            (self.progress)(&Progress { kind, left });
        });
        if kind == Kind::Services {
            self.await_tasks()?;
        }
        Ok(patience)
    }

    fn record(&mut self, thing: Thing) {
        if self.gone.insert((thing.kind, thing.id.clone())) {
            self.report.removed.push(thing);
        }
    }

    /// Waits until the containers of removed services are gone: the swarm stops and removes them.
    fn await_tasks(&mut self) -> Result<(), client::Error> {
        let end = Instant::now() + self.removal.grace + TASKS;
        loop {
            let containers = self.daemon.containers("label", &[SERVICE.to_owned()])?;
            let is_of_removed = |entry: &&Entry| {
                let service = entry.labels.get(SERVICE);
                service.is_some_and(|id| self.gone.contains(&(Kind::Services, id.clone())))
            };
            let left = containers.iter().filter(is_of_removed).count();
            if left == 0 || Instant::now() > end {
                return Ok(());
            }
            (self.progress)(&Progress { kind: Kind::Services, left });
            sleep(PAUSE / 5);
        }
    }
}

#[cfg(test)]
mod tests;
