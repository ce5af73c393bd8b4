//! Rules for options in creating requests and updates.

use std::cell::Cell;

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::fields::Section;
use dockerd_ci_proxy::engine::shapes::CONTAINER_UPDATE;
use dockerd_ci_proxy::rules::Refusal;

use crate::bodies::{array, blank, object, other, spelled};
use crate::support::option_bodies::{Refused, SHAPES, read, section_of};
use crate::support::options;
use crate::support::random::{Random, check};
use crate::support::rules::{self, CHOICES, Like, Rule};
use crate::support::{bodies, go};

const NUMBERS: &[&str] = &["0", "1", "5", "4096", "3000000000", "9223372036854775807", "-0"];
const PATHS: &[&str] = &["\"/data\"", "\"/data/.\"", "\"/\\u0078\"", "\"/other\""];
/// Values of the wrong type for most options.
const WRONG: &[&str] = &[
    "7",
    "1.0",
    "1e3",
    "9223372036854775808",
    "\"7\"",
    "true",
    "[7]",
    "{\"Name\":7}",
    "[null]",
    "\"\"",
];

/// Numbers beside an option that limits or replaces them.
const LIMITS: &[&str] = &["0", "3", "67108864", "-1", "null", "\"x\""];

/// Members that are read without a rule for them.
const READ: &[&str] = &["Image", "Env", "Memory"];

/// Returns a value of a client for an option.
fn value(like: Like, values: &[&str], random: &mut Random) -> String {
    match random.below(40) {
        0 if !matches!(like, Like::List(_)) => return random.pick(WRONG).to_owned(),
        1..8 => return "null".to_owned(),
        _ => {}
    }
    let entries = |random: &mut Random| random.some(4, |random| random.pick(values).to_owned());
    match like {
        Like::Number(..) | Like::Cpus if random.once_in(5) => "-1".to_owned(),
        Like::Number(..) | Like::Cpus => random.pick(NUMBERS).to_owned(),
        Like::Switch | Like::Choice => random.pick(values).to_owned(),
        Like::Text(word) if random.once_in(2) => format!("\"{}\"", random.pick(&["", word])),
        Like::Text(_) => random.pick(&["\"runc\"", "\"container:x\"", "\"\\u0078\""]).to_owned(),
        Like::Map => format!("{{{}}}", entries(random).join(&format!("{},", blank(random)))),
        Like::List(_) | Like::Set | Like::Binds | Like::Ulimits => array(&entries(random), random),
    }
}

/// Returns a member of a `HostConfig` that matters to an option, but is none of the list.
fn beside(random: &mut Random) -> (&'static str, String) {
    match random.below(7) {
        0 => ("HostConfig.CpuQuota", random.pick(&["0", "1", "150000", "-1", "\"x\""]).to_owned()),
        1 => ("HostConfig.CpuPeriod", random.pick(&["0", "1000", "100000", "null"]).to_owned()),
        2 => ("HostConfig.MemorySwap", random.pick(LIMITS).to_owned()),
        3 => ("HostConfig.MemoryReservation", random.pick(LIMITS).to_owned()),
        4 => ("HostConfig.RestartPolicy.MaximumRetryCount", random.pick(LIMITS).to_owned()),
        5 => {
            let tmpfs = random.some(2, |random| format!("{}:\"\"", random.pick(PATHS)));
            ("HostConfig.Tmpfs", format!("{{{}}}", tmpfs.join(",")))
        }
        _ => {
            let mount = |random: &mut Random| {
                let mut members = vec![(spelled("Target", random), random.pick(PATHS).to_owned())];
                members
                    .push(("Type".to_owned(), random.pick(&["\"bind\"", "\"tmpfs\""]).to_owned()));
                object(members, random)
            };
            let mounts = random.some(3, mount);
            ("HostConfig.Mounts", array(&mounts, random))
        }
    }
}

