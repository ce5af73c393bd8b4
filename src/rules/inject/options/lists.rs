//! Lists and maps whose entries have keys.

use crate::engine::fields::Key;
use crate::json::{Edits, Error, Found, Listed, Object, quoted};
use crate::rules::inject::options::{array, name_of};
use crate::rules::inject::{How, Inject, Value};
use crate::rules::{Label, Refusal};

/// An entry that is added to a list or map.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    /// The entry of a list, or the value of a map.
    json: String,
    /// `true` if it replaces the client's entry with the same key.
    wins: bool,
}

/// The entries that are added to a list.
#[derive(Debug, Clone)]
pub(super) struct List {
    key: ListKey,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
enum ListKey {
    /// The part of a string.
    Part(Key),
    /// The string in this member of an object.
    Member(&'static str),
}

impl List {
    /// Compiles the entries of a list of strings.
    pub(super) fn of(list: &[&Inject], key: Key) -> Self {
        let entries = entries(list, |value| match value {
            Value::List(texts) => {
                texts.iter().map(|text| (name_of(key, text), quoted(text))).collect()
            }
            _ => Vec::new(),
        });
        Self { key: ListKey::Part(key), entries }
    }

    /// Compiles the entries of a list of objects, whose keys are in the member `name`.
    pub(super) fn of_objects(list: &[&Inject], name: &'static str) -> Self {
        let entries = entries(list, |value| match value {
            Value::Objects(objects) => objects.clone(),
            _ => Vec::new(),
        });
        Self { key: ListKey::Member(name), entries }
    }

    /// Edits the list `name` of `object`.
    pub(super) fn apply<'d>(
        &self,
        edits: &mut Edits<'d>,
        object: &mut Object<'d>,
        name: &str,
    ) -> Result<(), Refusal> {
        let Listed::Array(mut array) = object.array(name)? else {
            return Ok(edits.set(object, name, &self.json())?);
        };
        let keys = match self.key {
            ListKey::Part(key) => {
                array.strings().map(|entry| Ok(name_of(key, &entry?.1))).collect()
            }
            ListKey::Member(key) => array
                .objects()
                .map(|entry| Ok(entry?.string(key)?.unwrap_or_default().into_owned()))
                .collect::<Result<Vec<_>, Error>>(),
        }?;
        // Entries that are equal are not replaced, so that they keep their order.
        let whole = matches!(self.key, ListKey::Part(Key::Whole));
        let replaces = |key: &String| self.entries.iter().any(|own| own.wins && own.key == *key);
        let gone = keys.iter().enumerate().filter(|(_, key)| !whole && replaces(key));
        let gone: Vec<_> = gone.map(|(at, _)| at).collect();
        let is_added = |own: &&Entry| match (own.wins, whole) {
            (true, false) => true,
            (false, true) => keys.is_empty(),
            (true, true) | (false, false) => !keys.contains(&own.key),
        };
        let mut added = self.entries.iter().filter(is_added).peekable();
        if added.peek().is_some() {
            edits.spell(object, name)?;
            edits.remove(&mut array, &gone);
            added.for_each(|entry| edits.push(&mut array, &entry.json));
        }
        Ok(())
    }

    /// Returns a new list with the entries.
    pub(super) fn json(&self) -> String {
        array(self.entries.iter().map(|entry| entry.json.clone()))
    }
}

/// The members that are added to a map of strings.
#[derive(Debug, Clone)]
pub(super) struct Map(Vec<Entry>);

impl Map {
    /// Compiles the members of a map.
    pub(super) fn of(list: &[&Inject]) -> Self {
        Self(entries(list, |value| match value {
            Value::Map(map) => {
                map.iter().map(|label| (label.key.clone(), quoted(&label.value))).collect()
            }
            _ => Vec::new(),
        }))
    }

    /// Edits the map `name` of `object`.
    pub(super) fn apply<'d>(
        &self,
        edits: &mut Edits<'d>,
        object: &mut Object<'d>,
        name: &str,
    ) -> Result<(), Refusal> {
        let Found::Object(mut map) = object.object(name)? else {
            return Ok(edits.set(object, name, &self.json())?);
        };
        edits.spell(object, name)?;
        for Entry { key, json, wins } in &self.0 {
            let mut there = false;
            // Go uses the last of several equal keys, other parsers may not: all get the value.
            for member in map.members.iter().filter(|member| member.key() == key) {
                there = true;
                if *wins {
                    edits.replace(member.value, json.clone());
                }
            }
            if !there {
                edits.add(&mut map, key, json);
            }
        }
        Ok(())
    }

    /// Returns a new map with the members.
    pub(super) fn json(&self) -> String {
        let members =
            self.0.iter().map(|Entry { key, json, .. }| format!("{}:{json}", quoted(key)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    /// Returns `map` as a JSON object.
    pub(super) fn written<'l>(map: impl IntoIterator<Item = &'l Label>) -> String {
        let members = map.into_iter();
        let members =
            members.map(|Label { key, value }| format!("{}:{}", quoted(key), quoted(value)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }
}

/// Compiles the keys and values that `read` returns of each value. Those that are appended replace defaults
/// with the same key, and follow the others, so that a second edit of a list changes nothing.
fn entries(list: &[&Inject], read: impl Fn(&Value) -> Vec<(String, String)>) -> Vec<Entry> {
    let of = |how| {
        let list = list.iter().filter(move |inject| inject.how == how);
        list.flat_map(|inject| read(&inject.value)).map(move |(key, json)| Entry {
            key,
            json,
            wins: how == How::Append,
        })
    };
    let appended: Vec<Entry> = of(How::Append).collect();
    let defaults = of(How::Default).filter(|own| appended.iter().all(|other| other.key != own.key));
    let mut entries: Vec<Entry> = defaults.collect();
    entries.extend(appended);
    entries
}
