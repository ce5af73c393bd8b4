//! Judges edited requests by other means than the program has: whole documents as
//! `serde_json::Value`, queries by splitting.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::player::injection;

/// One request, taken apart.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    fields: Vec<&'a str>,
    body: &'a [u8],
}

/// Whether the operator's things must be put into a client's request.
pub fn creates(request: &[u8]) -> bool {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = str::from_utf8(line).unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = without_version(target.split('?').next().unwrap_or_default());
    method == "POST" && (path == "/build" || labelled(path).is_some())
}

/// Compares what the client wrote with what went to the daemon in its place.
pub fn judge(written: &[u8], edited: &[u8]) -> Result<(), String> {
    let (written, edited) = (take_apart(written), take_apart(edited));
    same("method", &written.method, &edited.method)?;
    same("path", &written.path, &edited.path)?;
    if without_version(written.path) == "/build" {
        same("fields", &written.fields, &edited.fields)?;
        same("body", &written.body, &edited.body)?;
        return same("query", &forced_query(written.query), &pairs(edited.query));
    }
    let fields = written.fields.iter().filter(|field| !field.starts_with("Expect:"));
    let length = format!("Content-Length: {}", edited.body.len());
    let fields: Vec<&str> = fields
        .map(|field| if field.starts_with("Content-Length:") { &*length } else { *field })
        .collect();
    same("fields", &fields, &edited.fields)?;
    same("query", &written.query, &edited.query)?;
    let places = labelled(without_version(written.path)).ok_or("creates nothing")?;
    let document = |body| serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
    let wanted = forced_document(document(written.body)?, places, written.path);
    same("document", &wanted, &document(edited.body)?)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, got: &T) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    Err(format!("{what}:\n  wanted {wanted:?}\n  got    {got:?}"))
}

fn take_apart(request: &[u8]) -> Request<'_> {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut lines = str::from_utf8(&request[..end]).unwrap().split("\r\n");
    let words: Vec<&str> = lines.next().unwrap().split(' ').collect();
    let (path, query) = words[1].split_once('?').unwrap_or((words[1], ""));
    Request { method: words[0], path, query, fields: lines.collect(), body: &request[end + 4..] }
}

fn without_version(path: &str) -> &str {
    match path.strip_prefix("/v1.").and_then(|rest| rest.find('/')) {
        Some(end) => &path["/v1.".len() + end..],
        None => path,
    }
}

/// The objects that get labels when something is created at `path`.
fn labelled(path: &str) -> Option<&'static [&'static str]> {
    match path {
        "/containers/create" | "/networks/create" | "/volumes/create" | "/secrets/create"
        | "/configs/create" => Some(&[""]),
        "/services/create" => Some(&["", "/TaskTemplate/ContainerSpec"]),
        _ => None,
    }
}

/// `document` with what the operator forces.
fn forced_document(mut document: Value, places: &[&str], path: &str) -> Value {
    let injection = injection();
    for place in places {
        if let Some(Value::Object(object)) = document.pointer_mut(place) {
            let labels = object_at(object, "Labels");
            for label in &injection.labels {
                labels.insert(label.key.clone(), json!(label.value));
            }
        }
    }
    if path.ends_with("/containers/create") {
        let top = document.as_object_mut().unwrap();
        object_at(top, "HostConfig")
            .insert("CgroupParent".to_owned(), json!(injection.cgroup_parent));
    }
    document
}

/// The object `name` in `object`, which is made if it is absent or null.
fn object_at<'a>(object: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = object.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut().unwrap()
}

/// The pairs of a query, decoded; `labels` as the document that it is.
fn pairs(query: &str) -> Vec<(String, Value)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decoded(key), decoded(value));
        let value = match &*key {
            "labels" => serde_json::from_str(&value).unwrap(),
            _ => json!(value),
        };
        (key, value)
    };
    pairs.map(pair).collect()
}

/// The pairs of a build's query with what the operator forces.
fn forced_query(query: &str) -> Vec<(String, Value)> {
    let mut pairs = pairs(query);
    let injection = injection();
    let at = |pairs: &mut Vec<(String, Value)>, key: &str| {
        pairs.iter().position(|pair| pair.0 == key).unwrap_or_else(|| {
            pairs.push((key.to_owned(), json!({})));
            pairs.len() - 1
        })
    };
    let place = at(&mut pairs, "labels");
    if pairs[place].1.is_null() {
        pairs[place].1 = json!({});
    }
    let labels = pairs[place].1.as_object_mut().unwrap();
    for label in &injection.labels {
        labels.insert(label.key.clone(), json!(label.value));
    }
    let parent = at(&mut pairs, "cgroupparent");
    pairs[parent].1 = json!(injection.cgroup_parent);
    pairs
}
