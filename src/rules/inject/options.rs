//! The injections into the options of a JSON body, by the names of the Engine API.
//!
//! An option gets one [`Treatment`], which is compiled from all that the operator says about it.

mod lists;
mod numbers;

use self::lists::{List, Map};
use self::numbers::Limit;
use super::{How, Inject, Place, Value};
use crate::engine::fields::{
    BINDS, FIELDS, Field, Key, Kind, OF_OWN_NETWORK, REPLACED, Section, UPDATE,
};
use crate::engine::shapes::Options;
use crate::json::{Edits, Member, Object, quoted, string};
use crate::rules::{Reason, Refusal};

/// The treatment of one option.
#[derive(Debug, Clone)]
pub(super) struct Treatment {
    rule: Rule,
    /// `true` if the option is left alone in a container that uses the network of another one.
    of_own_network: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    /// JSON that replaces any value.
    Force(String),
    /// JSON that replaces the client's value, if there is one.
    Replace(Kind, String),
    /// JSON that is used if there is no value.
    Default(Kind, String),
    Limit(Limit),
    List(List),
    Map(Map),
}

/// The member of a `HostConfig` that names the network, or the container whose network is used.
const NETWORK_MODE: &str = "NetworkMode";

/// Returns the treatment of each option, with its path.
pub(super) fn compiled(options: Options, list: &[Inject]) -> Vec<(&'static str, Treatment)> {
    let (rows, section) = match options {
        Options::Nothing => return Vec::new(),
        Options::Of(section) => (FIELDS, section),
        Options::Update => (UPDATE, Section::Container),
    };
    let network = list.iter().any(|inject| inject.forces("HostConfig.NetworkMode"));
    let mut compiled = Vec::new();
    for row in rows.iter().filter(|row| row.section == section && row.path != BINDS) {
        let of_row: Vec<_> = list.iter().filter(|inject| inject.concerns(row, options)).collect();
        let Some(rule) = rule(row.kind, options, &of_row) else { continue };
        let of_own_network = !network && OF_OWN_NETWORK.contains(&row.path);
        compiled.push((row.path, Treatment { rule, of_own_network }));
        if of_row.iter().any(|inject| inject.how == How::Force) {
            compiled.extend(replaced(row.path, options));
        }
    }
    compiled
}

impl Inject {
    /// Returns `true` if it is for the option `row` of the shape with these `options`.
    fn concerns(&self, row: &Field, options: Options) -> bool {
        let Place::Field(field) = self.at else { return false };
        match options {
            Options::Update => {
                let limits = matches!(self.how, How::Force | How::Cap);
                limits && field.section == row.section && in_update(field.path) == Some(row.path)
            }
            Options::Nothing | Options::Of(_) => field == row,
        }
    }

    fn forces(&self, path: &str) -> bool {
        self.how == How::Force && matches!(self.at, Place::Field(field) if field.path == path)
    }
}

/// Returns the path in an update of the option of a container at `path`.
fn in_update(path: &'static str) -> Option<&'static str> {
    path.strip_prefix("HostConfig.")
}

/// Returns the treatments of the options that the forced option at `path` replaces.
fn replaced(
    path: &'static str,
    options: Options,
) -> impl Iterator<Item = (&'static str, Treatment)> {
    let name = move |path| match options {
        Options::Update => in_update(path),
        Options::Nothing | Options::Of(_) => Some(path),
    };
    REPLACED.iter().filter_map(move |(forced, other, kind, json)| {
        let rule = Rule::Replace(*kind, (*json).to_owned());
        let other = name(other).filter(|_| name(forced) == Some(path))?;
        Some((other, Treatment { rule, of_own_network: false }))
    })
}

/// Returns the one rule for an option that all of `list` are for.
fn rule(kind: Kind, options: Options, list: &[&Inject]) -> Option<Rule> {
    let first = list.first()?;
    if first.how == How::Force {
        let json = json(&first.value);
        return Some(match options {
            Options::Update => Rule::Replace(kind, json),
            Options::Nothing | Options::Of(_) => Rule::Force(json),
        });
    }
    Some(match kind {
        Kind::Number(zero) | Kind::Bytes(zero) | Kind::Cpus(zero) => {
            Rule::Limit(Limit::of(list, zero, matches!(kind, Kind::Cpus(_))))
        }
        Kind::List(key) => Rule::List(List::of(list, key)),
        Kind::Objects(members) => Rule::List(List::of_objects(list, members.first()?.0)),
        Kind::Map => Rule::Map(Map::of(list)),
        Kind::Switch | Kind::Choice | Kind::Text | Kind::Word(_) => {
            Rule::Default(kind, json(&first.value))
        }
    })
}

impl Treatment {
    /// Returns `true` if any value of the client is replaced.
    pub(super) fn forces(&self) -> bool {
        matches!(self.rule, Rule::Force(_))
    }

    /// Edits the option `name` of `object`.
    ///
    /// # Errors
    /// The option occurs twice or has another type.
    pub(super) fn apply<'d>(
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        name: &'static str,
    ) -> Result<(), Refusal> {
        if self.of_own_network && uses_other_network(object)? {
            return Ok(());
        }
        let member = object.member(name)?;
        match &self.rule {
            Rule::Force(json) => edits.set_in(object, member, name, json),
            Rule::Replace(kind, json) => {
                if gives(*kind, member) {
                    edits.set_in(object, member, name, json);
                }
            }
            Rule::Default(kind, json) => {
                if !gives(*kind, member) {
                    edits.set_in(object, member, name, json);
                }
            }
            Rule::Limit(limit) => limit.apply(edits, object, member, name)?,
            Rule::List(list) => list.apply(edits, object, member, name)?,
            Rule::Map(map) => map.apply(edits, object, member, name)?,
        }
        Ok(())
    }

    /// Returns the value, as JSON, for a client that gives none.
    pub(super) fn json(&self) -> Option<String> {
        match &self.rule {
            Rule::Force(json) | Rule::Default(_, json) => Some(json.clone()),
            Rule::Replace(..) => None,
            Rule::Limit(limit) => limit.decide(None).map(str::to_owned),
            Rule::List(list) => Some(list.json().to_owned()),
            Rule::Map(map) => Some(map.json()),
        }
    }
}

