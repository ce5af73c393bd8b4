//! JSON objects that are edited without being rebuilt.
//!
//! An [`Object`] keeps its members as slices of the document. Changes are noted in [`Edits`] as
//! places in the document and written in one go, so all that is not edited keeps its bytes:
//! number spelling, unknown members, order, blanks, escapes.
//!
//! Members are found as Go's encoding/json finds them, because that is what the daemon uses.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Label, Refusal};

/// Members of one object that is edited. No container, service or label map has a hundredth of
/// them, and each costs ten times its bytes while it is looked at.
const MEMBERS: usize = 64 * 1024;

/// One object of a document.
#[derive(Debug)]
pub(super) struct Object<'d> {
    /// What to call it in a refusal: the names that lead to it; empty for the document.
    name: String,
    /// The object with its braces.
    text: &'d str,
    members: Vec<Member<'d>>,
    /// Whether a member was added; the next one then needs a comma.
    grown: bool,
}

/// One member of an object.
#[derive(Debug, Clone)]
pub(super) struct Member<'d> {
    /// The key, unescaped.
    key: Cow<'d, str>,
    value: &'d str,
}

/// What stands at a place where an object may stand.
#[derive(Debug)]
pub(super) enum Found<'d> {
    /// Nothing.
    Absent,
    /// `null`, at this slice of the document. To the daemon that is as good as nothing.
    Null(&'d str),
    /// An object.
    Object(Object<'d>),
}

impl<'d> Found<'d> {
    /// Reads `text`, which is one JSON value.
    ///
    /// # Errors
    /// It is no JSON, or neither an object nor `null`.
    pub(super) fn read(name: &str, text: &'d str) -> Result<Self, Refusal> {
        // A form feed is a blank to ASCII, but not to JSON.
        let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
        if trimmed == "null" {
            return Ok(Self::Null(trimmed));
        }
        let mut deserializer = serde_json::Deserializer::from_str(trimmed);
        let members = deserializer
            .deserialize_map(Members)
            .and_then(|members| deserializer.end().map(|()| members))
            .map_err(|error| not_an_object(name, trimmed, &error))?;
        Ok(Self::Object(Object { name: name.to_owned(), text: trimmed, members, grown: false }))
    }
}

fn not_an_object(name: &str, text: &str, error: &serde_json::Error) -> Refusal {
    // A value of another type is well-formed JSON; only then is the type what is wrong.
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) if !value.get().starts_with('{') => Refusal::NotAnObject(name.to_owned()),
        // The grammar aside, an object can only have too many members.
        Ok(_) if error.is_data() => Refusal::ManyMembers(MEMBERS),
        _ => Refusal::NotJson(error.to_string()),
    }
}

/// Collects the members of an object in order, duplicates included.
struct Members;

impl<'d> Visitor<'d> for Members {
    type Value = Vec<Member<'d>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key()? {
            if members.len() == MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            let value = map.next_value::<&RawValue>()?.get();
            members.push(Member { key, value });
        }
        Ok(members)
    }
}

