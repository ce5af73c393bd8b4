//! All resources of a daemon, and their flaws.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Lab;

/// One resource: its kind, and its id or name.
pub(crate) type Thing = (&'static str, String);

/// For each kind: the path of its list, the list in the answer, its id, its labels, and the path to remove
/// it. In the order in which resources can be removed.
const KINDS: [(&str, &str, &str, &str, &str, &str); 8] = [
    ("service", "/services", "", "/ID", "/Spec/Labels", "/services/{}"),
    (
        "container",
        "/containers/json?all=1",
        "",
        "/Id",
        "/Labels",
        "/containers/{}?force=1&v=1&timeout=0",
    ),
    ("volume", "/volumes", "/Volumes", "/Name", "/Labels", "/volumes/{}?force=1"),
    ("network", "/networks", "", "/Id", "/Labels", "/networks/{}"),
    ("secret", "/secrets", "", "/ID", "/Spec/Labels", "/secrets/{}"),
    ("config", "/configs", "", "/ID", "/Spec/Labels", "/configs/{}"),
    ("plugin", "/plugins", "", "/Id", "/Labels", "/plugins/{}?force=1"),
    ("image", "/images/json?all=1", "", "/Id", "/Labels", "/images/{}?force=1"),
];

/// Sends a request without a body and returns the answer. HTTP/1.0 has no chunks.
pub(crate) fn ask(socket: &Path, request: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "{request} HTTP/1.0\r\nHost: d\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{request}: {error}"));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_default()
}

/// Returns all resources with their labels.
pub(crate) fn everything(socket: &Path) -> BTreeMap<Thing, Value> {
    let mut all = BTreeMap::new();
    for (kind, list, within, id, labels, _) in KINDS {
        // A daemon without swarm, or Podman, returns an error instead of a list.
        let answer = ask(socket, &format!("GET {list}"));
        for one in answer.pointer(within).and_then(Value::as_array).into_iter().flatten() {
            let id = one.pointer(id).and_then(Value::as_str).unwrap().to_owned();
            let labels = one.pointer(labels).cloned().unwrap_or_default();
            all.insert((kind, id), labels);
        }
    }
    all
}

/// Returns the resources that are new since `before`.
pub(crate) fn since(before: &BTreeMap<Thing, Value>, socket: &Path) -> BTreeMap<Thing, Value> {
    let mut now = everything(socket);
    now.retain(|thing, _| !before.contains_key(thing));
    now
}

/// Removes the resources that are new since `before`. Returns those that cannot be removed: swarm's own, and
/// those in use.
pub(crate) fn remove_since(
    before: &BTreeMap<Thing, Value>,
    socket: &Path,
) -> BTreeMap<Thing, Value> {
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        remove_once(before, socket);
        let left = since(before, socket);
        // Networks of a swarm cannot be removed; do not wait for them.
        if left.keys().all(|(kind, _)| *kind == "network") || Instant::now() > deadline {
            return left;
        }
        sleep(Duration::from_millis(100));
    }
}

fn remove_once(before: &BTreeMap<Thing, Value>, socket: &Path) {
    for (kind, .., removal) in KINDS {
        for (_, id) in since(before, socket).into_keys().filter(|thing| thing.0 == kind) {
            ask(socket, &format!("DELETE {}", removal.replace("{}", &id)));
        }
    }
}

/// Returns the flaws of `things`, each with the id: the kind of an unlabelled resource (`step` for an image
/// without a name), `cgroup` or `socket`.
pub(crate) fn flaws(
    lab: &Lab,
    things: &BTreeMap<Thing, Value>,
) -> BTreeSet<(&'static str, String)> {
    let mut flaws = BTreeSet::new();
    for ((kind, id), labels) in things {
        if !labelled(lab, labels) {
            let is_step = *kind == "image" && !has_name(lab, id);
            flaws.insert((if is_step { "step" } else { *kind }, id.clone()));
        }
        if *kind == "container" {
            let container = ask(&lab.engine.socket, &format!("GET /containers/{id}/json"));
            flaws.extend(of_container(lab, &container).map(|flaw| (flaw, id.clone())));
        }
        if *kind == "service" {
            let service = ask(&lab.engine.socket, &format!("GET /services/{id}"));
            let spec = service.pointer("/Spec/TaskTemplate/ContainerSpec");
            if spec.is_some_and(|spec| !labelled(lab, &spec["Labels"])) {
                flaws.insert(("service", format!("tasks of {id}")));
            }
        }
    }
    flaws
}

fn has_name(lab: &Lab, image: &str) -> bool {
    let image = ask(&lab.engine.socket, &format!("GET /images/{image}/json"));
    image["RepoTags"].as_array().is_some_and(|tags| !tags.is_empty())
}

fn labelled(lab: &Lab, labels: &Value) -> bool {
    labels["ci.job"] == lab.name.as_str() && labels["ci.team"] == "web"
}

fn of_container(lab: &Lab, container: &Value) -> impl Iterator<Item = &'static str> {
    let parent = container.pointer("/HostConfig/CgroupParent").and_then(Value::as_str);
    let pid = container.pointer("/State/Pid").and_then(Value::as_i64).unwrap_or_default();
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let within = format!("{}/", lab.cgroup_parent);
    let outside = pid > 0 && !cgroups.contains(&within);
    let mounts = container["Mounts"].as_array().cloned().unwrap_or_default();
    let file = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let daemon = file(&lab.engine.socket);
    let is_daemon = |mount: &Value| {
        mount["Source"].as_str().is_some_and(|source| file(Path::new(source)) == daemon)
    };
    let socket = mounts.iter().any(is_daemon);
    let cgroup = parent != Some(lab.cgroup_parent.as_str()) || outside;
    [(cgroup, "cgroup"), (socket, "socket")].into_iter().filter_map(|(is, flaw)| is.then_some(flaw))
}
