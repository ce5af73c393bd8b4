//! Options of the Engine API in the configuration file: finds their fields, and checks the values against
//! the types of the fields.

mod agree;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

use serde_json::{Map, Value as Json};

pub use agree::{disagreements, inherited, of_classic_builds};

use super::file::{Fault, Item, Source, Spanned, Table, entries, found, joined};
use super::template::{forms, has_braces, template};
use super::{Invalid, quantity, similar};
use crate::engine::fields::{FIELDS, Field, Key, Kind, Section, Zero};
use crate::engine::shapes::Place;
use crate::rules::Label;
use crate::rules::caller::Template;
use crate::rules::inject::{How, Inject, Value, name_of};

/// The tables of a section, each with its treatment.
pub const TREATMENTS: &[(&str, How)] =
    &[("force", How::Force), ("default", How::Default), ("cap", How::Cap), ("append", How::Append)];

/// Numbers of which a smaller one allows more, or 0 in some requests only.
const WITHOUT_CAP: &[&str] =
    &["HostConfig.RestartPolicy.MaximumRetryCount", "HostConfig.CpuPeriod", "cpuperiod"];

/// Returns the name of a treatment.
#[must_use]
pub fn treatment(how: How) -> &'static str {
    TREATMENTS.iter().find(|(_, known)| *known == how).map_or("", |(name, _)| name)
}

/// Returns the names of the treatments that an option can have.
pub fn treatments(field: &Field) -> impl Iterator<Item = &'static str> {
    TREATMENTS.iter().filter(|(_, how)| applies(field, *how).is_ok()).map(|(name, _)| *name)
}

/// Reads injections, and notes the faults.
#[derive(Debug)]
pub struct Reader<'r, 't> {
    /// The file.
    pub source: &'r Source<'t>,
    /// All faults until now.
    pub faults: &'r mut Vec<Fault>,
}

impl Reader<'_, '_> {
    /// Reads the options of a table, without the faulty ones.
    pub fn options(&mut self, section: Section, how: How, table: &Table<'_>) -> Vec<Inject> {
        let mut options: Vec<Inject> = Vec::new();
        for (path, at, item) in joined(table, &|path| !is_begun(section, path)) {
            let Some(inject) = self.inject(section, how, &path, &at, item) else { continue };
            match options.iter().find(|known| known.at == inject.at) {
                Some(first) => {
                    let why = format!("{path} is already given at {}", first.from);
                    self.faults.push(self.source.fault(&at, why));
                }
                None => options.push(inject),
            }
        }
        options
    }

    fn inject(
        &mut self,
        section: Section,
        how: How,
        path: &str,
        at: &Range<usize>,
        item: &Spanned<Item<'_>>,
    ) -> Option<Inject> {
        let field = field(section, path).and_then(|field| applies(field, how).map(|()| field));
        let field = self.keep(at, field)?;
        let faults = self.faults.len();
        let value = self.value(field.kind, item)?;
        let fits = fits(field, how, &value);
        self.keep(&item.span(), fits)?;
        let from = self.source.place(at);
        (self.faults.len() == faults).then_some(Inject {
            at: Place::Field(field),
            how,
            value,
            from,
        })
    }

    fn keep<T>(&mut self, span: &Range<usize>, result: Result<T, String>) -> Option<T> {
        result.map_err(|why| self.faults.push(self.source.fault(span, why))).ok()
    }

    fn value(&mut self, kind: Kind, item: &Spanned<Item<'_>>) -> Option<Value> {
        let value = match (kind, item.get_ref()) {
            (Kind::List(key), Item::Array(list)) => Ok(self.list(key, list)),
            (Kind::Map, Item::Table(table)) => Ok(self.map(table)),
            (Kind::Objects(members), Item::Array(list)) => Ok(self.objects(members, list)),
            (Kind::Switch | Kind::Choice, Item::Boolean(value)) => Ok(Value::Switch(*value)),
            (Kind::Text | Kind::Word(_), Item::String(text)) => filled(text).map(Value::Text),
            (Kind::Number(_) | Kind::Bytes(_) | Kind::Cpus(_), Item::Integer(number)) => {
                i64::from_str_radix(number.as_str(), number.radix())
                    .map(Value::Number)
                    .map_err(|_| format!("{number} has more than 64 bits"))
            }
            (Kind::Bytes(_), Item::String(text)) => {
                quantity::bytes(text).map(Value::Number).ok_or_else(|| unfit(kind, item.get_ref()))
            }
            (Kind::Cpus(_), Item::String(text)) => quantity::processors(text)
                .map(Value::Number)
                .ok_or_else(|| unfit(kind, item.get_ref())),
            (kind, other) => Err(unfit(kind, other)),
        };
        self.keep(&item.span(), value)
    }

