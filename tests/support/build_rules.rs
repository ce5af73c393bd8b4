//! The law for options of builds: the daemon finds the operator's, caps hold, everything else is unchanged.
//! The same on both wires, for a fixed list of rules.

use std::collections::BTreeMap;

use dockerd_ci_proxy::engine::fields::{FIELDS, Field, Section};
use dockerd_ci_proxy::engine::shapes::Place;
use dockerd_ci_proxy::rules::inject::{How, Value};
use dockerd_ci_proxy::rules::{Inject, Label, Profile};
use serde_json::value::RawValue;

use super::{go_json, naive};

/// Keys and values as the daemon gets them.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

const MEMORY: i64 = 1000;
const SHM_SIZE: i64 = 100;
const LIMIT: &str = r#"{"Name":"nofile","Soft":1,"Hard":2}"#;

/// Returns a profile with rules of each kind.
pub fn profile() -> Profile {
    let text = |text: &str| Value::Text(text.to_owned());
    let argument = |key: &str| Value::Entry(Label { key: key.into(), value: "ours".into() });
    let rules = [
        ("networkmode", How::Force, text("none")),
        ("nocache", How::Force, Value::Switch(true)),
        ("platform", How::Default, text("linux/arm64")),
        ("memory", How::Cap, Value::Number(MEMORY)),
        ("shmsize", How::Cap, Value::Number(SHM_SIZE)),
        ("buildargs", How::Append, argument("A")),
        ("buildargs", How::Default, argument("D")),
        ("extrahosts", How::Append, Value::List(vec!["mirror:::1".to_owned()])),
        ("ulimits", How::Append, Value::Objects(vec![("nofile".to_owned(), LIMIT.to_owned())])),
    ];
    let inject = rules.into_iter().map(|(key, how, value)| {
        let is_it = |field: &&Field| field.section == Section::Build && field.path == key;
        let at = Place::Field(FIELDS.iter().find(is_it).unwrap());
        Inject { at, how, value, from: String::new() }
    });
    Profile { inject: inject.collect(), ..Profile::default() }
}

