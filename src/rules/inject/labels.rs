//! Labels in JSON documents: the operator's are merged with the client's, and override them.

use crate::json::{Edits, Found, Object, quoted};
use crate::rules::refusal::shown;
use crate::rules::{Label, Reason, Refusal};

/// Labels, and their rendering as a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) struct Labels {
    list: Vec<Label>,
    json: String,
}

impl Default for Labels {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(list: I) -> Self {
        let list: Vec<Label> = list.into_iter().collect();
        Self { json: map(&list), list }
    }
}

impl Labels {
    /// Returns the labels.
    pub(in crate::rules) fn list(&self) -> &[Label] {
        &self.list
    }

    /// Returns the JSON object.
    pub(in crate::rules) fn json(&self) -> &str {
        &self.json
    }
}

/// Returns `labels` as a JSON object.
fn map(labels: &[Label]) -> String {
    let mut map = String::from("{");
    for Label { key, value } in labels {
        if map.len() > 1 {
            map.push(',');
        }
        map.extend([&quoted(key), ":", &quoted(value)]);
    }
    map.push('}');
    map
}

/// Forces `labels` into the member `Labels` of `object`.
///
/// # Errors
/// The member occurs twice, or is not a map of strings.
pub(in crate::rules) fn force<'d>(
    edits: &mut Edits<'d>,
    object: &Object<'d>,
    labels: &'d Labels,
) -> Result<(), Refusal> {
    let member = object.member("Labels")?;
    if let (Found::Object(there), Some(member)) = (object.object_in(member)?, member) {
        edits.spell_in(object, member, "Labels");
        return merge(edits, &there, labels);
    }
    edits.set_in(object, member, "Labels", labels.json());
    Ok(())
}

/// Returns the label map `document` with `labels` in it. An empty document counts as `null`.
///
/// # Errors
/// The document is not an object of strings.
pub(in crate::rules) fn merged(document: &str, labels: &Labels) -> Result<String, Refusal> {
    if document.is_empty() {
        return Ok(labels.json().to_owned());
    }
    match Found::read("labels", document)? {
        Found::Absent | Found::Null(_) => Ok(labels.json().to_owned()),
        Found::Object(there) => {
            let mut edits = Edits::of(document);
            merge(&mut edits, &there, labels)?;
            Ok(edits.write())
        }
    }
}

/// Forces `labels` into `map`: replaces the client's values of their keys, and appends the others.
///
/// # Errors
/// A value in the map that is neither a string nor `null`, which the daemon reads as an empty string,
/// or a key that Podman could read as one of the operator's.
fn merge<'d>(edits: &mut Edits<'d>, map: &Object<'d>, labels: &'d Labels) -> Result<(), Refusal> {
    if !map.members.iter().all(|member| member.value.starts_with(['"', 'n'])) {
        return Err(label_value(&map.name));
    }
    for Label { key, value } in labels.list() {
        // Podman writes labels as `key=value` and cuts at the first `=`.
        let seems = |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
        if let Some(other) = map.members.iter().find(|member| seems(member.key())) {
            return Err(label_key(other.key()));
        }
        let mut there = false;
        // Go uses the last of several equal keys, other parsers may not: all get the value.
        for member in map.members.iter().filter(|member| member.key() == key.as_str()) {
            edits.replace(member.value, quoted(value));
            there = true;
        }
        if !there {
            edits.add(map, key, quoted(value));
        }
    }
    Ok(())
}

pub(in crate::rules) fn label_value(map: &str) -> Refusal {
    let text = format!("a label in {map} of the request body does not have a string as value");
    Refusal::new(Reason::WrongType, text)
}

fn label_key(key: &str) -> Refusal {
    let text = format!(
        "the label \"{}\" begins with a label of the operator's and a \"=\", so Podman would take it \
         for that one; give it another name",
        shown(key)
    );
    Refusal::new(Reason::LabelKey, text)
}

#[cfg(test)]
mod tests;
