//! JSON bodies of creating requests, as Go reads them after the rewriting.

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::shapes::{CONTAINER, LABELLED, SERVICE};

use crate::support::random::{Random, check};
use crate::support::{bodies, go_json, player};

const OTHER_KEYS: &[&str] = &[
    "Image",
    "Env",
    "x",
    "",
    "l\\u0061bel",
    "Labels ",
    "\\\"",
    "ReadOnly",
    "Memory",
    "Stop\u{17f}",
];
const LABEL_KEYS: &[&str] = &["a", "ci.job", "ci\\u002ejob", "CI.JOB", "ci.team", "", "\\n"];
const PATHS: &[&str] =
    &["\"/data\"", "\"/data/\"", "\"/a/../data\"", "\"/d\\u0061ta\"", "\"/\"", "\"/o\"", "\"rel\""];
const BINDS: &[&str] =
    &["\"/data\"", "\"/o/.\"", "\"v:/data\"", "\"/h:/o:ro\"", "\":/x\"", "\"\"", "7"];
const MOUNT_TYPES: &[&str] =
    &["\"volume\"", "\"volume\"", "\"VOLUME\"", "\"Volume\"", "\"bind\"", "\"tmpfs\"", "null"];
const VALUES: &[&str] = &[
    "null",
    "true",
    "-1.50e+07",
    "123456789012345678901234567890",
    "\"\"",
    "\"a\\\"}{\\u00e9\\ud83d\\ude00 \u{e9}\"",
    "[1 , {\"Labels\":{}}]",
    "[]",
    "{ }",
    "{\"CgroupParent\":\"/evil\",\"Labels\":null}",
];

/// Returns one of the spellings that Go accepts for `name`.
pub(crate) fn spelled(name: &str, random: &mut Random) -> String {
    let odd = |random: &mut Random, c: char| match random.below(40) {
        0 => format!("\\u{:04X}", u32::from(c)),
        1 if c == 's' => "\u{17f}".to_owned(),
        2 if c == 'k' => "\\u212a".to_owned(),
        3..6 => c.to_ascii_uppercase().to_string(),
        6..9 => c.to_ascii_lowercase().to_string(),
        _ => c.to_string(),
    };
    name.chars().map(|c| odd(random, c)).collect()
}

pub(crate) fn blank(random: &mut Random) -> &'static str {
    random.pick(&["", "", "", " ", "\n\t", "\r\n "])
}

pub(crate) fn object(members: Vec<(String, String)>, random: &mut Random) -> String {
    let mut written = Vec::new();
    for (key, value) in members {
        let [a, b, c, d] = [(); 4].map(|()| blank(random));
        written.push(format!("{a}\"{key}\"{b}:{c}{value}{d}"));
    }
    if written.is_empty() {
        return format!("{{{}}}", blank(random));
    }
    format!("{{{}}}", written.join(","))
}

pub(crate) fn other(random: &mut Random) -> (String, String) {
    (random.pick(OTHER_KEYS).to_owned(), random.pick(VALUES).to_owned())
}

fn labels(random: &mut Random) -> (String, String) {
    let map = random.some(4, |random| {
        let value = random.pick(&["\"x\"", "\"\\u0000\\\"\"", "null", "\"\"", "\"7\""]);
        let value = if random.once_in(40) { "7" } else { value };
        (random.pick(LABEL_KEYS).to_owned(), value.to_owned())
    });
    let value = match random.below(8) {
        0 => "null".to_owned(),
        1 if random.once_in(8) => random.pick(VALUES).to_owned(),
        _ => object(map, random),
    };
    (spelled("Labels", random), value)
}

/// Returns an object with some members of `special` among others.
fn holder(
    name: &str,
    special: impl Fn(&mut Random) -> (String, String),
    random: &mut Random,
) -> (String, String) {
    let mut members = random.some(3, other);
    while random.once_in(3) {
        members.insert(random.below(members.len() + 1), special(random));
    }
    let value = match random.below(10) {
        0 => "null".to_owned(),
        _ => object(members, random),
    };
    (spelled(name, random), value)
}

