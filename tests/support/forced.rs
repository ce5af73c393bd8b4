//! A model of the expected documents: the client's with the forced values. It works on whole documents, not
//! on bytes, so that the program can be compared with it.

use std::collections::BTreeSet;

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::shapes::Storage;
use dockerd_ci_proxy::rules::Label;
use serde_json::{Map, Value, json};

use super::go_json;
use super::player::profile;

/// Returns `document` with the values that the operator forces at `route`. Fields are spelt as in the API's
/// description; empty ones are left out.
pub fn document(mut document: Value, route: &str) -> Value {
    let top = document.as_object_mut().unwrap();
    label(top);
    match route {
        "/containers/create" => container(top),
        "/services/create" => {
            if let Some(Value::Object(spec)) = document.pointer_mut("/TaskTemplate/ContainerSpec") {
                label(spec);
                label_mounts(spec);
            }
        }
        _ => {}
    }
    document
}

/// Returns only the forced values of `document`: labels and cgroup parent, with the objects around them.
pub fn alone(document: &Value) -> Value {
    match document {
        Value::Object(members) => {
            let ours_in = |(name, value): (&String, &Value)| match &**name {
                "Labels" if is_labelled(value) => Some((name.clone(), labels().into())),
                // A label of the client may have this name, too.
                "CgroupParent" if *value == json!(profile().inject.cgroup_parent()) => {
                    Some((name.clone(), value.clone()))
                }
                _ => Some((name.clone(), alone(value))).filter(|(_, ours)| !ours.is_null()),
            };
            let ours: Map<_, _> = members.iter().filter_map(ours_in).collect();
            if ours.is_empty() { Value::Null } else { ours.into() }
        }
        Value::Array(elements) => {
            let ours: Vec<Value> = elements.iter().map(alone).collect();
            if ours.iter().all(Value::is_null) { Value::Null } else { ours.into() }
        }
        _ => Value::Null,
    }
}

fn is_labelled(found: &Value) -> bool {
    labels().iter().all(|(key, value)| found.get(key) == Some(value))
}

/// Returns a route for bodies like those of `shape`.
pub fn route_of(shape: &JsonShape) -> &'static str {
    match shape.storage {
        Storage::Container => "/containers/create",
        Storage::Service => "/services/create",
        Storage::Nothing | Storage::Volume => "/volumes/create",
    }
}

/// Returns the one of those routes whose bodies have the form of `route`.
pub fn like(route: &str) -> &'static str {
    match route {
        "/containers/create" => "/containers/create",
        "/services/create" | "/services/{}/update" => "/services/create",
        _ => "/volumes/create",
    }
}

/// Returns `true` if the forced values of `route` are in the query.
pub fn is_in_query(route: &str) -> bool {
    ["/build", "/commit", "/images/create"].contains(&route)
}

/// The values of each key of a query, as in Go's `url.Values`.
pub type Form = Map<String, Value>;

/// Fails unless `after` is exactly `before` with the forced values of `route`.
pub fn assert_form(route: &str, mut before: Form, mut after: Form) {
    if route == "/build" {
        let mut wanted = labels_of(before.get("labels").map_or("", |all| all[0].as_str().unwrap()));
        wanted.extend(labels());
        let got = after.remove("labels").unwrap();
        let [text] = &got.as_array().unwrap()[..] else { panic!("not once: {got}") };
        assert_eq!(labels_of(text.as_str().unwrap()), wanted);
        // Podman accepts any case, Docker only this one.
        let profile = profile();
        let parent = profile.inject.build_cgroup_parent().unwrap();
        for (key, value) in [("cgroupparent", parent), ("rm", "1"), ("forcerm", "1")] {
            before.retain(|other, _| !go_json::fits(other, key));
            before.insert(key.to_owned(), json!([value]));
        }
        before.retain(|other, _| !go_json::fits(other, "labels"));
    } else {
        let changes = before.entry("changes").or_insert_with(|| json!([]));
        let ours = ["LABEL ci.job=7", "LABEL ci.team=web"].map(Value::from);
        changes.as_array_mut().unwrap().extend(ours);
    }
    assert_eq!(before, after);
}

/// Returns the labels that a daemon reads from `labels=text`.
fn labels_of(text: &str) -> Map<String, Value> {
    match text.trim() {
        "" | "null" => Map::new(),
        text => go_json::string_map(text).unwrap(),
    }
}

