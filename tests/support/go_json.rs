//! What Go's encoding/json makes of a document: keys without regard to case, members that mean
//! one field merged in order, `null` for nothing. And, built on that, what a rewritten document
//! must be.

use std::collections::BTreeMap;
use std::fmt;

use dockerd_ci_proxy::engine::JsonCarrier;
use dockerd_ci_proxy::engine::carriers::Storage;
use dockerd_ci_proxy::rules::Injection;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in order, their values as they are written.
pub type Members = Vec<(String, String)>;

/// The members of `text`; `None` when it is no object.
pub fn members(text: &str) -> Option<Members> {
    struct Collect;
    impl<'d> Visitor<'d> for Collect {
        type Value = Members;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an object")
        }
        fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Members, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                members.push((key, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Collect).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

/// Whether Go puts a member `key` into the field `name`.
pub fn fits(key: &str, name: &str) -> bool {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name)
}

/// What Go has in the struct or map `name` after `members`; `None` is nil.
pub fn field(members: &Members, name: &str) -> Option<Members> {
    let mut merged: Option<Members> = None;
    for (_, value) in members.iter().filter(|(key, _)| fits(key, name)) {
        if value == "null" {
            merged = None;
        } else {
            let more = self::members(value).unwrap_or_else(|| panic!("{name} is {value}"));
            merged.get_or_insert_default().extend(more);
        }
    }
    merged
}

/// What Go has in a map of strings.
pub fn strings(members: Members) -> BTreeMap<String, String> {
    let value = |value: String| serde_json::from_str::<Option<String>>(&value).unwrap();
    members.into_iter().map(|(key, text)| (key, value(text).unwrap_or_default())).collect()
}

/// The labels at `path` as Go has them; `None` when there is no such object.
fn labels(members: &Members, path: &[&str]) -> Option<BTreeMap<String, String>> {
    match path.split_first() {
        Some((name, path)) => labels(&field(members, name)?, path),
        None => Some(strings(field(members, "Labels").unwrap_or_default())),
    }
}

/// Fails unless `after` is `before` with what `injection` forces, and nothing else changed.
pub fn assert_forced(carrier: &JsonCarrier, injection: &Injection, before: &str, after: &str) {
    // `null` is as good as an object without members.
    let before = members(before).unwrap_or_default();
    let after = members(after).unwrap_or_else(|| panic!("{after} is no object"));
    for path in carrier.labels {
        let wanted = labels(&before, path).map(|mut labels| {
            labels.extend(injection.labels.iter().map(|l| (l.key.clone(), l.value.clone())));
            labels
        });
        assert_eq!(labels(&after, path), wanted, "labels at {path:?}");
    }
    let mut touched = vec!["Labels", "TaskTemplate"];
    if let (Some(parent), true) = (&injection.cgroup_parent, carrier.storage == Storage::Container)
    {
        touched.push("HostConfig");
        let now = field(&after, "HostConfig").unwrap_or_default();
        let parents: Vec<_> = now.iter().filter(|(key, _)| fits(key, "CgroupParent")).collect();
        let [(_, value)] = parents[..] else { panic!("not one CgroupParent: {now:?}") };
        assert_eq!(&serde_json::from_str::<String>(value).unwrap(), parent);
        let was = field(&before, "HostConfig").unwrap_or_default();
        assert_eq!(others(&was, &["CgroupParent"]), others(&now, &["CgroupParent"]));
    }
    assert_eq!(others(&before, &touched), others(&after, &touched));
}

/// The members that mean none of the fields `touched`.
fn others<'m>(members: &'m Members, touched: &[&str]) -> Vec<&'m (String, String)> {
    let is_other = |key: &str| !touched.iter().any(|name| fits(key, name));
    members.iter().filter(|(key, _)| is_other(key)).collect()
}