fn uses_other_network(host_config: &Object<'_>) -> Result<bool, Refusal> {
    let mode = host_config.string(NETWORK_MODE)?;
    Ok(mode.is_some_and(|mode| mode.starts_with("container:")))
}

/// Returns `true` if the client gives a value of this kind that means something.
fn gives(kind: Kind, member: Option<&Member<'_>>) -> bool {
    let value = member.map_or("null", |member| member.value);
    match kind {
        _ if value == "null" => false,
        Kind::Switch => value != "false",
        Kind::Choice => true,
        Kind::Text => value != r#""""#,
        Kind::Word(word) => string(value).is_none_or(|given| !given.is_empty() && given != word),
        Kind::Number(_) | Kind::Bytes(_) | Kind::Cpus(_) => value.parse() != Ok(0_i64),
        Kind::List(_) | Kind::Objects(_) => is_filled(value, ['[', ']']),
        Kind::Map => is_filled(value, ['{', '}']),
    }
}

/// Returns `true` unless there is only whitespace between these brackets.
fn is_filled(value: &str, [open, close]: [char; 2]) -> bool {
    let inner = value.strip_prefix(open).and_then(|value| value.strip_suffix(close));
    inner.is_none_or(|inner| !inner.trim_ascii().is_empty())
}

/// Returns `value` as JSON.
fn json(value: &Value) -> String {
    match value {
        Value::Entry(label) => Map::written([label]),
        Value::Text(text) => quoted(text),
        Value::Switch(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        Value::List(list) => array(list.iter().map(|text| quoted(text))),
        Value::Map(map) => Map::written(map),
        Value::Objects(objects) => array(objects.iter().map(|(_, json)| json.clone())),
    }
}

/// Returns the elements as a JSON array.
fn array(elements: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", elements.into_iter().collect::<Vec<_>>().join(","))
}

/// Returns the part of `text` that names the entry. Names of hosts are compared in lowercase.
pub(super) fn name_of(key: Key, text: &str) -> String {
    let cut = |at| text.split_once(at).map_or(text, |(name, _)| name);
    match key {
        Key::Whole => text.to_owned(),
        Key::BeforeEquals => cut('=').to_owned(),
        Key::BeforeColon => cut(':').to_ascii_lowercase(),
        Key::BehindSpace => {
            text.split_once(' ').map_or(text, |(_, hosts)| hosts).trim().to_ascii_lowercase()
        }
        Key::Target => {
            let behind = text.split_once(':').map_or(text, |(_, behind)| behind);
            behind.split_once(':').map_or(behind, |(target, _)| target).to_owned()
        }
    }
}

/// Returns `true` if `name` is the part of `text` that names the entry.
fn is_named(key: Key, text: &str, name: &str) -> bool {
    let ends = |at: char, rest: &str| rest.is_empty() || rest.starts_with(at);
    match key {
        Key::Whole => text == name,
        Key::BeforeEquals => text.strip_prefix(name).is_some_and(|rest| ends('=', rest)),
        Key::BeforeColon => text
            .split_at_checked(name.len())
            .is_some_and(|(begin, rest)| begin.eq_ignore_ascii_case(name) && ends(':', rest)),
        Key::BehindSpace | Key::Target => name_of(key, text) == name,
    }
}

fn wrong_type(object: &Object<'_>, name: &str, wanted: &str) -> Refusal {
    let dot = if object.name.is_empty() { "" } else { "." };
    let text = format!("{}{dot}{name} in the request body is not {wanted}", object.name);
    Refusal::new(Reason::WrongType, text)
}

#[cfg(test)]
mod tests;