/// An option's key, in the order of the query's and the attributes'.
type Key = [&'static str; 2];

const KEYS: [Key; 8] = [
    ["networkmode", "force-network-mode"],
    ["nocache", "no-cache"],
    ["platform", "platform"],
    ["memory", "memory"],
    ["shmsize", "shm-size"],
    ["buildargs", "build-arg:"],
    ["extrahosts", "add-hosts"],
    ["ulimits", "ulimit"],
];

/// Fails if the query of a build was not edited by the rules.
pub fn assert_query(before: &str, after: &str) {
    let [before, after] = [before, after].map(naive::query);
    let first = |pairs: &Pairs, key: &str| {
        pairs.iter().find(|(other, _)| other == key.as_bytes()).map(|(_, value)| text(value))
    };
    assert_options(0, &first, &before, &after);
    let arguments = |pairs: &Pairs| {
        let map =
            first(pairs, "buildargs").filter(|map| !map.is_empty()).unwrap_or("{}".to_owned());
        let members = go_json::members(&map).unwrap_or_default();
        members.into_iter().map(|(key, value)| (key, value.trim().to_owned())).collect()
    };
    assert_arguments(arguments(&before), &arguments(&after), "\"ours\"");
    let hosts = |pairs: &Pairs| -> Vec<String> {
        let hosts = pairs.iter().filter(|(key, _)| key == b"extrahosts");
        hosts.map(|(_, host)| text(host)).collect()
    };
    assert_entries(hosts(&before), &hosts(&after), ':', "mirror", "mirror:::1");
    let limits = |pairs: &Pairs| -> Vec<String> {
        let list = first(pairs, "ulimits").filter(|list| !list.is_empty());
        let list = list
            .and_then(|list| serde_json::from_str::<Option<Vec<Box<RawValue>>>>(&list).unwrap());
        list.unwrap_or_default().iter().map(|limit| limit.get().to_owned()).collect()
    };
    let is_ours = |limit: &String| {
        let members = go_json::members(limit).unwrap();
        let name = members.iter().find(|(key, _)| go_json::fits(key, "Name"));
        name.is_some_and(|(_, name)| serde_json::from_str::<String>(name).unwrap() == "nofile")
    };
    let mut wanted: Vec<_> = limits(&before).into_iter().filter(|limit| !is_ours(limit)).collect();
    wanted.push(LIMIT.to_owned());
    assert_eq!(limits(&after), wanted);
    // Podman folds the case of keys.
    let is = |key: &[u8], known: &str| go_json::fits(&String::from_utf8_lossy(key), known);
    let odd = |(key, _): &&(Vec<u8>, Vec<u8>)| {
        KEYS.iter().any(|[known, _]| is(key, known) && key != known.as_bytes())
    };
    assert_eq!(after.iter().find(odd), None);
    let kept = |pairs: &Pairs| -> Pairs {
        let keys = || KEYS.iter().map(|known| known[0]).chain(["rm", "forcerm"]);
        pairs.iter().filter(|(key, _)| !keys().any(|known| is(key, known))).cloned().collect()
    };
    assert_eq!(kept(&after), kept(&before));
}

/// Fails if the attributes of a frontend were not edited by the rules.
pub fn assert_attributes(before: &Pairs, after: &Pairs) {
    let last = |pairs: &Pairs, key: &str| {
        pairs.iter().rfind(|(other, _)| other == key.as_bytes()).map(|(_, value)| text(value))
    };
    assert_options(1, &last, before, after);
    let arguments = |pairs: &Pairs| -> BTreeMap<String, String> {
        let argument = |(key, value): &(Vec<u8>, Vec<u8>)| {
            Some((text(key.strip_prefix(b"build-arg:")?), text(value)))
        };
        pairs.iter().filter_map(argument).collect()
    };
    assert_arguments(arguments(before), &arguments(after), "ours");
    for (key, name, ours) in
        [("add-hosts", "mirror", "mirror=::1"), ("ulimit", "nofile", "nofile=1:2")]
    {
        let entries = |pairs| -> Vec<String> {
            let line = last(pairs, key).filter(|line| !line.is_empty());
            line.map(|line| line.split(',').map(str::to_owned).collect()).unwrap_or_default()
        };
        assert_entries(entries(before), &entries(after), '=', name, ours);
    }
    let kept = |pairs: &Pairs| -> Pairs {
        let is_edited = |key: &[u8]| {
            KEYS.iter().any(|known| known[1].as_bytes() == key) || key.starts_with(b"build-arg:")
        };
        pairs.iter().filter(|(key, _)| !is_edited(key)).cloned().collect()
    };
    assert_eq!(kept(after), kept(before));
}

/// Compares the options with one value. `get` reads an option as the daemon does.
fn assert_options(
    wire: usize,
    get: &dyn Fn(&Pairs, &str) -> Option<String>,
    before: &Pairs,
    after: &Pairs,
) {
    let [network, nocache, platform, memory, shm_size, ..] = KEYS.map(|keys| keys[wire]);
    assert_eq!(get(after, network).as_deref(), Some("none"));
    assert_eq!(get(after, nocache).as_deref(), Some(["1", ""][wire]));
    let theirs = get(before, platform).filter(|platform| !platform.is_empty());
    assert_eq!(get(after, platform), theirs.or(Some("linux/arm64".to_owned())));
    let number = |pairs, key: &str| -> i64 {
        let number = get(pairs, key).filter(|number| !number.is_empty());
        number.map_or(0, |number| number.parse().unwrap())
    };
    let theirs = number(before, memory);
    let capped = if theirs <= 0 { MEMORY } else { theirs.min(MEMORY) };
    assert_eq!(number(after, memory), capped);
    let theirs = number(before, shm_size);
    let capped = if theirs < 0 { SHM_SIZE } else { theirs.min(SHM_SIZE) };
    assert_eq!(number(after, shm_size), capped);
}

fn assert_arguments(
    mut before: BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    ours: &str,
) {
    before.insert("A".to_owned(), ours.to_owned());
    if before.get("D").is_none_or(|value| value == "null" && ours.starts_with('"')) {
        before.insert("D".to_owned(), ours.to_owned());
    }
    assert_eq!(after, &before);
}

fn assert_entries(before: Vec<String>, after: &[String], mark: char, name: &str, ours: &str) {
    let is_ours = |entry: &String| entry.split(mark).next().unwrap().to_lowercase() == name;
    let mut wanted: Vec<_> = before.into_iter().filter(|entry| !is_ours(entry)).collect();
    wanted.push(ours.to_owned());
    assert_eq!(after, wanted);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
