//! The rules that have a place in an operation, each with its effect on one request.

use serde_json::Value as Json;

use super::text::{short, visible};
use crate::cli::policy::{self, DEFAULT};
use crate::engine::fields::{Kind, Zero};
use crate::engine::shapes::Place;
use crate::engine::{Operation, Payload, QueryShape};
use crate::http::target::{pairs, split_query};
use crate::json::{is_field, quoted};
use crate::rules::policy::{BindSource, Policy, Subject, Warned};
use crate::rules::{Asked, How, Inject, Label, Profile, Value};

/// Maximum width of a column; longer cells move the rest of their line.
const WIDTH: usize = 60;

/// The outcome of a request with a rule, compared to that without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The request is another one.
    Changed,
    /// The request is the same.
    Unchanged,
    /// The rule refuses the request.
    Refused,
    /// The request is refused for another reason.
    NotApplied,
}

/// A rule and its effect.
#[derive(Debug)]
pub(super) struct Row {
    from: String,
    rule: String,
    effect: String,
}

impl Row {
    /// Describes `rule`. Returns `None` for a rule without a place in the operation.
    pub(super) fn of(
        profile: &Profile,
        asked: &Asked<'_>,
        rule: &Inject,
        outcome: Outcome,
    ) -> Option<Self> {
        // An update has only limits, of which it changes some.
        let is_limit = rule.how == How::Cap || outcome == Outcome::Changed;
        let applies = match asked.operation.path {
            "/grpc" => !profile.no_buildkit,
            "/containers/{}/update" => is_limit,
            _ => true,
        };
        if !applies || !has_place(asked.operation, rule.at) {
            return None;
        }
        let there = || there(asked, rule).map(|there| short(&there.to_string()));
        let effect = match outcome {
            _ if asked.operation.path == "/grpc" => "applies to each build".to_owned(),
            Outcome::Refused => "refuses the request".to_owned(),
            Outcome::NotApplied => "not applied".to_owned(),
            Outcome::Changed => changed(rule.how, there()),
            Outcome::Unchanged => unchanged(rule.how, there()),
        };
        Some(Self { from: visible(&rule.from), rule: described(rule), effect })
    }

    /// Describes a decision of a rule of a policy in which every rule warns.
    pub(super) fn of_policy(
        policy: &Policy,
        Warned { rule, text }: &Warned,
        is_first: bool,
    ) -> Self {
        let rest = if is_first || rule.subject != Subject::Request { "" } else { "the rest of " };
        let unless = match &rule.subject {
            Subject::Binds(sources) if sources.contains(&BindSource::CallerMounts) => {
                ", unless the client's own container mounts it"
            }
            _ => "",
        };
        let effect = policy::effect(policy, rule);
        let effect = format!("{effect} {rest}{}{unless}", visible(text));
        if rule.from == DEFAULT {
            return Self { from: DEFAULT.to_owned(), rule: String::new(), effect };
        }
        let name =
            if rule.name == rule.from { String::new() } else { format!("rule {}", rule.name) };
        Self { from: visible(&rule.from), rule: name, effect }
    }
}

/// Returns the rows as lines with aligned columns.
pub(super) fn aligned(rows: Vec<Row>) -> impl Iterator<Item = String> {
    let width = |cell: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| cell(row).chars().count());
        widths.filter(|width| *width <= WIDTH).max().unwrap_or_default()
    };
    let (from, rule) = (width(|row| &row.from), width(|row| &row.rule));
    let line = move |row: Row| {
        format!("{:from$}  {:rule$}  {}", row.from, row.rule, row.effect).trim_start().to_owned()
    };
    rows.into_iter().map(line)
}

fn has_place(operation: &Operation, place: Place) -> bool {
    let builds = operation.path == "/grpc";
    match (place, &operation.payload) {
        (Place::Field(field), _) => operation.section() == Some(field.section),
        (place, Payload::Body(shape)) => {
            shape.positions.iter().any(|position| position.place == place)
        }
        (Place::ImageLabels, payload) => builds || matches!(payload, Payload::Query(_)),
        (Place::BuildCgroupParent, payload) => {
            builds || *payload == Payload::Query(QueryShape::Build)
        }
        _ => false,
    }
}