    fn list(&mut self, key: Key, list: &[Spanned<Item<'_>>]) -> Value {
        let mut texts = Vec::new();
        let mut keys: BTreeMap<String, String> = BTreeMap::new();
        for item in list {
            let text = match item.get_ref() {
                Item::String(text) => filled(text),
                other => Err(unfit(Kind::Text, other)),
            };
            let text = text.and_then(|text| match keys.entry(name_in(key, &text)?) {
                Entry::Occupied(first) => {
                    Err(format!("{text:?} has the same key as {:?}", first.get()))
                }
                Entry::Vacant(free) => Ok(free.insert(text).clone()),
            });
            texts.extend(self.keep(&item.span(), text));
        }
        Value::List(texts)
    }

    fn map(&mut self, table: &Table<'_>) -> Value {
        let mut labels: Vec<Label> = Vec::new();
        for (key, at, item) in joined(table, &|_| false) {
            let value = match item.get_ref() {
                Item::String(text) => filled(text),
                other => Err(unfit(Kind::Text, other)),
            };
            if labels.iter().any(|label| label.key == key) {
                self.keep::<()>(&at, Err(format!("{key:?} occurs twice")));
                continue;
            }
            let label = name(&key).and_then(|key| Ok(Label { key, value: value? }));
            labels.extend(self.keep(&item.span(), label));
        }
        Value::Map(labels)
    }

    fn objects(&mut self, members: &[(&str, Kind)], list: &[Spanned<Item<'_>>]) -> Value {
        let mut objects: Vec<(String, String)> = Vec::new();
        for item in list {
            let Item::Table(table) = item.get_ref() else {
                self.keep::<()>(&item.span(), Err(unfit(Kind::Objects(&[]), item.get_ref())));
                continue;
            };
            let mut object = Map::new();
            for (name, item) in entries(table) {
                let known = members.iter().find(|(known, _)| known == name.get_ref());
                let known = known.ok_or_else(|| {
                    let names: Vec<_> = members.iter().map(|(name, _)| *name).collect();
                    format!("unknown member {:?}; expected {}", name.get_ref(), names.join(", "))
                });
                let Some((name, kind)) = self.keep(&name.span(), known) else { continue };
                let value = self.value(*kind, item);
                object.extend(value.and_then(json).map(|value| ((*name).to_owned(), value)));
            }
            let first = members.first().map_or("", |(name, _)| name);
            let key = match object.get(first) {
                Some(Json::String(key)) if objects.iter().any(|(known, _)| known == key) => {
                    Err(format!("{key:?} occurs twice"))
                }
                Some(Json::String(key)) => name(key),
                _ => Err(format!("expected a member {first}")),
            };
            let key = self.keep(&item.span(), key);
            objects.extend(key.map(|key| (key, Json::Object(object).to_string())));
        }
        Value::Objects(objects)
    }
}

/// Returns a value of a member as JSON.
fn json(value: Value) -> Option<Json> {
    match value {
        Value::Text(text) => Some(text.into()),
        Value::Number(number) => Some(number.into()),
        Value::Switch(value) => Some(value.into()),
        _ => None,
    }
}

/// Refuses a text that would end a C string.
fn plain(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err(format!("{text:?} contains NUL"));
    }
    Ok(text.to_owned())
}

/// Checks the name of an entry, which has no placeholder.
fn name(text: &str) -> Result<String, String> {
    if has_braces(text) {
        return Err(Invalid::PlaceholderInName(text.to_owned()).to_string());
    }
    plain(text)
}

/// Checks a value, which may have placeholders.
fn filled(text: &str) -> Result<String, String> {
    template(text).map_err(|why| why.to_string())?;
    plain(text)
}

/// Finds an option.
fn field(section: Section, path: &str) -> Result<&'static Field, String> {
    let named = |field: &&Field| field.path == path;
    if let Some(field) = of(section).find(named) {
        return Ok(field);
    }
    let section = section.name();
    let last = path.rsplit('.').next().unwrap_or(path);
    if let Some(key) = own_key(section, last) {
        return Err(format!("{path:?} has a key of its own: use {key} of the listener"));
    }
    if let Some(other) = FIELDS.iter().find(named) {
        let other = other.section.name();
        return Err(format!("{path:?} is an option of {other}, not of {section}"));
    }
    let folded = FIELDS
        .iter()
        .find(|field| field.section.name() == section && field.path.eq_ignore_ascii_case(path));
    let paths = FIELDS.iter().filter(|field| field.section.name() == section);
    let paths = paths.map(|field| field.path);
    let ends = paths.clone().find(|known| known.rsplit('.').next() == Some(path));
    let near = folded.map(|field| field.path).or(ends);
    Err(match near.or_else(|| similar::nearest(path, "", paths)) {
        Some(near) => format!("unknown option {path:?} of {section}; did you mean {near:?}?"),
        None => format!("unknown option {path:?} of {section}"),
    })
}

/// Returns `true` if `path` is the beginning of options, as `HostConfig` is. The case is left to [`field`].
fn is_begun(section: Section, path: &str) -> bool {
    of(section).any(|field| {
        field
            .path
            .split_at_checked(path.len())
            .is_some_and(|(begin, rest)| begin.eq_ignore_ascii_case(path) && rest.starts_with('.'))
    })
}

fn of(section: Section) -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(move |field| field.section == section)
}