fn container(top: &mut Map<String, Value>) {
    let keys = |value: Option<&Value>| {
        let keys = value.and_then(Value::as_object).into_iter().flat_map(Map::keys);
        keys.map(|path| clean(path)).collect::<BTreeSet<_>>()
    };
    let mut anonymous = keys(top.get("Volumes"));
    let outer_driver = top.get("VolumeDriver").cloned();
    let host_config = object_at(top, "HostConfig");
    host_config.insert("CgroupParent".to_owned(), json!(profile().inject.cgroup_parent()));
    // Not cleaned, since the daemon compares them as written.
    let tmpfs = host_config.get("Tmpfs").and_then(Value::as_object);
    let mut taken: BTreeSet<String> = tmpfs.into_iter().flat_map(Map::keys).cloned().collect();
    let (taken_by_tmpfs, mut bound, mut all) = (taken.clone(), Vec::new(), Vec::new());
    if let Some(Value::Array(binds)) = host_config.get_mut("Binds") {
        binds.retain(|bind| {
            let bind = bind.as_str().unwrap();
            let target = clean(bind.split(':').nth(1).unwrap_or(bind));
            if !bind.contains(':') && !taken_by_tmpfs.contains(&target) {
                bound.push(target.clone());
            }
            all.push(target);
            bind.contains(':')
        });
    }
    if host_config.get("Binds") == Some(&json!([])) {
        host_config.remove("Binds");
    }
    give_way(host_config, &mut all, &mut taken);
    anonymous.retain(|target| !taken.contains(target));
    let anonymous: Vec<String> = anonymous.into_iter().chain(bound).collect();
    if !anonymous.is_empty() {
        // Docker 20.10 also accepts the driver at the top.
        let driver = host_config.get("VolumeDriver").cloned().or(outer_driver);
        let mounts = host_config.entry("Mounts").or_insert(Value::Null);
        if mounts.is_null() {
            *mounts = json!([]);
        }
        let mount = |target: String| {
            let mut options = json!({"Labels": labels()});
            if all.iter().filter(|other| **other == target).count() < 2 {
                options["Labels"]["com.docker.volume.anonymous"] = json!("");
            }
            if let Some(driver) = &driver {
                options["DriverConfig"] = json!({"Name": driver});
            }
            json!({"Type": "volume", "Target": target, "VolumeOptions": options})
        };
        mounts.as_array_mut().unwrap().extend(anonymous.into_iter().map(mount));
    }
}

/// Labels the mounts, and removes those of the proxy where something else is mounted. `all` are the client's
/// mounts, and `taken` the occupied targets.
fn give_way(
    host_config: &mut Map<String, Value>,
    all: &mut Vec<String>,
    taken: &mut BTreeSet<String>,
) {
    let (own, others): (Vec<_>, Vec<_>) =
        label_mounts(host_config).into_iter().partition(|mount| mount.is_own);
    all.extend(others.into_iter().filter_map(|mount| mount.target));
    taken.extend(all.iter().cloned());
    let is_taken = |target: &Option<String>| target.as_ref().is_some_and(|at| taken.contains(at));
    let (gone, stay): (Vec<_>, Vec<_>) = own.into_iter().partition(|mount| is_taken(&mount.target));
    for mount in gone.iter().rev() {
        host_config["Mounts"].as_array_mut().unwrap().remove(mount.at);
    }
    taken.extend(stay.into_iter().filter_map(|mount| mount.target));
}

/// One of `Mounts`.
struct Mount {
    at: usize,
    target: Option<String>,
    is_own: bool,
}

/// Labels the volumes among `Mounts`; returns all mounts.
fn label_mounts(holder: &mut Map<String, Value>) -> Vec<Mount> {
    let mut all = Vec::new();
    let mounts = holder.get_mut("Mounts").and_then(Value::as_array_mut);
    for (at, mount) in mounts.into_iter().flatten().enumerate() {
        let mount = mount.as_object_mut().unwrap();
        let text = |name: &str| mount.get(name).and_then(Value::as_str);
        let is_volume = text("Type").is_some_and(|kind| kind.to_uppercase() == "VOLUME");
        let target = text("Target").map(clean);
        let nameless = text("Source").unwrap_or_default().is_empty();
        let found = mount.get("VolumeOptions").and_then(|options| options["Labels"].as_object());
        let marked = found.is_some_and(|found| {
            let mut keys = labels();
            keys.insert("com.docker.volume.anonymous".to_owned(), Value::Null);
            keys.keys().all(|key| found.contains_key(key))
        });
        if is_volume {
            label(object_at(mount, "VolumeOptions"));
        }
        all.push(Mount { at, target, is_own: is_volume && nameless && marked });
    }
    all
}

fn label(holder: &mut Map<String, Value>) {
    object_at(holder, "Labels").extend(labels());
}

pub fn labels() -> Map<String, Value> {
    let pair = |label: &Label| (label.key.clone(), json!(label.value));
    profile().inject.labels().iter().map(pair).collect()
}

/// Returns the object `name` in `object`; creates it if it is absent or null.
fn object_at<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut().unwrap()
}

/// Cleans an absolute path like Go's `filepath.Clean`.
pub fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !["", "."].contains(part)) {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    "/".to_owned() + &parts.join("/")
}
