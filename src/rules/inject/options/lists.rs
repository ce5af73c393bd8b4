//! Lists and maps whose entries have keys.

use memchr::memchr;
use memchr::memmem::Finder;

use crate::engine::fields::Key;
use crate::json::{Array, Edits, Found, Listed, Member, Object, quoted};
use crate::rules::inject::options::{array, is_named, name_of};
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
    /// A new list with the entries.
    json: String,
    /// The beginnings of entries with the same keys, if keys begin entries.
    beginnings: Option<Vec<Finder<'static>>>,
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
        Self::new(ListKey::Part(key), entries)
    }

    /// Compiles the entries of a list of objects, whose keys are in the member `name`.
    pub(super) fn of_objects(list: &[&Inject], name: &'static str) -> Self {
        let entries = entries(list, |value| match value {
            Value::Objects(objects) => {
                objects.iter().map(|(key, json)| (key.to_ascii_lowercase(), json.clone())).collect()
            }
            _ => Vec::new(),
        });
        Self::new(ListKey::Member(name), entries)
    }

    fn new(key: ListKey, entries: Vec<Entry>) -> Self {
        let json = array(entries.iter().map(|entry| entry.json.clone()));
        let beginning = |entry: &Entry| Finder::new(&format!("\"{}", entry.key)).into_owned();
        let beginnings = matches!(key, ListKey::Part(Key::BeforeEquals))
            .then(|| entries.iter().map(beginning).collect());
        Self { key, entries, json, beginnings }
    }

    /// Returns `true` if the list `text` is not empty, and surely has no entry with a key of these. Other
    /// lists must be parsed to know. An element of another type is the daemon's to refuse.
    fn is_new_to(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let is_absent = |beginning: &Finder<'_>| beginning.find(text).is_none();
        text.starts_with(b"[\"")
            && memchr(b'\\', text).is_none()
            && self.beginnings.as_ref().is_some_and(|all| all.iter().all(is_absent))
    }

    /// Edits the list `name` of `object`.
    pub(super) fn apply<'d>(
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        member: Option<&Member<'d>>,
        name: &'static str,
    ) -> Result<(), Refusal> {
        if let Some(member) = member.filter(|member| self.is_new_to(member.value)) {
            edits.spell_in(object, member, name);
            edits.extend(member.value, self.json.trim_matches(['[', ']']));
            return Ok(());
        }
        let (Listed::Array(mut array), Some(member)) = (object.array_in(member)?, member) else {
            edits.set_in(object, member, name, &self.json);
            return Ok(());
        };
        // Entries that are equal are not replaced, so that they keep their order.
        let whole = matches!(self.key, ListKey::Part(Key::Whole));
        let there = self.there(&array)?;
        let wins = |own: &Entry| own.wins && !whole;
        let mut gone: Vec<_> =
            there.iter().filter(|(_, own)| wins(own)).map(|(at, _)| *at).collect();
        gone.dedup();
        let empty = array.elements.is_empty();
        let is_there = |own: &Entry| there.iter().any(|(_, other)| std::ptr::eq(*other, own));
        let is_added = |own: &&Entry| match (own.wins, whole) {
            (true, false) => true,
            (false, true) => empty,
            (true, true) | (false, false) => !is_there(own),
        };
        let mut added = self.entries.iter().filter(is_added).peekable();
        if added.peek().is_some() {
            edits.spell_in(object, member, name);
            edits.remove(&mut array, &gone);
            added.for_each(|entry| edits.push(&mut array, &entry.json));
        }
        Ok(())
    }

    /// Returns the entries with the keys of elements of `array`, each with the index of the element.
    fn there(&self, array: &Array<'_>) -> Result<Vec<(usize, &Entry)>, Refusal> {
        let mut there = Vec::new();
        let mut meet = |at: usize, is_key: &dyn Fn(&str) -> bool| {
            let own = self.entries.iter().filter(|own| is_key(&own.key));
            there.extend(own.map(|own| (at, own)));
        };
        match self.key {
            ListKey::Part(key) => {
                for (at, entry) in array.strings().enumerate() {
                    let (_, text) = entry?;
                    meet(at, &|own| is_named(key, &text, own));
                }
            }
            ListKey::Member(key) => {
                for (at, entry) in array.objects().enumerate() {
                    let entry = entry?;
                    let text = entry.string(key)?.unwrap_or_default();
                    meet(at, &|own| text.eq_ignore_ascii_case(own));
                }
            }
        }
        Ok(there)
    }

    /// Returns a new list with the entries.
    pub(super) fn json(&self) -> &str {
        &self.json
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
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        member: Option<&Member<'d>>,
        name: &'static str,
    ) -> Result<(), Refusal> {
        let (Found::Object(map), Some(member)) = (object.object_in(member)?, member) else {
            edits.set_in(object, member, name, self.json());
            return Ok(());
        };
        edits.spell_in(object, member, name);
        for Entry { key, json, wins } in &self.0 {
            let mut there = false;
            // Go uses the last of several equal keys, other parsers may not: all get the value.
            for member in map.members.iter().filter(|member| member.key() == key) {
                there = true;
                if *wins {
                    edits.replace(member.value, json);
                }
            }
            if !there {
                edits.add(&map, key, json);
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
