//! Anonymous volumes: those that come into being at a path because nothing else is mounted there.
//!
//! The daemon takes no labels for them, so each becomes a mount of type volume that has the labels.
//! Such a mount shows in an inspection of the container. A client that makes a container from that
//! inspection and mounts something else there (as updaters do, to keep the volume) would be refused
//! by the daemon: `Duplicate mount point`. So a mount of ours that comes back gives way to all that
//! would keep the daemon from making the anonymous volume.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::{Array, Edits, Found, Object, quoted};
use crate::rules::facts::Facts;
use crate::rules::inject::labels::Labels;
use crate::rules::mounts::path::clean;
use crate::rules::mounts::{Mounted, label_volume, odd_mount, plain};
use crate::rules::refusal::shown;
use crate::rules::{Injection, Label, Reason, Refusal};

/// The label by which daemons since API 1.42 know an anonymous volume, so that a prune removes it.
/// Not all of them set it on one that comes with a mount.
const ANONYMOUS: &str = "com.docker.volume.anonymous";

/// Handling of anonymous volumes. A mount of type volume is labelled in any case, also if it has no source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnonymousVolumes {
    /// Each becomes a labelled mount.
    #[default]
    Label,
    /// The daemon makes them as it does without the proxy: without labels.
    Leave,
}

/// A mount that a proxy with the same keys of labels has added to an earlier container.
#[derive(Debug)]
pub(in crate::rules) struct OwnMount<'d> {
    /// Its place among the mounts.
    pub(in crate::rules) at: usize,
    pub(in crate::rules) mount: Object<'d>,
    pub(in crate::rules) target: Option<Cow<'d, str>>,
}

/// Returns true if we made this mount of type volume without a source: it has the label of anonymous
/// volumes, which no client writes there itself, and a label for each key of the operator's. The
/// values may be those of another job.
pub(in crate::rules) fn is_own(injection: &Injection, mount: &Object<'_>) -> Result<bool, Refusal> {
    let Found::Object(options) = mount.object("VolumeOptions")? else {
        return Ok(false);
    };
    let Found::Object(labels) = options.object("Labels")? else {
        return Ok(false);
    };
    let has = |wanted: &str| labels.keys().any(|key| key == wanted);
    Ok(has(ANONYMOUS) && injection.inject.labels().iter().all(|label| has(&label.key)))
}

/// Removes those of our mounts at whose places something else is mounted; labels the others.
pub(in crate::rules) fn give_way<'d>(
    injection: &Injection,
    known: &Facts,
    edits: &mut Edits<'d>,
    mounts: &mut Array<'d>,
    own: Vec<OwnMount<'d>>,
    mounted: &mut Mounted,
) -> Result<(), Refusal> {
    if own.is_empty() {
        return Ok(());
    }
    let taken = taken(known, mounted);
    let mut gone = Vec::new();
    for OwnMount { at, mut mount, target } in own {
        if target.as_ref().is_some_and(|target| taken.contains(&clean(target))) {
            gone.push(at);
        } else {
            label_volume(injection, edits, &mut mount)?;
            mounted.paths.extend(target.map(Cow::into_owned));
        }
    }
    edits.remove(mounts, &gone);
    Ok(())
}

/// The places at which the daemon makes no anonymous volume, since something is mounted there. It
/// compares a tmpfs as it was written, all else cleaned.
fn taken(known: &Facts, mounted: &Mounted) -> BTreeSet<String> {
    let paths = mounted.paths.iter().map(clean);
    known.taken.keys().chain(&mounted.tmpfs).cloned().chain(paths).collect()
}

/// The paths at which a container gets anonymous volumes unless something else is mounted there;
/// none if they are left to the daemon.
pub(in crate::rules) fn targets(
    injection: &Injection,
    top: &Object<'_>,
    known: &Facts,
) -> Result<Vec<String>, Refusal> {
    let mut targets = known.volumes.clone();
    if let Found::Object(volumes) = top.object("Volumes")? {
        targets.extend(volumes.keys().map(str::to_owned));
    }
    for target in &targets {
        absolute(injection, target)?;
        // To Podman this is `--volume`, which mounts what stands before a colon.
        if target.contains(':') {
            return Err(odd_mount(target));
        }
        plain(target)?;
    }
    match injection.anonymous_volumes {
        AnonymousVolumes::Label => Ok(targets),
        AnonymousVolumes::Leave => Ok(Vec::new()),
    }
}

/// Refuses a volume at a relative path, which the daemon would create, but mounts in no way that
/// has labels.
pub(in crate::rules) fn absolute(injection: &Injection, target: &str) -> Result<(), Refusal> {
    match injection.anonymous_volumes {
        AnonymousVolumes::Label if !target.starts_with('/') => Err(relative_volume(target)),
        AnonymousVolumes::Label | AnonymousVolumes::Leave => Ok(()),
    }
}

/// The places at which anonymous volumes come into being: those of `targets` at which nothing is mounted,
/// each once, and those of the client's `binds`. Nothing but a tmpfs takes the place of a bind: what else
/// is there makes the daemon refuse the container, or is a volume of another container.
pub(in crate::rules) fn places(
    targets: &[String],
    binds: &[String],
    known: &Facts,
    mounted: &Mounted,
) -> Vec<String> {
    if targets.is_empty() && binds.is_empty() {
        return Vec::new();
    }
    let taken = taken(known, mounted);
    let free: BTreeSet<String> =
        targets.iter().map(clean).filter(|target| !taken.contains(target)).collect();
    let tmpfs: BTreeSet<&String> = mounted.tmpfs.iter().collect();
    let binds = binds.iter().map(clean).filter(|bind| !tmpfs.contains(bind));
    free.into_iter().chain(binds).collect()
}

/// A labelled mount at each of `places`.
pub(in crate::rules) fn labelled_mounts(
    injection: &Injection,
    places: &[String],
    mounted: &Mounted,
    driver: &str,
) -> Vec<String> {
    if places.is_empty() {
        return Vec::new();
    }
    let anonymous = Label { key: ANONYMOUS.to_owned(), value: String::new() };
    let labels = injection.inject.labels().iter().cloned().chain([anonymous]);
    let labels = labels.collect::<Labels>().json().to_owned();
    let driver = match driver {
        "" => String::new(),
        name => format!(r#","DriverConfig":{{"Name":{}}}"#, quoted(name)),
    };
    // The daemon refuses two mounts at one place. A second proxy must not take one of them for ours and
    // remove it, so it has no label of anonymous volumes.
    let plain = injection.inject.rendered_labels().json().to_owned();
    let crowded = crowded(mounted);
    let mount = |place: &String| {
        let labels = if crowded.contains(place) { &plain } else { &labels };
        let options = format!(r#"{{"Labels":{labels}{driver}}}"#);
        let target = quoted(place);
        format!(r#"{{"Type":"volume","Target":{target},"VolumeOptions":{options}}}"#)
    };
    places.iter().map(mount).collect()
}

/// The places at which the client mounts more than one thing, a tmpfs not counted.
fn crowded(mounted: &Mounted) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    mounted.paths.iter().map(clean).filter(|path| !seen.insert(path.clone())).collect()
}

pub(in crate::rules) fn relative_volume(path: &str) -> Refusal {
    let text = format!(
        "the container has a volume at \"{}\", which is not an absolute path, so it cannot be labelled",
        shown(path)
    );
    Refusal::new(Reason::RelativeVolume, text)
}

#[cfg(test)]
mod tests;
