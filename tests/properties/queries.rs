//! Queries of classic builds: the daemon finds the operator's labels, everything else is unchanged.

use std::fmt::Write;

use dockerd_ci_proxy::http::render;
use dockerd_ci_proxy::proxy::decide;
use dockerd_ci_proxy::rules::{Edited, Judgement};

use crate::support::random::{Random, check};
use crate::support::{go_json, naive, player};

const KEYS: &[&str] = &[
    "labels",
    "%6cabels",
    "cgroupparent",
    "Labels",
    "t",
    "buildargs",
    "label",
    "c%67roupparent",
    "rm",
    "RM",
    "forcer%6d",
];
/// All forced keys.
const FORCED: &[&str] = &["labels", "cgroupparent", "rm", "forcerm"];
const VALUES: &[&str] = &[
    "",
    "null",
    "{}",
    "%7B%22a%22%3A%22b%22%7D",
    "{\"ci.job\":\"evil\",\"b\":null}",
    "{\"ci\\u002ejob\":\"+%2B\"}",
    "%5B%5D",
    "/evil",
    "a;b",
    "%zz",
    "x=y",
];

pub(crate) fn target(random: &mut Random) -> String {
    let mut target = "/v1.41/build?".to_owned();
    for _ in 0..random.below(6) {
        let (key, value) = (random.pick(KEYS), random.pick(VALUES));
        let _ = write!(target, "{key}{}{value}&", random.pick(&["=", "=", "=", ""]));
    }
    target
}

/// Rewrites a build query; returns `None` if it is refused.
fn rewritten(target: &str) -> Option<String> {
    let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\n\r\n");
    let decision = decide(&player::profile(), head.as_bytes()).unwrap();
    match decision.judgement {
        Judgement::Edit(Edited { target: Some(target), .. }) => {
            let head = render::with_target(head.as_bytes(), decision.target, &target);
            Some(naive::head(&head).unwrap().0.target)
        }
        Judgement::Refuse(_) => None,
        other => panic!("{other:?}"),
    }
}

fn labels(target: &str) -> Option<Vec<(String, String)>> {
    let value = String::from_utf8(naive::query_value(target, "labels")?).unwrap();
    let members = go_json::members(&value)?;
    Some(go_json::strings(members).into_iter().collect())
}

#[test]
fn the_daemon_finds_the_operators_labels_in_a_build_query() {
    let profile = player::profile();
    check(20_000, |random| {
        let before = target(random);
        let Some(after) = rewritten(&before) else { return };
        let mut wanted: Vec<_> = labels(&before).unwrap_or_default();
        wanted
            .retain(|(key, _)| profile.inject.image_labels().iter().all(|label| label.key != *key));
        wanted
            .extend(profile.inject.image_labels().iter().map(|l| (l.key.clone(), l.value.clone())));
        wanted.sort();
        assert_eq!(labels(&after), Some(wanted), "{before}");
        let parent = naive::query_value(&after, "cgroupparent").unwrap();
        assert_eq!(
            Some(parent),
            profile.inject.build_cgroup_parent().map(|parent| parent.as_bytes().to_vec())
        );

        for key in ["rm", "forcerm"] {
            assert_eq!(naive::query_value(&after, key).as_deref(), Some(b"1".as_slice()));
        }

        let others = |target: &str| {
            let mut pairs = naive::query(target);
            let text = |key: &[u8]| String::from_utf8_lossy(key).to_ascii_lowercase();
            pairs.retain(|(key, _)| !FORCED.contains(&&*text(key)));
            pairs
        };
        assert_eq!(others(&after), others(&before));
        assert_eq!(after.split('?').next(), before.split('?').next());
    });
}

/// Podman ignores the case of keys and takes one of several pairs at random.
#[test]
fn no_other_spelling_of_what_is_forced_is_left_in_a_build_query() {
    check(10_000, |random| {
        let Some(after) = rewritten(&target(random)) else { return };
        for forced in FORCED {
            let query = naive::query(&after);
            let same = query.iter().filter(|(key, _)| key.eq_ignore_ascii_case(forced.as_bytes()));
            assert_eq!(same.count(), 1, "{after}");
        }
    });
}
