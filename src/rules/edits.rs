//! Changes to a JSON document that keep all other bytes.
//!
//! Changes are collected as ranges of the document and written in one pass. So number spelling,
//! unknown members, order, whitespace and escapes stay as they are.

use std::ops::Range;

use super::json::{Array, Found, Member, Object, label_map, quoted};
use super::{Label, Refusal};

/// Extra capacity in bytes beyond the document, for the usual additions and a request head.
const ROOM: usize = 1024;

/// The changes to one document.
#[derive(Debug)]
pub(super) struct Edits<'d> {
    document: &'d str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'d> Edits<'d> {
    /// Starts without changes to `document`.
    pub(super) fn of(document: &'d str) -> Self {
        Self { document, changes: Vec::new() }
    }

    /// Replaces `part`, a slice of the document, by `text`.
    pub(super) fn replace(&mut self, part: &'d str, text: String) {
        let start = self.offset(part);
        self.changes.push((start..start + part.len(), text));
    }

    /// Adds a member behind the last one of `object`. `value` is JSON.
    pub(super) fn add(&mut self, object: &mut Object<'d>, key: &str, value: &str) {
        let (place, empty) = match object.members.last() {
            Some(last) => (self.offset(last.value) + last.value.len(), false),
            None => (self.offset(object.text) + 1, true),
        };
        let comma = if empty && !object.grown { "" } else { "," };
        object.grown = true;
        self.changes.push((place..place, format!("{comma}{}:{value}", quoted(key))));
    }

    /// Adds an element behind the last one of `array`. `value` is JSON.
    pub(super) fn push(&mut self, array: &mut Array<'d>, value: &str) {
        let (place, empty) = match array.elements.last() {
            Some(last) => (self.offset(last) + last.len(), false),
            None => (self.offset(array.text) + 1, true),
        };
        let comma = if empty && !array.grown { "" } else { "," };
        array.grown = true;
        self.changes.push((place..place, format!("{comma}{value}")));
    }

    /// Sets the field `name` of `object` to `value`, which is JSON.
    ///
    /// # Errors
    /// The field occurs twice.
    pub(super) fn set(
        &mut self,
        object: &mut Object<'d>,
        name: &str,
        value: &str,
    ) -> Result<(), Refusal> {
        match self.spell(object, name)? {
            Some(member) => self.replace(member.value, value.to_owned()),
            None => self.add(object, name, value),
        }
        Ok(())
    }

    /// Adds `labels` to the label map `map`. Existing keys get the operator's value.
    ///
    /// # Errors
    /// A value that is neither a string nor `null` (which the daemon reads as an empty string), or
    /// a key that could be read as one of `labels`.
    pub(super) fn label(&mut self, map: &mut Object<'d>, labels: &[Label]) -> Result<(), Refusal> {
        if !map.members.iter().all(|member| member.value.starts_with(['"', 'n'])) {
            return Err(Refusal::LabelValue(map.name.clone()));
        }
        for Label { key, value } in labels {
            // Podman writes labels as `key=value` and splits at the first `=`.
            let seems =
                |other: &str| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('='));
            if let Some(other) = map.members.iter().find(|member| seems(member.key())) {
                return Err(Refusal::LabelKey(other.key().to_owned()));
            }
            let value = quoted(value);
            let mut there = false;
            // Go uses the last of several equal keys, other parsers may not. So all get the value.
            for member in map.members.iter().filter(|member| member.key() == key.as_str()) {
                self.replace(member.value, value.clone());
                there = true;
            }
            if !there {
                self.add(map, key, &value);
            }
        }
        Ok(())
    }

    /// Spells the field `name` of `object` as the API does, if it exists, so that a case-sensitive
    /// decoder finds forced values. Must be called once per field. Returns the member.
    ///
    /// # Errors
    /// The field occurs twice.
    pub(super) fn spell<'o>(
        &mut self,
        object: &'o Object<'d>,
        name: &str,
    ) -> Result<Option<&'o Member<'d>>, Refusal> {
        let found = object.member(name)?;
        let Some(member) = found.filter(|member| member.key() != name) else {
            return Ok(found);
        };
        let before = object.members.iter().take_while(|other| !std::ptr::eq(*other, member)).last();
        let start = match before {
            Some(before) => self.offset(before.value) + before.value.len(),
            None => self.offset(object.text) + 1,
        };
        let between = self.document.get(start..self.offset(member.value)).unwrap_or_default();
        let key = between.trim_matches([',', ':', ' ', '\t', '\r', '\n']);
        self.replace(key, quoted(name));
        Ok(found)
    }

    /// Adds `labels` to the member `Labels` of `object`, and adds that member if it is missing.
    ///
    /// # Errors
    /// The member occurs twice, or is not a map of strings.
    pub(super) fn label_member(
        &mut self,
        object: &mut Object<'d>,
        labels: &[Label],
    ) -> Result<(), Refusal> {
        self.spell(object, "Labels")?;
        match object.object("Labels")? {
            Found::Absent => self.add(object, "Labels", &label_map(labels)),
            Found::Null(null) => self.replace(null, label_map(labels)),
            Found::Object(mut map) => self.label(&mut map, labels)?,
        }
        Ok(())
    }

    /// Returns the document with all changes.
    pub(super) fn write(mut self) -> String {
        // A stable sort keeps the order of additions at the same place.
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut written = String::with_capacity(self.document.len() + ROOM);
        let mut rest = 0;
        for (range, text) in &self.changes {
            written.push_str(self.document.get(rest..range.start).unwrap_or_default());
            written.push_str(text);
            rest = range.end;
        }
        written.push_str(self.document.get(rest..).unwrap_or_default());
        written
    }

    /// Returns the offset of `part`, a slice of the document.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.document.as_ptr().addr()
    }
}

/// Returns the label map `document` with `labels` added. An empty document counts as `null`.
///
/// # Errors
/// The document is not an object of strings.
pub(super) fn with_labels(document: &str, labels: &[Label]) -> Result<String, Refusal> {
    if document.is_empty() {
        return Ok(label_map(labels));
    }
    match Found::read("labels", document)? {
        Found::Absent | Found::Null(_) => Ok(label_map(labels)),
        Found::Object(mut map) => {
            let mut edits = Edits::of(document);
            edits.label(&mut map, labels)?;
            Ok(edits.write())
        }
    }
}

#[cfg(test)]
mod tests;