impl<'d> Object<'d> {
    /// The member that Go's decoder would put into the field `name`.
    ///
    /// # Errors
    /// There are two: Go would merge them, other parsers take one.
    fn member(&self, name: &str) -> Result<Option<&Member<'d>>, Refusal> {
        let mut fitting = self.members.iter().filter(|member| is_field(&member.key, name));
        let first = fitting.next();
        match (first, fitting.next()) {
            (Some(one), Some(two)) => {
                let path = |member: &Member<'_>| join(&self.name, &member.key);
                Err(Refusal::Twice(path(one), path(two)))
            }
            _ => Ok(first),
        }
    }

    /// What stands in the field `name`, which may only be an object.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn object(&self, name: &str) -> Result<Found<'d>, Refusal> {
        match self.member(name)? {
            None => Ok(Found::Absent),
            Some(member) => Found::read(&join(&self.name, &member.key), member.value),
        }
    }

    /// The key and the value of each member that Go would put into one of the fields `names`.
    pub(super) fn all_of(&self, names: &[&str]) -> impl Iterator<Item = (&str, &'d str)> {
        let is_one = |key: &str| names.iter().any(|name| is_field(key, name));
        let found = self.members.iter().filter(move |member| is_one(&member.key));
        found.map(|member| (&*member.key, member.value))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Whether Go's decoder puts a member `key` into the field `name`: equal under simple case
/// folding, by which the long s (U+017F) is an `s` and the Kelvin sign (U+212A) a `k`.
pub(super) fn is_field(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// Changes to one document.
#[derive(Debug)]
pub(super) struct Edits<'d> {
    document: &'d str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'d> Edits<'d> {
    /// No changes to `document` yet.
    pub(super) fn of(document: &'d str) -> Self {
        Self { document, changes: Vec::new() }
    }

    /// Puts `text` in the place of `part`, a slice of the document.
    pub(super) fn replace(&mut self, part: &'d str, text: String) {
        let start = self.offset(part);
        self.changes.push((start..start + part.len(), text));
    }

    /// Adds a member to `object` behind its last one. `value` is JSON.
    pub(super) fn add(&mut self, object: &mut Object<'d>, key: &str, value: &str) {
        let (place, empty) = match object.members.last() {
            Some(last) => (self.offset(last.value) + last.value.len(), false),
            None => (self.offset(object.text) + 1, true),
        };
        let comma = if empty && !object.grown { "" } else { "," };
        object.grown = true;
        self.changes.push((place..place, format!("{comma}{}:{value}", quoted(key))));
    }

    /// Sets the field `name` of `object` to `value`, which is JSON, whatever is there.
    ///
    /// # Errors
    /// It is there twice.
    pub(super) fn set(
        &mut self,
        object: &mut Object<'d>,
        name: &str,
        value: &str,
    ) -> Result<(), Refusal> {
        match object.member(name)? {
            Some(member) => self.replace(member.value, value.to_owned()),
            None => self.add(object, name, value),
        }
        Ok(())
    }

    /// Puts `labels` into the label map `map`: an own value in the place of the client's, the
    /// others behind.
    ///
    /// # Errors
    /// A value in the map that is not a string (or `null`, which the daemon takes for an empty one).
    pub(super) fn label(&mut self, map: &mut Object<'d>, labels: &[Label]) -> Result<(), Refusal> {
        if !map.members.iter().all(|member| member.value.starts_with(['"', 'n'])) {
            return Err(Refusal::LabelValue(map.name.clone()));
        }
        for Label { key, value } in labels {
            let value = quoted(value);
            let mut there = false;
            // Go takes the last of several equal keys, other parsers may not: all get our value.
            for member in map.members.iter().filter(|member| member.key == *key) {
                self.replace(member.value, value.clone());
                there = true;
            }
            if !there {
                self.add(map, key, &value);
            }
        }
        Ok(())
    }

    /// The document with all changes.
    pub(super) fn write(mut self) -> String {
        // Stable: of two additions at one place the first comes first.
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut written = String::with_capacity(self.document.len() + 256);
        let mut rest = 0;
        for (range, text) in &self.changes {
            written.push_str(self.document.get(rest..range.start).unwrap_or_default());
            written.push_str(text);
            rest = range.end;
        }
        written.push_str(self.document.get(rest..).unwrap_or_default());
        written
    }

    /// Where `part`, a slice of the document, begins in it.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.document.as_ptr().addr()
    }
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `labels` as a JSON object.
pub(super) fn label_map(labels: &[Label]) -> String {
    let members =
        labels.iter().map(|Label { key, value }| format!("{}:{}", quoted(key), quoted(value)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The label map `document` with `labels` in it. An empty document is as good as `null`.
///
/// # Errors
/// It is not an object of strings.
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
mod tests {
    use super::*;

    #[test]
    fn keys_are_matched_as_go_matches_them() {
        for key in ["Labels", "labels", "LABELS", "Label\u{17f}"] {
            assert!(is_field(key, "Labels"), "{key}");
        }
        assert!(is_field("networ\u{212a}mode", "NetworkMode"));
        for key in ["Label", "Labelss", "L\u{e4}bels", "Labels ", ""] {
            assert!(!is_field(key, "Labels"), "{key}");
        }
    }

    #[test]
    fn an_object_has_a_limit_of_members() {
        let object = |members: usize| format!("{{{}}}", vec!["\"\":1"; members].join(","));
        assert!(Found::read("", &object(MEMBERS)).is_ok());
        let larger = object(MEMBERS + 1);
        let refused = Found::read("", &larger).unwrap_err();
        assert_eq!(refused, Refusal::ManyMembers(MEMBERS));
    }

    #[test]
    fn labels_are_merged_into_a_map() {
        let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
        let ours = [label("a", "1"), label("q\"", "\n")];
        for (map, wanted) in [
            ("", r#"{"a":"1","q\"":"\n"}"#),
            (" null ", r#"{"a":"1","q\"":"\n"}"#),
            ("{}", r#"{"a":"1","q\"":"\n"}"#),
            ("{ }", r#"{"a":"1","q\"":"\n" }"#),
            (r#"{"b" : "2" }"#, r#"{"b" : "2","a":"1","q\"":"\n" }"#),
            (
                r#"{"\u0061":null,"q\u0022":"x","A":"y"}"#,
                r#"{"\u0061":"1","q\u0022":"\n","A":"y"}"#,
            ),
            (r#"{"a":"x","a":"y","q\"":""}"#, r#"{"a":"1","a":"1","q\"":"\n"}"#),
        ] {
            assert_eq!(with_labels(map, &ours).unwrap(), wanted, "{map}");
        }
        for bad in [r#"{"b":1}"#, r#"{"b":["x"]}"#, "[]", r#""x""#, "{", "{}x", r#"{"\ud800":""}"#]
        {
            assert!(with_labels(bad, &ours).is_err(), "{bad}");
        }
    }
}