/// Returns a body with some of the options of `shape`.
fn body(shape: &JsonShape, random: &mut Random) -> String {
    let section = section_of(shape);
    let own: Vec<_> = CHOICES.iter().filter(|choice| choice.0 == section).collect();
    let mut members = random.some(own.len(), |random| {
        let (_, path, like, values) = *random.pick(&own);
        (path, value(like, values, random))
    });
    if section == Section::Container {
        members.extend(random.some(3, beside));
        members.push((
            "NetworkingConfig.EndpointsConfig",
            random.pick(&["null", "{}", "{\"n\":{}}"]).into(),
        ));
    }
    // Two members of one name would nearly always be refused.
    let mut seen = std::collections::BTreeSet::new();
    members.retain(|(path, _)| seen.insert(*path) || random.once_in(60));
    if std::ptr::eq(shape, &raw const CONTAINER_UPDATE) {
        members = members
            .into_iter()
            .filter_map(|(path, value)| Some((path.strip_prefix("HostConfig.")?, value)))
            .collect();
    }
    nested(members, random)
}

/// Returns an object with a value at each of the paths.
fn nested(paths: Vec<(&str, String)>, random: &mut Random) -> String {
    let mut members = random.some(2, other);
    members.retain(|(key, _)| !READ.contains(&&**key));
    let mut inner: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
    for (path, value) in paths {
        match path.split_once('.') {
            None => {
                let at = random.below(members.len() + 1);
                members.insert(at, (spelled(path, random), value));
            }
            Some((name, rest)) => match inner.iter_mut().find(|(other, _)| *other == name) {
                Some((_, all)) => all.push((rest, value)),
                None => inner.push((name, vec![(rest, value)])),
            },
        }
    }
    for (name, all) in inner {
        let value = match random.below(40) {
            0 => random.pick(&["null", "null", "null", "[]", "7"]).to_owned(),
            _ => nested(all, random),
        };
        let at = random.below(members.len() + 1);
        members.insert(at, (spelled(name, random), value));
    }
    object(members, random)
}

/// Edits a body by the rules.
fn edited(rules: &[Rule], target: &str, body: &str) -> Result<String, Refusal> {
    let edited = bodies::edited_at(&rules::profile(rules), target, body.as_bytes());
    edited.map(|body| String::from_utf8(body).unwrap())
}

#[test]
fn options_are_as_the_rules_want_and_all_else_is_as_it_was() {
    let accepted = Cell::new(0);
    check(2_000, |random| {
        let rules = rules::random(random);
        for (shape, target) in SHAPES {
            let before = body(shape, random);
            let after = match edited(&rules, target, &before) {
                Ok(after) => after,
                Err(refusal) => {
                    let model = options::document(shape, &rules, read(shape, &before));
                    assert_eq!(model, Err(Refused), "{refusal}\n{before}");
                    continue;
                }
            };
            options::assert_edited(shape, &rules, &before, &after);
            assert_eq!(edited(&rules, target, &after).as_ref(), Ok(&after), "{before}");
            accepted.set(accepted.get() + 1);
        }
    });
    let seeded = std::env::var("DCP_SEED").is_ok();
    assert!(seeded || accepted.get() > 4_000, "only {} of 8000 accepted", accepted.get());
}

#[test]
fn go_decodes_the_options_that_the_rules_want() {
    if !go::is_here() {
        return;
    }
    let understood = Cell::new(0);
    check(2_000, |random| {
        let rules = rules::random(random);
        for (shape, target) in SHAPES {
            let before = body(shape, random);
            if let Ok(after) = edited(&rules, target, &before) {
                let both = go::assert_options(shape, target, &rules, &before, &after);
                understood.set(understood.get() + usize::from(both));
            }
        }
    });
    let seeded = std::env::var("DCP_SEED").is_ok();
    assert!(seeded || understood.get() > 2_000, "only {} were understood", understood.get());
}
