//! The query of a classic build: `labels`, a JSON object, `cgroupparent`, `rm` and `forcerm`. The first
//! two are the client's where the operator keeps them out of images or builds.
//!
//! The containers of a build's steps cannot be labelled, so none may stay: neither the one in which
//! a build fails (`forcerm`), nor those of steps that succeed (`rm`).
//!
//! The daemon takes the first pair of a key. So ours stands where the client's first stood, with
//! the client's other labels in it, and all other pairs of that key go. So do pairs whose key is
//! spelled in another case: Docker does not look at them, but Podman takes them for the same
//! (gorilla/schema), and of several the one that it happens to meet last.

use super::metadata::replaces_config;
use super::refusal::shown;
use super::{Forced, Injection, Plan, Reason, Refusal, labels};
use crate::http::target::{Pair, encode_component, pairs, split_query};
use crate::json::{self, Found};

/// Parts that a query may have. Nobody has a tenth of them, and a daemon may drop all of 10,000 without
/// a word (Go's `urlmaxqueryparams`), ours among them.
const PAIRS: usize = 1000;

/// Puts what is forced into the query of `target`. A build that BuildKit carries out behind this
/// endpoint (`version=2`) takes the labels and ignores the rest. Podman knows no versions.
pub(super) fn plan(injection: &Injection, target: &str) -> Result<Plan, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> =
        pairs(query.unwrap_or_default()).collect::<Result<_, _>>().map_err(|_| bad_query())?;
    if pairs.len() > PAIRS {
        return Err(many_pairs());
    }
    let labels_images = !injection.inject.image_labels().is_empty();
    check(&pairs, labels_images)?;
    let version = pairs.iter().find(|pair| *pair.key == *b"version");
    let by_buildkit = version.is_some_and(|pair| pair.value().is_ok_and(|value| *value == *b"2"));
    let parent = injection.inject.build_cgroup_parent().map(str::to_owned);
    let forced_parent = Forced::CGROUP_PARENT.when(parent.is_some() && !by_buildkit);
    let mut forced = Vec::with_capacity(4);
    if labels_images {
        forced.push(("labels", Some(labels(injection, &pairs)?)));
    }
    forced.extend(parent.map(|parent| ("cgroupparent", Some(parent))));
    forced.extend(["rm", "forcerm"].map(|key| (key, Some("1".to_owned()))));
    let query = with_forced(&pairs, forced);
    let forced = Forced::LABELS.when(labels_images) | forced_parent;
    Ok(Plan::Retarget { target: format!("{path}?{query}"), forced })
}

