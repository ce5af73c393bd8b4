//! The query of a classic build: `labels`, a JSON object, `cgroupparent`, `rm`, `forcerm`, and the
//! operator's [options](super::build_options). `labels` and `cgroupparent` stay the client's if the operator
//! sets none for images or builds.
//!
//! The containers of a build's steps cannot be labelled, so none may stay: neither the one in which
//! a build fails (`forcerm`), nor those of steps that succeed (`rm`).
//!
//! The daemon uses the first pair of a key. So the forced pair replaces the client's first one, with
//! the client's other labels in it, and all other pairs of that key are removed. So are pairs whose
//! key differs only in case: Docker ignores them, but Podman (gorilla/schema) treats them as the same
//! key, and uses a random one of several.

use std::borrow::Cow;

use super::build_options::BuildOption;
use super::labels;
use crate::http::target::{Pair, encode_component, pairs, split_query};
use crate::json::{self, Found};
use crate::rules::inject::buildkit::image_config::replaces_config;
use crate::rules::refusal::shown;
use crate::rules::{Forced, Profile, Reason, Refusal, Retarget};

/// Maximum number of parts of a query. Clients send less than a tenth of it. A daemon may silently drop
/// all of 10,000 parts (Go's `urlmaxqueryparams`), forced ones included.
pub(in crate::rules) const PAIRS: usize = 1000;

/// Forces the operator's values into the query of `target`. A build by BuildKit behind this endpoint
/// (`version=2`) uses the labels and some options, and ignores the rest. Podman knows no versions.
pub(in crate::rules) fn plan(profile: &Profile, target: &str) -> Result<Retarget, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> =
        pairs(query.unwrap_or_default()).collect::<Result<_, _>>().map_err(|_| bad_query())?;
    if pairs.len() > PAIRS {
        return Err(many_pairs());
    }
    let labels_images = !profile.inject.image_labels().is_empty();
    let options = profile.inject.build_options();
    options.check_version(target)?;
    check(&pairs, labels_images, options.host_network() == Some(false))?;
    let version = pairs.iter().find(|pair| *pair.key == *b"version");
    let by_buildkit = version.is_some_and(|pair| pair.value().is_ok_and(|value| *value == *b"2"));
    let parent = profile.inject.build_cgroup_parent().map(str::to_owned);
    let forced_parent = Forced::CGROUP_PARENT.when(parent.is_some() && !by_buildkit);
    let mut forced = Vec::with_capacity(4 + options.query().len());
    if labels_images {
        forced.push(("labels", vec![labels(profile, &pairs)?]));
    }
    forced.extend(parent.map(|parent| ("cgroupparent", vec![parent])));
    forced.extend(["rm", "forcerm"].map(|key| (key, vec!["1".to_owned()])));
    let mut has_options = false;
    for option in options.query() {
        let (values, is_edited) = values(option, &pairs)?;
        forced.extend(values.map(|values| (option.key, values)));
        has_options |= is_edited && (option.version_2 || !by_buildkit);
    }
    let query = with_forced(&pairs, forced);
    let forced =
        Forced::LABELS.when(labels_images) | forced_parent | Forced::FIELDS.when(has_options);
    Ok(Retarget { target: format!("{path}?{query}"), forced })
}

/// Returns the values of `option` that are to be written, `None` if its pairs stay, and whether the values are
/// the operator's. The client's value is written anew if it has other pairs that are not to be read.
fn values(
    option: &BuildOption,
    pairs: &[Pair<'_>],
) -> Result<(Option<Vec<String>>, bool), Refusal> {
    let exact = pairs.iter().filter(|pair| *pair.key == *option.key.as_bytes());
    let limit = if option.is_repeated() { usize::MAX } else { 1 };
    let theirs: Result<Vec<_>, _> = exact.take(limit).map(Pair::value).collect();
    let theirs = theirs.map_err(|_| bad_query())?;
    let given: Vec<_> = theirs.iter().map(|value| (&b""[..], &**value)).collect();
    let edited = option.edited(&given).map_err(|text| Refusal::new(Reason::Query, text))?;
    if let Some(edited) = edited {
        return Ok((Some(edited.into_iter().map(|(_, value)| value).collect()), true));
    }
    let spelled = pairs.iter().filter(|pair| is_spelling(&pair.key, option.key)).count();
    let text = |value: &Cow<'_, [u8]>| String::from_utf8(value.to_vec()).map_err(|_| bad_query());
    let theirs = (spelled > theirs.len()).then(|| theirs.iter().map(text).collect());
    Ok((theirs.transpose()?, false))
}

/// Returns the query `pairs` with the forced values of each key in the place of the client's first one.
fn with_forced(pairs: &[Pair<'_>], mut forced: Vec<(&str, Vec<String>)>) -> String {
    let mut parts = Vec::with_capacity(pairs.len() + forced.len());
    for pair in pairs {
        match forced.iter_mut().find(|(key, _)| is_spelling(&pair.key, key)) {
            // The first pair of the key takes the values, the others find none and are removed.
            Some((key, values)) if key.as_bytes() == &*pair.key => {
                parts.extend(values.drain(..).map(|value| written(key, &value)));
            }
            Some(_) => {}
            None => parts.push(pair.raw.to_owned()),
        }
    }
    let missing =
        forced.iter().flat_map(|(key, values)| values.iter().map(|value| written(key, value)));
    parts.extend(missing);
    parts.join("&")
}

/// Keys of Podman's own API, which it accepts here too. They mount any path into the steps, also the
/// daemon's socket. Docker has no such keys.
const MOUNTS: [&str; 2] = ["volume", "additionalbuildcontexts"];

/// A key of Podman's own API that removes labels.
const UNSET: &str = "unsetlabel";

/// A key of Podman's own API that overrides the network mode.
const NAMESPACES: &str = "nsoptions";

/// Refuses pairs that mount something, or would remove forced labels or a forced network mode.
fn check(pairs: &[Pair<'_>], labels_images: bool, forces_network: bool) -> Result<(), Refusal> {
    for pair in pairs {
        let is = |key: &str| is_spelling(&pair.key, key);
        let may_unset = labels_images && is(UNSET) || forces_network && is(NAMESPACES);
        if may_unset || MOUNTS.into_iter().any(is) {
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

pub(in crate::rules) fn many_pairs() -> Refusal {
    Refusal::new(Reason::Query, format!("the query has more than {PAIRS} parts"))
}

fn bad_labels() -> Refusal {
    let text = "the labels in the query of the build are not a JSON object of strings";
    Refusal::new(Reason::Query, text)
}

pub(in crate::rules) fn query_key(key: &str) -> Refusal {
    let text = format!(
        "the query has \"{}\", by which Podman could lose the labels or the network mode, or mount what \
         it finds; leave it out",
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
