//! The query of a classic build: `labels`, a JSON object, `cgroupparent`, `rm` and `forcerm`. The first
//! two stay the client's if the operator sets none for images or builds.
//!
//! The containers of a build's steps cannot be labelled, so none may stay: neither the one in which
//! a build fails (`forcerm`), nor those of steps that succeed (`rm`).
//!
//! The daemon uses the first pair of a key. So the forced pair replaces the client's first one, with
//! the client's other labels in it, and all other pairs of that key are removed. So are pairs whose
//! key differs only in case: Docker ignores them, but Podman (gorilla/schema) treats them as the same
//! key, and uses a random one of several.

use super::labels;
use crate::http::target::{Pair, encode_component, pairs, split_query};
use crate::json::{self, Found};
use crate::rules::inject::buildkit::image_config::replaces_config;
use crate::rules::refusal::shown;
use crate::rules::{Forced, Profile, Reason, Refusal, Retarget};

/// Maximum number of parts of a query. Clients send less than a tenth of it. A daemon may silently drop
/// all of 10,000 parts (Go's `urlmaxqueryparams`), forced ones included.
const PAIRS: usize = 1000;

/// Forces the operator's values into the query of `target`. A build by BuildKit behind this endpoint
/// (`version=2`) uses the labels and ignores the rest. Podman knows no versions.
pub(in crate::rules) fn plan(profile: &Profile, target: &str) -> Result<Retarget, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> =
        pairs(query.unwrap_or_default()).collect::<Result<_, _>>().map_err(|_| bad_query())?;
    if pairs.len() > PAIRS {
        return Err(many_pairs());
    }
    let labels_images = !profile.inject.image_labels().is_empty();
    check(&pairs, labels_images)?;
    let version = pairs.iter().find(|pair| *pair.key == *b"version");
    let by_buildkit = version.is_some_and(|pair| pair.value().is_ok_and(|value| *value == *b"2"));
    let parent = profile.inject.build_cgroup_parent().map(str::to_owned);
    let forced_parent = Forced::CGROUP_PARENT.when(parent.is_some() && !by_buildkit);
    let mut forced = Vec::with_capacity(4);
    if labels_images {
        forced.push(("labels", Some(labels(profile, &pairs)?)));
    }
    forced.extend(parent.map(|parent| ("cgroupparent", Some(parent))));
    forced.extend(["rm", "forcerm"].map(|key| (key, Some("1".to_owned()))));
    let query = with_forced(&pairs, forced);
    let forced = Forced::LABELS.when(labels_images) | forced_parent;
    Ok(Retarget { target: format!("{path}?{query}"), forced })
}

/// Returns the query `pairs` with each forced value in the place of the client's first one.
fn with_forced(pairs: &[Pair<'_>], mut forced: Vec<(&str, Option<String>)>) -> String {
    let mut parts = Vec::with_capacity(pairs.len() + forced.len());
    for pair in pairs {
        match forced.iter_mut().find(|(key, _)| is_spelling(&pair.key, key)) {
            // The first pair of the key takes the value, the others find none and are removed.
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

/// Keys of Podman's own API, which it accepts here too. They mount any path into the steps, also the
/// daemon's socket. Docker has no such keys.
const MOUNTS: [&str; 2] = ["volume", "additionalbuildcontexts"];

/// A key of Podman's own API that removes labels.
const UNSET: &str = "unsetlabel";

/// Refuses pairs that mount something or would remove forced labels.
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

/// Refuses attributes by which an exporter of BuildKit replaces the image config of the frontend, which
/// has the labels (see [`buildkit`](super::buildkit)).
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

/// Returns `true` if `key` is `name` under Unicode's case folding.
pub(in crate::rules) fn is_spelling(key: &[u8], name: &str) -> bool {
    str::from_utf8(key).is_ok_and(|key| json::is_field(key, name))
}

fn written(key: &str, value: &str) -> String {
    format!("{key}={}", encode_component(value))
}

/// Returns the client's first labels merged with the operator's.
fn labels(profile: &Profile, pairs: &[Pair<'_>]) -> Result<String, Refusal> {
    let Some(pair) = pairs.iter().find(|pair| *pair.key == *b"labels") else {
        return Ok(profile.inject.rendered_image_labels().json().to_owned());
    };
    let value = pair.value().map_err(|_| bad_query())?;
    let value = str::from_utf8(&value).map_err(|_| bad_labels())?;
    labels::merged(value, profile.inject.rendered_image_labels()).map_err(|_| bad_labels())
}

pub(in crate::rules) fn bad_query() -> Refusal {
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

pub(in crate::rules) fn query_key(key: &str) -> Refusal {
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
mod tests;
