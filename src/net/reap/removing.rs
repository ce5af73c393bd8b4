//! The requests that remove one thing.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::asking::Daemon;
use super::request;
use crate::reap::answer::Meaning;
use crate::reap::entry::Entry;

/// The result of an attempt to remove a thing.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The meaning of the daemon's answer.
    pub(super) meaning: Meaning,
    /// The reason why it stays, if it does.
    pub(super) why: String,
    /// The cgroup parent of a container.
    pub(super) parent: Option<String>,
}

impl Outcome {
    fn stays(meaning: Meaning, why: String) -> Self {
        Self { meaning, why, parent: None }
    }
}

impl Daemon<'_> {
    /// Removes a thing that needs no preparation.
    pub(super) fn remove_plainly(&self, entry: &Entry) -> Outcome {
        self.remove(entry, &entry.thing.id, "")
    }

    /// Stops a container. A failure shows when it is removed, which kills it.
    pub(super) fn stop(&self, id: &str, seconds: u64) {
        let _ = self.send(&request::stop_container(id, seconds), Duration::from_secs(seconds));
    }

    /// Kills and removes a container.
    pub(super) fn remove_container(&self, entry: &Entry, with_volumes: bool) -> Outcome {
        let id = &entry.thing.id;
        let description = self.get(&request::inspect_container(id)).ok().flatten();
        let parent = description.as_ref().and_then(|it| it.pointer("/HostConfig/CgroupParent"));
        let parent = parent.and_then(Value::as_str).map(ToOwned::to_owned);
        let query = if with_volumes { "?v=1&force=1" } else { "?force=1" };
        Outcome { parent, ..self.remove(entry, id, query) }
    }

    /// Removes a network. What still hangs on it is taken off, unless it is a running container.
    pub(super) fn remove_network(&self, entry: &Entry) -> Outcome {
        // Podman removes a network from a running container, if asked by its id.
        if let Some(name) = self.running_on(&entry.thing.id) {
            return Outcome::stays(Meaning::Refused, format!("the container {name} runs on it"));
        }
        self.remove_plainly(entry)
    }

    /// Takes what does not run off a network. Returns the name of a container that runs on it.
    fn running_on(&self, network: &str) -> Option<String> {
        let description = self.get(&request::inspect_network(network)).ok().flatten()?;
        let members = description.get("Containers")?.as_object()?;
        // The load balancer of a swarm is the network's own.
        let members = members.iter().filter(|(id, _)| !id.starts_with("lb-"));
        let mut running = None;
        for (id, member) in members {
            let name = member.get("Name").and_then(Value::as_str).unwrap_or(id);
            let runs = match self.get(&request::inspect_container(id)) {
                Ok(Some(it)) => it.pointer("/State/Running") != Some(&Value::Bool(false)),
                Ok(None) => false,
                Err(_) => true,
            };
            if runs {
                running = Some(name.to_owned());
            } else {
                let _ = self.send(&request::disconnect(network, name), Duration::ZERO);
            }
        }
        running
    }

    /// Removes a volume, unless a container uses it.
    pub(super) fn remove_volume(&self, entry: &Entry) -> Outcome {
        let outcome = self.remove_plainly(entry);
        if outcome.meaning != Meaning::InUse {
            return outcome;
        }
        let users = self.containers("volume", std::slice::from_ref(&entry.thing.id));
        match users.unwrap_or_default().first() {
            Some(user) => Outcome::stays(
                Meaning::Refused,
                format!("the container {} uses it", user.thing.name),
            ),
            None => outcome,
        }
    }

    /// Removes an image with all its tags, unless a container uses it. `used` has the names of containers by the ids
    /// of their images.
    pub(super) fn remove_image(&self, entry: &Entry, used: &HashMap<String, String>) -> Outcome {
        if let Some(name) = used.get(&entry.thing.id) {
            return Outcome::stays(Meaning::Refused, format!("the container {name} uses it"));
        }
        // By its id, an image with tags in several repositories could be removed only with force, which would also
        // take it from a container that was created meanwhile.
        for tag in entry.tags.iter().skip(1) {
            let outcome = self.remove(entry, tag, "");
            if outcome.meaning != Meaning::Gone {
                return outcome;
            }
        }
        self.remove_plainly(entry)
    }

    fn remove(&self, entry: &Entry, name: &str, query: &str) -> Outcome {
        let Some(collection) = entry.thing.kind.collection() else {
            return Outcome::stays(Meaning::Refused, "the daemon does not remove it".to_owned());
        };
        match self.send(&request::remove(collection.one, name, query), Duration::ZERO) {
            Ok((status, body)) => {
                let why = message(status, &body);
                Outcome::stays(Meaning::of(status, &why), why)
            }
            // The daemon may be restarting.
            Err(why) => Outcome::stays(Meaning::InUse, why.to_string()),
        }
    }
}

/// Returns the message in an answer.
fn message(status: u16, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.get("message").and_then(Value::as_str);
    message.map_or_else(|| format!("the daemon answered with status {status}"), ToOwned::to_owned)
}
