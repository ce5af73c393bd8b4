//! The lists of the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;
use std::path::Path;

use serde_json::Value;

use crate::support::exchange;

/// The kinds of things, each with the target of its list.
const LISTS: [(&str, &str); 7] = [
    ("container", "/containers/json?all=1"),
    ("network", "/networks"),
    ("volume", "/volumes"),
    ("image", "/images/json?all=1"),
    ("service", "/services"),
    ("secret", "/secrets"),
    ("config", "/configs"),
];

/// Networks that a swarm makes, not at once.
const OF_SWARM: [&str; 2] = ["ingress", "docker_gwbridge"];

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Thing {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) name: String,
    /// Its names and labels.
    texts: String,
}

impl Thing {
    fn read(kind: &'static str, entry: &Value) -> Self {
        let member = |names: &[&str]| names.iter().find_map(|name| entry.pointer(name)).cloned();
        let text = |names| member(names)?.as_str().map(str::to_owned);
        let id = text(&["/Id", "/ID", "/Name"]).unwrap();
        let names = ["/Names/0", "/RepoTags/0", "/Spec/Name", "/Name"];
        let name = text(&names).unwrap_or_else(|| id.clone());
        let texts = ["/Names", "/RepoTags", "/Name", "/Labels", "/Spec/Name", "/Spec/Labels"];
        let texts = texts.iter().filter_map(|name| Some(entry.pointer(name)?.to_string()));
        let name = name.trim_start_matches('/').to_owned();
        Self { kind, id, name, texts: texts.collect::<Vec<_>>().concat() }
    }

    /// Returns `true` if both are the same thing.
    pub(super) fn is(&self, other: &Self) -> bool {
        (self.kind, &self.id) == (other.kind, &other.id)
    }

    /// Returns `true` if a name or a label has the name of this test.
    pub(super) fn is_of(&self, test: &str) -> bool {
        names(&self.texts, test)
    }
}

/// Returns `true` if a text has the name of this test, and not only that of another one that begins with it.
fn names(entry: &str, test: &str) -> bool {
    let mut rests = entry.split(test).skip(1);
    rests.any(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns the ids of what a test has created without a name and labels: volumes of its containers, and images of the
/// steps of its builds.
pub(super) fn unnamed(daemon: &Path, test: &str) -> BTreeSet<String> {
    let all = |target| get(daemon, target).1.as_array().cloned().unwrap_or_default();
    let member = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let is_own = |entry: &&Value| names(&entry.to_string(), test);
    let containers = all("/containers/json?all=1");
    let mounts = containers.iter().filter(is_own).filter_map(|entry| entry["Mounts"].as_array());
    let volumes = mounts.flatten().map(|mount| member(mount, "Name"));
    let images = all("/images/json?all=1");
    let parents: BTreeMap<String, String> =
        images.iter().map(|image| (member(image, "Id"), member(image, "ParentId"))).collect();
    let ends = images.iter().filter(is_own).map(|image| member(image, "Id"));
    let steps = ends.flat_map(|id| successors(Some(id), |id| parents.get(id).cloned()));
    volumes.chain(steps).collect()
}

/// Returns everything that the daemon has.
pub(super) fn lists(daemon: &Path) -> BTreeSet<Thing> {
    let mut all = BTreeSet::new();
    for (kind, target) in LISTS {
        let (status, answer) = get(daemon, target);
        let entries = if kind == "volume" { &answer["Volumes"] } else { &answer };
        match entries.as_array() {
            Some(entries) => all.extend(entries.iter().map(|entry| Thing::read(kind, entry))),
            // No swarm, or no volumes.
            None => assert!(status == 503 || entries.is_null(), "{target}: {status} {answer}"),
        }
    }
    all.retain(|thing| !OF_SWARM.contains(&&*thing.name));
    all
}

/// Returns what the daemon reports about a thing.
pub(super) fn inspected(daemon: &Path, path: &str) -> Value {
    let (status, mut answer) = get(daemon, path);
    assert_eq!(status, 200, "{path}: {answer}");
    sort(&mut answer);
    answer
}

/// Sorts all lists, some of which come in any order.
fn sort(value: &mut Value) {
    match value {
        Value::Array(list) => {
            list.iter_mut().for_each(sort);
            list.sort_by_cached_key(ToString::to_string);
        }
        Value::Object(members) => members.values_mut().for_each(sort),
        _ => {}
    }
}

/// Fails unless the daemon reports the same about a thing as before.
pub(super) fn assert_untouched(daemon: &Path, path: &str, before: &Value) {
    let now = inspected(daemon, path);
    let members = before.as_object().unwrap();
    let changed = members.iter().filter(|(name, value)| now.get(name) != Some(value));
    let changed: Vec<_> =
        changed.map(|(name, was)| format!("{name} was {was}, is {:?}", now.get(name))).collect();
    assert!(changed.is_empty(), "{path}: {changed:#?}");
}

/// Asks the daemon.
pub(super) fn get(daemon: &Path, target: &str) -> (u16, Value) {
    send(daemon, "GET", target, "")
}

/// Sends a request with a JSON document; returns status and content of the response.
pub(super) fn send(socket: &Path, method: &str, target: &str, body: &str) -> (u16, Value) {
    let (status, body) = exchange(socket, method, target, body.as_bytes());
    (status, serde_json::from_str(&body).unwrap_or_default())
}