/// Returns the key of the listener for an option that is not in the table.
fn own_key(section: &str, last: &str) -> Option<&'static str> {
    match (section, last.to_ascii_lowercase().as_str()) {
        ("build", "cgroupparent") => Some("build_cgroup_parent"),
        ("build", "labels") => Some("image_labels"),
        (_, "cgroupparent") => Some("cgroup_parent"),
        (_, "labels") => Some("labels"),
        _ => None,
    }
}

/// Refuses a treatment that an option cannot have.
fn applies(field: &Field, how: How) -> Result<(), String> {
    let number = matches!(field.kind, Kind::Number(_) | Kind::Bytes(_) | Kind::Cpus(_));
    let many = matches!(field.kind, Kind::List(_) | Kind::Map | Kind::Objects(_));
    let (path, kind) = (field.path, expected(field.kind));
    match how {
        // The sources of binds are the operator's to add, and the client's to choose.
        How::Force | How::Default | How::Cap if field.path == "HostConfig.Binds" => {
            Err(format!("{} cannot be used for {path}; expected append", treatment(how)))
        }
        How::Cap if WITHOUT_CAP.contains(&path) => Err(format!(
            "cap cannot be used for {path}: a smaller number may allow more; expected force"
        )),
        How::Cap if !number => Err(format!("cap needs a number, and {path} is {kind}")),
        How::Append if !many => {
            Err(format!("append needs a list or a table, and {path} is {kind}"))
        }
        _ => Ok(()),
    }
}

/// The least number of processors of a container, in billionths: less is refused by the daemon.
const LEAST_CPUS: i64 = 10_000_000;

/// Refuses a value that means nothing as a cap, and billionths of a processor that were meant as processors.
fn fits(field: &Field, how: How, value: &Value) -> Result<(), String> {
    let least = match field.kind {
        Kind::Number(Zero::Value | Zero::Endless) => 0,
        _ => 1,
    };
    match value {
        Value::Number(number)
            if matches!(field.kind, Kind::Cpus(_)) && (1..LEAST_CPUS).contains(number) =>
        {
            Err(format!(
                "{number} is billionths of a processor, too few for the daemon; processors are written in \
                 quotes, like \"2\" or \"1.5\""
            ))
        }
        Value::Number(number) if how == How::Cap && *number < least => {
            Err(format!("{number} is no cap; expected at least {least}"))
        }
        _ => Ok(()),
    }
}

/// Returns the key of an entry, which is the same for all values of its placeholders.
fn name_in(key: Key, text: &str) -> Result<String, String> {
    if key == Key::Whole {
        return Ok(text.to_owned());
    }
    // No text has this character.
    let [form, with_fallbacks] = forms(&Template::of(text), "\0");
    let name = key_of(key, text, &form)?;
    // The space that ends an address could also be in a value.
    let before = key == Key::BehindSpace && form.contains('\0');
    if before || name.contains('\0') || key_of(key, text, &with_fallbacks)? != name {
        return Err(format!(
            "a placeholder in {text:?} could change the name of the entry; only values can have one"
        ));
    }
    Ok(name)
}

/// Returns the key of an entry, given the text that the operator wrote and the form that it has.
fn key_of(key: Key, written: &str, text: &str) -> Result<String, String> {
    let lacks = |what: &str| format!("{written:?} has no {what}");
    match key {
        Key::Whole => Ok(text.to_owned()),
        Key::Option => Ok(name_of(key, text)),
        Key::BeforeEquals => {
            let key = text.split_once('=').filter(|(key, _)| !key.is_empty());
            key.map(|(key, _)| key.to_owned()).ok_or(lacks("\"=\"; expected NAME=VALUE"))
        }
        Key::BeforeColon => {
            let key = text.split_once(':').filter(|(key, _)| !key.is_empty());
            key.map(|(key, _)| key.to_owned()).ok_or(lacks("\":\"; expected HOST:ADDRESS"))
        }
        Key::BehindSpace => {
            let key = text.split_once(' ').filter(|(_, key)| !key.is_empty());
            key.map(|(_, key)| key.to_owned()).ok_or(lacks("space; expected ADDRESS HOST"))
        }
        Key::Target => {
            let target = text.split(':').nth(1).filter(|target| target.starts_with('/'));
            let target = target.filter(|_| !text.starts_with(':'));
            target
                .map(|target| target.trim_end_matches('/').to_owned())
                .ok_or(lacks("absolute target; expected SOURCE:TARGET or SOURCE:TARGET:OPTIONS"))
        }
    }
}

fn unfit(kind: Kind, item: &Item<'_>) -> String {
    format!("expected {}, but found {}", expected(kind), found(item))
}

/// Describes the form of a value in the file.
#[must_use]
pub fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch | Kind::Choice => "true or false",
        Kind::Text | Kind::Word(_) => "a string",
        Kind::Number(_) => "an integer",
        Kind::Bytes(_) => "an integer or a size like \"2GiB\", \"100MB\" or \"2g\"",
        Kind::Cpus(_) => {
            "a number of processors in quotes like \"1.5\", or an integer, which means billionths of one"
        }
        Kind::List(_) => "a list of strings",
        Kind::Map => "a table of strings",
        Kind::Objects(_) => "a list of tables",
    }
}

#[cfg(test)]
mod tests;