/// Describes a rule: `cap HostConfig.Memory = 4294967296`.
fn described(rule: &Inject) -> String {
    let how = match rule.how {
        How::Force => "force",
        How::Default => "default",
        How::Cap => "cap",
        How::Append => "append",
    };
    let place = match rule.at {
        Place::Labels => "label",
        Place::ImageLabels => "image label",
        Place::CgroupParent => "cgroup parent",
        Place::BuildCgroupParent => "cgroup parent of builds",
        Place::Field(field) => field.path,
    };
    let value = match &rule.value {
        Value::Entry(Label { key, value }) => {
            return format!("{how} {place} {} = {}", visible(key), short(&quoted(value)));
        }
        Value::Text(text) => quoted(text),
        Value::Switch(switch) => switch.to_string(),
        Value::Number(number) => number.to_string(),
        Value::List(list) => listed("[", list.iter().map(|text| quoted(text)), "]"),
        Value::Map(map) => {
            let pair = |Label { key, value }: &Label| format!("{}:{}", quoted(key), quoted(value));
            listed("{", map.iter().map(pair), "}")
        }
        Value::Objects(objects) => listed("[", objects.iter().map(|(_, json)| json.clone()), "]"),
    };
    format!("{how} {place} = {}", short(&value))
}

fn listed(open: &str, items: impl Iterator<Item = String>, close: &str) -> String {
    format!("{open}{}{close}", items.collect::<Vec<_>>().join(","))
}

/// Describes the change of a request with the value `there` at the place of a rule.
fn changed(how: How, there: Option<String>) -> String {
    match (how, there) {
        (How::Force, Some(there)) => format!("replaces {there}"),
        (How::Default, Some(there)) => format!("fills in what {there} lacks"),
        (How::Cap, Some(there)) => format!("lowers {there}"),
        (How::Append, Some(there)) => format!("adds to {there}"),
        (How::Cap, None) => "sets it (the request has no limit)".to_owned(),
        (How::Force | How::Default | How::Append, None) => {
            "sets it (the request has none)".to_owned()
        }
    }
}

/// Describes why a request with the value `there` at the place of a rule stays as it is.
fn unchanged(how: How, there: Option<String>) -> String {
    match (how, there) {
        (How::Default | How::Cap, Some(there)) => format!("leaves the client's {there}"),
        (How::Force | How::Append, Some(_)) => "already so".to_owned(),
        (_, None) => "has no effect on this request".to_owned(),
    }
}

/// Returns the client's value at the place of `rule`, unless it means nothing there.
fn there(asked: &Asked<'_>, rule: &Inject) -> Option<Json> {
    let found = match &asked.operation.payload {
        Payload::Query(_) => in_query(asked.target, rule.at),
        _ => in_body(asked, rule.at),
    }?;
    let found = match &rule.value {
        Value::Entry(label) => found.get(&label.key)?.clone(),
        _ => found,
    };
    Some(found).filter(|found| !means_nothing(found, rule.at))
}

fn in_query(target: &str, place: Place) -> Option<Json> {
    let key = match place {
        Place::ImageLabels => "labels",
        Place::BuildCgroupParent => "cgroupparent",
        Place::Field(field) => field.path,
        Place::Labels | Place::CgroupParent => return None,
    };
    let (_, query) = split_query(target);
    let pair = pairs(query?).flatten().find(|pair| *pair.key == *key.as_bytes())?;
    let value = String::from_utf8(pair.value().ok()?.into_owned()).ok()?;
    Some(serde_json::from_str(&value).unwrap_or(Json::String(value)))
}

fn in_body(asked: &Asked<'_>, place: Place) -> Option<Json> {
    let mut found = serde_json::from_slice(asked.body?).ok()?;
    let path = match (place, &asked.operation.payload) {
        (Place::Field(field), _) => field.path.split('.').collect(),
        (place, Payload::Body(shape)) => {
            shape.positions.iter().find(|position| position.place == place)?.path.to_vec()
        }
        _ => return None,
    };
    // The options of an update are at the top.
    let skipped = usize::from(asked.operation.name == "ContainerUpdate");
    for name in path.into_iter().skip(skipped) {
        let Json::Object(members) = found else { return None };
        found = members.into_iter().find(|(key, _)| is_field(key, name))?.1;
    }
    Some(found)
}

fn means_nothing(value: &Json, place: Place) -> bool {
    let kind = match place {
        Place::Field(field) => field.kind,
        _ => Kind::Text,
    };
    match (value, kind) {
        (Json::Null, _) => true,
        (Json::String(text), _) => text.is_empty(),
        (Json::Array(list), _) => list.is_empty(),
        (Json::Object(map), _) => map.is_empty(),
        (Json::Bool(switch), kind) => !switch && kind == Kind::Switch,
        (Json::Number(number), Kind::Number(zero) | Kind::Bytes(zero) | Kind::Cpus(zero)) => {
            number.as_i64().is_some_and(|number| match zero {
                Zero::Unlimited | Zero::Twice(_) => number <= 0,
                Zero::Lifted | Zero::Endless => false,
                zero => number == if zero == Zero::Value { -1 } else { 0 },
            })
        }
        (Json::Number(_), _) => false,
    }
}

#[cfg(test)]
mod tests;
