//! Judges edited requests by other means than the program has: whole documents as
//! `serde_json::Value`, whole queries as lists of pairs.

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use super::naive;
use super::player::injection;

/// One request, taken apart.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    fields: Vec<&'a str>,
    body: &'a [u8],
}

/// Whether the operator's things must be put into a client's request.
pub fn creates(request: &[u8]) -> bool {
    let line = request.split(|byte| *byte == b'\r').next().unwrap();
    let words: Vec<&str> = str::from_utf8(line).unwrap_or_default().split(' ').collect();
    words.len() == 3 && naive::creates(words[0], words[1]).is_some()
}

/// Compares what the client wrote with what went to the daemon in its place.
pub fn judge(written: &[u8], edited: &[u8]) -> Result<(), String> {
    let (written, edited) = (take_apart(written), take_apart(edited));
    same("method", &written.method, &edited.method)?;
    let route = naive::creates(written.method, written.target).ok_or("it creates nothing")?;
    if ["/build", "/commit", "/images/create"].contains(&route) {
        same("fields", &written.fields, &edited.fields)?;
        same("body", &written.body, &edited.body)?;
        same("path", &path_of(written.target), &path_of(edited.target))?;
        let forced = match route {
            "/build" => forced_query(written.target),
            _ => with_changes(written.target),
        };
        return same("query", &forced, &query(edited.target));
    }
    same("target", &written.target, &edited.target)?;
    let length = format!("Content-Length: {}", edited.body.len());
    let forced = |field| if str::starts_with(field, "Content-Length:") { &length } else { field };
    let fields = written.fields.into_iter().filter(|field| !field.starts_with("Expect:"));
    same("fields", &fields.map(forced).collect(), &edited.fields)?;
    let document = |body| serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
    let wanted = forced_document(document(written.body)?, route);
    same("document", &wanted, &document(edited.body)?)
}

fn same<T: PartialEq + Debug>(what: &str, wanted: &T, got: &T) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    Err(format!("{what}:\n  wanted {wanted:?}\n  got    {got:?}"))
}

fn take_apart(request: &[u8]) -> Request<'_> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut lines = str::from_utf8(&request[..end]).unwrap().split("\r\n");
    let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
    Request {
        method: words[0],
        target: words[1],
        fields: lines.collect(),
        body: &request[end + 4..],
    }
}

fn path_of(target: &str) -> &str {
    target.split('?').next().unwrap()
}

/// `document` with what the operator forces into what is created at `route`.
fn forced_document(mut document: Value, route: &str) -> Value {
    let injection = injection();
    let labelled: &[&str] = match route {
        "/services/create" => &["", "/TaskTemplate/ContainerSpec"],
        _ => &[""],
    };
    for place in labelled {
        if let Some(Value::Object(object)) = document.pointer_mut(place) {
            let labels = object_at(object, "Labels");
            for label in &injection.labels {
                labels.insert(label.key.clone(), json!(label.value));
            }
        }
    }
    if route == "/containers/create" {
        label_volumes(&mut document);
        object_at(document.as_object_mut().unwrap(), "HostConfig")
            .insert("CgroupParent".to_owned(), json!(injection.cgroup_parent));
    }
    document
}

/// Labels the volumes of a container: those it mounts by `Mounts`, and the anonymous ones.
fn label_volumes(document: &mut Value) {
    let labels: Map<_, _> =
        injection().labels.into_iter().map(|label| (label.key, json!(label.value))).collect();
    let bound = |target: &String| {
        let binds = document["HostConfig"]["Binds"].as_array().into_iter().flatten();
        binds.filter_map(Value::as_str).any(|bind| bind.split(':').nth(1) == Some(target))
    };
    let volumes = document["Volumes"].as_object().into_iter().flat_map(Map::keys);
    let anonymous: Vec<String> = volumes.filter(|target| !bound(target)).cloned().collect();
    let host_config = object_at(document.as_object_mut().unwrap(), "HostConfig");
    let mounts = host_config.get_mut("Mounts").and_then(Value::as_array_mut);
    for mount in mounts.into_iter().flatten().filter(|mount| mount["Type"] == "volume") {
        let options = object_at(mount.as_object_mut().unwrap(), "VolumeOptions");
        object_at(options, "Labels").extend(labels.clone());
    }
    if !anonymous.is_empty() {
        let mounts = host_config.entry("Mounts").or_insert(Value::Null);
        if mounts.is_null() {
            *mounts = json!([]);
        }
        let mut labels = labels.clone();
        labels.insert("com.docker.volume.anonymous".to_owned(), json!(""));
        let mount = |target| json!({"Type": "volume", "Target": target, "VolumeOptions": {"Labels": labels}});
        mounts.as_array_mut().unwrap().extend(anonymous.into_iter().map(mount));
    }
}

/// The object `name` in `object`, which is made if it is absent or null.
fn object_at<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut().unwrap()
}

/// The query of a build; `labels` as the document that it is.
fn query(target: &str) -> Vec<(String, Value)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let pair = |(key, value)| match (text(key), text(value)) {
        (key, value) if key == "labels" => (key, serde_json::from_str(&value).unwrap()),
        (key, value) => (key, json!(value)),
    };
    naive::query(target).into_iter().map(pair).collect()
}

/// The query of a commit or import with the operator's labels as its last change.
fn with_changes(target: &str) -> Vec<(String, Value)> {
    let mut query = query(target);
    for change in ["LABEL ci.job=7", "LABEL ci.team=web"] {
        query.push(("changes".to_owned(), json!(change)));
    }
    query
}

/// The query of a build with what the operator forces.
fn forced_query(target: &str) -> Vec<(String, Value)> {
    let mut query = query(target);
    let injection = injection();
    let mut labels = value_of("labels", &mut query).take();
    for label in &injection.labels {
        labels[&label.key] = json!(label.value);
    }
    *value_of("labels", &mut query) = labels;
    // BuildKit ignores it.
    if !query.contains(&("version".to_owned(), json!("2"))) {
        *value_of("cgroupparent", &mut query) = json!(injection.cgroup_parent);
        for key in ["rm", "forcerm"] {
            *value_of(key, &mut query) = json!("1");
        }
    }
    query
}

/// The value of the first pair `key`, which is made if it is absent.
fn value_of<'a>(key: &str, query: &'a mut Vec<(String, Value)>) -> &'a mut Value {
    let at = query.iter().position(|pair| pair.0 == key).unwrap_or_else(|| {
        query.push((key.to_owned(), Value::Null));
        query.len() - 1
    });
    &mut query[at].1
}