/// The query `pairs` with the values that are forced in the places of the client's first ones.
fn with_forced(pairs: &[Pair<'_>], mut forced: Vec<(&str, Option<String>)>) -> String {
    let mut parts = Vec::with_capacity(pairs.len() + forced.len());
    for pair in pairs {
        match forced.iter_mut().find(|(key, _)| is_spelling(&pair.key, key)) {
            // Taken for the first pair of its key, gone for the others.
            Some((key, value)) if key.as_bytes() == &*pair.key => {
                parts.extend(value.take().map(|value| written(key, &value)));
            }
            Some(_) => {}
            None => parts.push(pair.raw.to_owned()),
        }
    }
    let missing = forced.into_iter().filter_map(|(key, value)| Some(written(key, &value?)));
    parts.extend(missing);
    parts.join("&")
}

/// Keys of Podman's own, which it takes here too, and which mount what is named into the steps, the
/// daemon's socket as well. Docker has no such keys.
const MOUNTS: [&str; 2] = ["volume", "additionalbuildcontexts"];

/// A key of Podman's own that takes labels away.
const UNSET: &str = "unsetlabel";

/// Refuses what would take the labels away behind us, if there are any, and what mounts.
fn check(pairs: &[Pair<'_>], labels_images: bool) -> Result<(), Refusal> {
    for pair in pairs {
        let is = |key: &str| is_spelling(&pair.key, key);
        if MOUNTS.into_iter().any(is) || labels_images && is(UNSET) {
            return Err(query_key(&String::from_utf8_lossy(&pair.key)));
        }
        if labels_images && is("outputs") {
            let value = pair.value().map_err(|_| bad_query())?;
            let outputs = str::from_utf8(&value).map_err(|_| outputs_refused())?;
            check_outputs(outputs.trim_ascii()).map_err(|_| outputs_refused())?;
        }
    }
    Ok(())
}

/// Refuses attributes by which an exporter of BuildKit gives the image another config than the
/// frontend's, in which the labels are (see [`buildkit`](super::buildkit)).
fn check_outputs(outputs: &str) -> Result<(), Refusal> {
    if outputs.is_empty() {
        return Ok(());
    }
    for output in json::elements(outputs).ok_or_else(outputs_refused)? {
        if let Found::Object(output) = Found::read("outputs", output)?
            && let Found::Object(attributes) = output.object("Attrs")?
            && attributes.keys().any(replaces_config)
        {
            return Err(outputs_refused());
        }
    }
    Ok(())
}

/// Whether `key` is `name` under Unicode's case folding.
pub(super) fn is_spelling(key: &[u8], name: &str) -> bool {
    str::from_utf8(key).is_ok_and(|key| json::is_field(key, name))
}

fn written(key: &str, value: &str) -> String {
    format!("{key}={}", encode_component(value))
}

/// The client's labels, the first ones if there are several, with ours among them.
fn labels(injection: &Injection, pairs: &[Pair<'_>]) -> Result<String, Refusal> {
    let Some(pair) = pairs.iter().find(|pair| *pair.key == *b"labels") else {
        return Ok(injection.inject.rendered_image_labels().json().to_owned());
    };
    let value = pair.value().map_err(|_| bad_query())?;
    let value = str::from_utf8(&value).map_err(|_| bad_labels())?;
    labels::merged(value, injection.inject.rendered_image_labels()).map_err(|_| bad_labels())
}

pub(super) fn bad_query() -> Refusal {
    let text = "the query has a \";\" or a bad percent-escape; encode it as %3B";
    Refusal::new(Reason::Query, text)
}

fn many_pairs() -> Refusal {
    Refusal::new(Reason::Query, format!("the query has more than {PAIRS} parts"))
}

fn bad_labels() -> Refusal {
    let text = "the labels in the query of the build are not a JSON object of strings";
    Refusal::new(Reason::Query, text)
}

pub(super) fn query_key(key: &str) -> Refusal {
    let text = format!(
        "the query has \"{}\", by which Podman could lose the labels or mount what it finds; leave it \
         out",
        shown(key)
    );
    Refusal::new(Reason::Query, text)
}

fn outputs_refused() -> Refusal {
    let text = "the outputs of the build are not a JSON array, or give the image a config of its own \
                (containerimage.config, refs.platforms), which would replace the labels";
    Refusal::new(Reason::Query, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Injections, Label};

    fn injection(cgroup_parent: Option<&str>) -> Injection {
        let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
        let labels = [label("ci.job", "1"), label("ci.team", "a b&c")];
        let inject = Injections::forced(&[], &labels, None, cgroup_parent);
        Injection { inject, ..Injection::default() }
    }

    fn without_labels(cgroup_parent: Option<&str>) -> Injection {
        let inject = Injections::forced(&[], &[], None, cgroup_parent);
        Injection { inject, ..Injection::default() }
    }

    /// The rewritten query, with its values decoded again.
    fn rewritten(target: &str, cgroup_parent: Option<&str>) -> Result<String, Refusal> {
        rewritten_by(&injection(cgroup_parent), target)
    }

    fn rewritten_by(injection: &Injection, target: &str) -> Result<String, Refusal> {
        let Plan::Retarget { target, .. } = plan(injection, target)? else {
            panic!("a build has another target");
        };
        let (path, query) = split_query(&target);
        let pairs = pairs(query.unwrap()).map(|pair| {
            let pair = pair.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            format!("{}={}", text(&pair.key), text(&pair.value().unwrap()))
        });
        Ok(format!("{path} {}", pairs.collect::<Vec<_>>().join(" ")))
    }

    #[test]
    fn labels_are_added_to_a_query_without_any() {
        let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
        assert_eq!(rewritten("/build", None).unwrap(), format!("/build {ours} rm=1 forcerm=1"));
        assert_eq!(
            rewritten("/v1.41/build?t=x&rm=1", Some("/ci")).unwrap(),
            format!("/v1.41/build t=x rm=1 {ours} cgroupparent=/ci forcerm=1")
        );
    }

    #[test]
    fn the_first_pair_is_rewritten_in_its_place_and_the_others_go() {
        let target = "/build?cgroupparent=&t=x&%6cabels=%7B%22a%22%3A%22b%22%2C%22ci.job%22%3A%229%22%7D\
                      &labels=%7B%22c%22%3A%22d%22%7D&cgroupparent=/evil&q=1";
        assert_eq!(
            rewritten(target, Some("/ci")).unwrap(),
            r#"/build cgroupparent=/ci t=x labels={"a":"b","ci.job":"1","ci.team":"a b&c"} q=1 rm=1 forcerm=1"#
        );
        assert_eq!(
            rewritten("/build?labels=&cgroupparent=/mine&labels=%7B%22a%22%3A%22b%22%7D", None)
                .unwrap(),
            r#"/build labels={"ci.job":"1","ci.team":"a b&c"} cgroupparent=/mine rm=1 forcerm=1"#
        );
    }

    #[test]
    fn a_build_of_buildkit_is_not_told_as_moved_but_podman_could_do_it() {
        let injection = injection(Some("/ci"));
        let target = "/build?version=2";
        let plan = plan(&injection, target);
        assert!(matches!(plan, Ok(Plan::Retarget { forced: Forced::LABELS, .. })), "{plan:?}");
        let built = rewritten(target, Some("/ci")).unwrap();
        let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
        assert_eq!(built, format!("/build version=2 {ours} cgroupparent=/ci rm=1 forcerm=1"));
    }

    #[test]
    fn what_is_kept_out_of_builds_is_the_clients() {
        let theirs = "/build?Labels=x&labels=%7B%22ci.job%22%3A%229%22%7D&cgroupparent=/mine&RM=0";
        let labels = injection(None);
        let parent = without_labels(Some("/ci"));
        let neither = without_labels(None);
        let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
        let own = r#"Labels=x labels={"ci.job":"9"}"#;
        for (injection, wanted, forced) in [
            (&labels, format!("{ours} cgroupparent=/mine"), Forced::LABELS),
            (&parent, format!("{own} cgroupparent=/ci"), Forced::CGROUP_PARENT),
            (&neither, format!("{own} cgroupparent=/mine"), Forced::NOTHING),
        ] {
            let built = rewritten_by(injection, theirs).unwrap();
            assert_eq!(built, format!("/build {wanted} rm=1 forcerm=1"));
            let Ok(Plan::Retarget { forced: told, .. }) = plan(injection, theirs) else { panic!() };
            assert_eq!(told, forced);
        }
        // These are in the way of labels alone.
        for query in ["labels=[]", "unsetlabel=x", "outputs=%5B%7B", "labels=%ff"] {
            let target = format!("/build?{query}");
            assert!(plan(&neither, &target).is_ok(), "{query}");
            assert!(plan(&labels, &target).is_err(), "{query}");
        }
        let mounts = plan(&neither, "/build?volume=/run/docker.sock:/s");
        assert_eq!(mounts, Err(query_key("volume")));
    }

    #[test]
    fn no_container_of_a_step_stays() {
        let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
        for (query, wanted) in [
            ("rm=0", "rm=1 {} forcerm=1"),
            ("forcerm=0&rm=false", "forcerm=1 rm=1 {}"),
            ("rm=&t=x&rm=0&%72m=0&RM=0&ForceRm=0", "rm=1 t=x {} forcerm=1"),
        ] {
            let built = rewritten(&format!("/build?{query}"), None).unwrap();
            assert_eq!(built, format!("/build {}", wanted.replace("{}", ours)), "{query}");
        }
    }

    #[test]
    fn no_other_spelling_stays_that_podman_takes_for_ours() {
        let target = "/build?LABELS=%7B%7D&t=x&label%C5%BF=%7B%7D&CgroupParent=/evil&label=y";
        assert_eq!(
            rewritten(target, Some("/ci")).unwrap(),
            r#"/build t=x label=y labels={"ci.job":"1","ci.team":"a b&c"} cgroupparent=/ci rm=1 forcerm=1"#
        );
    }

    #[test]
    fn outputs_that_give_the_image_another_config_are_refused() {
        let with = |outputs: &str| {
            let target = format!("/build?version=2&outputs={}", encode_component(outputs));
            rewritten(&target, None).map(drop)
        };
        for outputs in [
            "",
            "[]",
            r#" [{"Type":"local","Attrs":{}},{"Type":"tar"},{"Attrs":null}] "#,
            r#"[{"Type":"image","Attrs":{"name":"x","containerimage.configs":""}}]"#,
        ] {
            assert_eq!(with(outputs), Ok(()), "{outputs}");
        }
        for outputs in [
            r#"[{"Attrs":{"containerimage.config":"{}"}}]"#,
            r#"[{},{"attr\u017f":{"containerimage.config/linux/amd64":"{}"}}]"#,
            r#"[{"Attrs":{"\u0063ontainerimage.config":"{}"}}]"#,
            r#"[{"Attrs":{"refs.platforms":"{}"}}]"#,
            r#"[{"Attrs":{},"attrs":{}}]"#,
            r"[{]",
            r"{}",
            "null",
            "type=local",
        ] {
            assert_eq!(with(outputs), Err(outputs_refused()), "{outputs}");
        }
    }

    #[test]
    fn what_cannot_be_merged_is_refused() {
        for (target, refusal) in [
            ("/build?a;b=1", bad_query()),
            ("/build?t=%zz", bad_query()),
            (&*format!("/build?{}", "a&".repeat(PAIRS + 1)), many_pairs()),
            ("/build?labels=[]", bad_labels()),
            ("/build?labels=%7B%22a%22:1%7D", bad_labels()),
            ("/build?labels=%7B", bad_labels()),
            ("/build?labels=%ff", bad_labels()),
            ("/build?unsetlabel=ci.job", query_key("unsetlabel")),
            ("/build?AdditionalBuildContexts=%7B%7D", query_key("AdditionalBuildContexts")),
            ("/build?Un%C5%BFetLabel=x", query_key("Un\u{17f}etLabel")),
            ("/build?VOLUME=/run/docker.sock:/s", query_key("VOLUME")),
        ] {
            assert_eq!(rewritten(target, None), Err(refusal), "{target}");
        }
    }
}