fn of_host_config(random: &mut Random) -> (String, String) {
    match random.below(5) {
        4 => (spelled("VolumeDriver", random), random.pick(&["\"d\"", "\"\"", "null"]).to_owned()),
        0 => {
            let value = random.pick(&["null", "\"/evil\"", "\"\"", "[]"]);
            (spelled("CgroupParent", random), value.to_owned())
        }
        1 => {
            let binds = random.some(3, |random| random.pick(BINDS).to_owned());
            (spelled("Binds", random), array(&binds, random))
        }
        2 => (spelled("Tmpfs", random), map_of(PATHS, "\"\"", random)),
        _ => mounts(random),
    }
}

fn of_spec(random: &mut Random) -> (String, String) {
    if random.once_in(3) { mounts(random) } else { labels(random) }
}

fn mounts(random: &mut Random) -> (String, String) {
    let mounts = random.some(3, |random| {
        if random.once_in(4) {
            // A mount of the proxy for another job.
            let labels = r#"{"com.docker.volume.anonymous":"","ci.job":"6","ci.team":""}"#;
            let (at, options) = (random.pick(PATHS), spelled("VolumeOptions", random));
            return format!(r#"{{"Type":"volume","Target":{at},{options}:{{"Labels":{labels}}}}}"#);
        }
        let mut members = Vec::new();
        for (name, values) in [("Type", MOUNT_TYPES), ("Target", PATHS)] {
            if !random.once_in(8) {
                members.push((spelled(name, random), random.pick(values).to_owned()));
            }
        }
        if random.once_in(2) {
            let at = random.below(members.len() + 1);
            members.insert(at, holder("VolumeOptions", labels, random));
        }
        object(members, random)
    });
    (spelled("Mounts", random), array(&mounts, random))
}

pub(crate) fn array(elements: &[String], random: &mut Random) -> String {
    let [a, b] = [(); 2].map(|()| blank(random));
    format!("[{a}{}{b}]", elements.join(&format!("{b},{a}")))
}

/// Returns a map with `value` at some of `keys`.
fn map_of(keys: &[&str], value: &str, random: &mut Random) -> String {
    let written = random.some(3, |random| format!("{}:{value}", random.pick(keys)));
    format!("{{{}}}", written.join(","))
}

pub(crate) fn document(random: &mut Random) -> String {
    let mut members = random.some(3, other);
    for _ in 0..random.below(4) {
        let member = match random.below(5) {
            0 | 1 => labels(random),
            2 if random.once_in(3) => (spelled("Volumes", random), map_of(PATHS, "{}", random)),
            2 => holder("HostConfig", of_host_config, random),
            _ => holder("TaskTemplate", |random| holder("ContainerSpec", of_spec, random), random),
        };
        members.insert(random.below(members.len() + 1), member);
    }
    let document = object(members, random);
    match random.below(40) {
        0 => "null".to_owned(),
        1 => document + "{}",
        _ => [blank(random), &document, blank(random)].concat(),
    }
}

/// Rewrites a body; returns `None` if it is refused.
pub(crate) fn rewritten(shape: &JsonShape, body: &[u8]) -> Option<Vec<u8>> {
    bodies::edited(&player::profile(), shape, body).ok()
}

#[test]
fn go_finds_what_is_forced_and_all_else_as_it_was() {
    let accepted = std::cell::Cell::new(0);
    check(10_000, |random| {
        let before = document(random);
        for shape in [&CONTAINER, &LABELLED, &SERVICE] {
            if let Some(after) = rewritten(shape, before.as_bytes()) {
                let after = String::from_utf8(after).unwrap();
                go_json::assert_forced(shape, &before, &after);
                accepted.set(accepted.get() + 1);
            }
        }
    });
    let seeded = std::env::var("DCP_SEED").is_ok();
    assert!(seeded || accepted.get() > 5_000, "only {} of 30000 accepted", accepted.get());
}

#[test]
fn a_second_rewriting_changes_nothing() {
    check(5_000, |random| {
        for shape in [&CONTAINER, &LABELLED, &SERVICE] {
            if let Some(once) = rewritten(shape, document(random).as_bytes()) {
                assert_eq!(rewritten(shape, &once).as_ref(), Some(&once));
            }
        }
    });
}

#[test]
fn a_damaged_document_is_refused_or_still_carries_what_is_forced() {
    check(10_000, |random| {
        let document = document(random);
        let before = random.damaged(document.as_bytes());
        for shape in [&CONTAINER, &SERVICE] {
            if let Some(after) = rewritten(shape, &before) {
                let [before, after] = [&before, &after].map(|text| str::from_utf8(text).unwrap());
                go_json::assert_forced(shape, before, after);
            }
        }
    });
}
