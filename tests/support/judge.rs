//! Compares edited requests by other means than the program's own: whole documents as `serde_json::Value`,
//! whole queries as lists of pairs.

use std::fmt::Debug;

use serde_json::{Value, json};

use super::player::profile;
use super::{calls, forced, naive};

/// A parsed request.
struct Request<'a> {
    method: &'a str,
    target: &'a str,
    fields: Vec<&'a str>,
    body: &'a [u8],
}

/// Returns `true` if the operator's values must be forced into this request.
pub fn creates(request: &[u8]) -> bool {
    let line = request.split(|byte| *byte == b'\r').next().unwrap();
    let words: Vec<&str> = str::from_utf8(line).unwrap_or_default().split(' ').collect();
    words.len() == 3 && naive::creates(words[0], words[1]).is_some() || calls::creates(request)
}

/// Compares the client's request with the one that the daemon got instead.
pub fn judge(written: &[u8], edited: &[u8]) -> Result<(), String> {
    if written.first().is_some_and(|byte| !byte.is_ascii_uppercase()) {
        return calls::judge(written, edited);
    }
    let (written, edited) = (take_apart(written), take_apart(edited));
    same("method", &written.method, &edited.method)?;
    let route = naive::creates(written.method, written.target).ok_or("it creates nothing")?;
    if forced::is_in_query(route) {
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
    let wanted = forced::document(document(written.body)?, route);
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

/// Reads the query of a build, with `labels` as a document.
fn query(target: &str) -> Vec<(String, Value)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let pair = |(key, value)| match (text(key), text(value)) {
        (key, value) if key == "labels" => (key, serde_json::from_str(&value).unwrap()),
        (key, value) => (key, json!(value)),
    };
    naive::query(target).into_iter().map(pair).collect()
}

/// Returns the query of a commit or import with the operator's labels as the last change.
fn with_changes(target: &str) -> Vec<(String, Value)> {
    let mut query = query(target);
    for change in ["LABEL ci.job=7", "LABEL ci.team=web"] {
        query.push(("changes".to_owned(), json!(change)));
    }
    query
}

/// Returns the query of a build with the forced values.
fn forced_query(target: &str) -> Vec<(String, Value)> {
    let mut query = query(target);
    let profile = profile();
    let mut labels = value_of("labels", &mut query).take();
    for label in profile.inject.image_labels() {
        labels[&label.key] = json!(label.value);
    }
    *value_of("labels", &mut query) = labels;
    *value_of("cgroupparent", &mut query) = json!(profile.inject.build_cgroup_parent());
    for key in ["rm", "forcerm"] {
        *value_of(key, &mut query) = json!("1");
    }
    query
}

/// Returns the value of the first pair `key`; adds one if it is absent.
fn value_of<'a>(key: &str, query: &'a mut Vec<(String, Value)>) -> &'a mut Value {
    let at = query.iter().position(|pair| pair.0 == key).unwrap_or_else(|| {
        query.push((key.to_owned(), Value::Null));
        query.len() - 1
    });
    &mut query[at].1
}
