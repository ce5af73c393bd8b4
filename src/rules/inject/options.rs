//! The injections into the options of a JSON body, by the names of the Engine API.
//!
//! An option gets one [`Treatment`], which is compiled from all that the operator says about it.

mod lists;
mod numbers;

use self::lists::{List, Map};
use self::numbers::Limit;
use super::{How, Inject, Place, Value};
use crate::engine::fields::{
    BELOW, BINDS, FIELDS, Field, Key, Kind, OF_OWN_NETWORK, REPLACED, SINCE, Section, UPDATE, Zero,
};
use crate::engine::has_version;
use crate::engine::shapes::Options;
use crate::http::target::decoded_path;
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
    let (mut compiled, mut other) = (Vec::new(), Vec::new());
    for row in rows.iter().filter(|row| row.section == section && row.path != BINDS) {
        let of_row: Vec<_> = list.iter().filter(|inject| inject.concerns(row, options)).collect();
        let below = || below(row, options, list);
        let Some(rule) = rule(row.kind, options, &of_row).or_else(below) else { continue };
        let of_own_network = !network && OF_OWN_NETWORK.contains(&row.path);
        compiled.push((row.path, Treatment { rule, of_own_network }));
        if let Some(forced) = of_row.iter().find(|inject| inject.how == How::Force) {
            other.extend(replaced(row.path, &json(&forced.value), options));
        }
    }
    // The first treatment of an option counts.
    compiled.extend(other);
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

/// Returns the path in a shape with these `options` of the option of a container at `path`.
fn in_shape(path: &'static str, options: Options) -> Option<&'static str> {
    match options {
        Options::Update => in_update(path),
        Options::Nothing | Options::Of(_) => Some(path),
    }
}

/// Returns the treatments of the options that the option at `path`, forced to this `json`, replaces.
fn replaced(
    path: &'static str,
    json: &str,
    options: Options,
) -> impl Iterator<Item = (&'static str, Treatment)> {
    let rows = REPLACED.iter().filter(move |row| in_shape(row.by, options) == Some(path));
    rows.filter(move |row| !row.unless.contains(&json)).filter_map(move |row| {
        let rule = Rule::Replace(row.kind, row.json.to_owned());
        Some((in_shape(row.path, options)?, Treatment { rule, of_own_network: false }))
    })
}

/// Returns the rule for an option that must not exceed another one.
fn below(row: &Field, options: Options, list: &[Inject]) -> Option<Rule> {
    let (Kind::Number(zero) | Kind::Bytes(zero)) = row.kind else { return None };
    let (limit, _) = BELOW.iter().find(|(_, path)| in_shape(path, options) == Some(row.path))?;
    let is_limit =
        |inject: &&Inject| matches!(inject.at, Place::Field(field) if field.path == *limit);
    let mut limits = list.iter().filter(is_limit);
    let cap = limits.find(|inject| matches!(inject.how, How::Force | How::Cap))?;
    Some(Rule::Limit(Limit::below(&cap.value, zero)?))
}

/// Returns the one rule for an option that all of `list` are for.
fn rule(kind: Kind, options: Options, list: &[&Inject]) -> Option<Rule> {
    let first = list.first()?;
    if first.how == How::Force {
        let json = json(&first.value);
        return Some(match options {
            Options::Update if kind != Kind::Number(Zero::Default) => Rule::Replace(kind, json),
            _ => Rule::Force(json),
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
            Rule::Limit(limit) => limit.decide(None).map(|number| number.json.clone()),
            Rule::List(list) => Some(list.json().to_owned()),
            Rule::Map(map) => Some(map.json()),
        }
    }
}

/// The injected option that the newest API version is needed for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Newest(Option<(u64, &'static str)>);

impl Newest {
    pub(super) const NOTHING: Self = Self(None);

    /// Returns that of `section`. A default may be lost.
    pub(super) fn of(section: Section, list: &[Inject]) -> Self {
        let is_at = |row: &&(Section, &str, _), inject: &Inject| {
            matches!(inject.at, Place::Field(field) if field.section == section && field.path == row.1)
                && row.0 == section
                && inject.how != How::Default
        };
        let rows = SINCE.iter().filter(|row| list.iter().any(|inject| is_at(row, inject)));
        Self(rows.map(|(_, path, minor)| (*minor, *path)).max())
    }

    /// Refuses a request in whose API version the daemon ignores the option.
    pub(super) fn check(self, target: &str) -> Result<(), Refusal> {
        match self.0 {
            Some((minor, path))
                if decoded_path(target).is_ok_and(|at| !has_version(&at, minor)) =>
            {
                let text = format!(
                    "the daemon ignores {path} in requests before API version 1.{minor}, and the operator \
                     sets it; use a later version"
                );
                Err(Refusal::new(Reason::OldVersion, text))
            }
            _ => Ok(()),
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
        Kind::Choice | Kind::Number(Zero::Lifted) => true,
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
#[must_use]
pub fn name_of(key: Key, text: &str) -> String {
    let cut = |at| text.split_once(at).map_or(text, |(name, _)| name);
    match key {
        Key::Whole => text.to_owned(),
        Key::BeforeEquals => cut('=').to_owned(),
        Key::BeforeColon => cut(':').to_ascii_lowercase(),
        Key::BehindSpace => {
            let names: Vec<_> = text.split_whitespace().skip(1).collect();
            names.join(" ").to_ascii_lowercase()
        }
        Key::Option => {
            let name = text.split(['=', ':']).next().unwrap_or(text);
            if name == "label" { text } else { name }.to_owned()
        }
        Key::Target => {
            let behind = text.split_once(':').map_or(text, |(_, behind)| behind);
            behind.split_once(':').map_or(behind, |(target, _)| target).to_owned()
        }
    }
}

/// Returns `true` if `name` is the part of `text` that names the entry. An entry may name several hosts.
fn is_named(key: Key, text: &str, name: &str) -> bool {
    match key {
        Key::Whole => text == name,
        Key::BeforeEquals => {
            let rest = text.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        }
        Key::BeforeColon | Key::BehindSpace => has_common_name(&name_of(key, text), name),
        Key::Option | Key::Target => name_of(key, text) == name,
    }
}

/// Returns `true` if the same name is in both lists of names, which are separated by whitespace.
pub(super) fn has_common_name(one: &str, other: &str) -> bool {
    one.split_whitespace().any(|name| other.split_whitespace().any(|other| name == other))
}

fn wrong_type(object: &Object<'_>, name: &str, wanted: &str) -> Refusal {
    let dot = if object.name.is_empty() { "" } else { "." };
    let text = format!("{}{dot}{name} in the request body is not {wanted}", object.name);
    Refusal::new(Reason::WrongType, text)
}

#[cfg(test)]
mod tests;
