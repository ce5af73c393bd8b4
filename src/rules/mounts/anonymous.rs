//! Anonymous volumes, which the daemon creates at a path because nothing else is mounted there.
//!
//! The daemon accepts no labels for them, so each becomes a labelled mount of type volume. Such a mount
//! appears in an inspection of the container. A client may create a container from that inspection and
//! mount something else there, as updaters do to keep the volume. The daemon would refuse that:
//! `Duplicate mount point`. So a returned mount of the proxy is removed if something else is mounted
//! there.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::{Array, Edits, Found, Object, quoted};
use crate::rules::facts::Facts;
use crate::rules::inject::labels::Labels;
use crate::rules::mounts::path::clean;
use crate::rules::mounts::{Mounted, label_volume, odd_mount, one_option};
use crate::rules::refusal::shown;
use crate::rules::{Label, Profile, Reason, Refusal};

/// The label of anonymous volumes since API 1.42, by which a prune finds them. Not all daemons set it on
/// a volume from a mount.
const ANONYMOUS: &str = "com.docker.volume.anonymous";

/// The treatment of anonymous volumes. Mounts of type volume are always labelled, even without a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AnonymousVolumes {
    /// Each becomes a labelled mount.
    #[default]
    Label,
    /// The daemon creates them without labels.
    Leave,
}

/// A mount that gives way to others at its path: one that a proxy with the same label keys added to an
/// earlier container, or one at the path of a bind of the operator.
#[derive(Debug)]
pub(in crate::rules) struct OwnMount<'d> {
    /// Its place among the mounts.
    pub(in crate::rules) at: usize,
    pub(in crate::rules) mount: Object<'d>,
    pub(in crate::rules) target: Option<Cow<'d, str>>,
}

/// Returns `true` if a proxy added this mount of type volume without a source: it has the label of
/// anonymous volumes, which no client writes there, and all of the operator's label keys. The values may
/// be those of another job.
pub(in crate::rules) fn is_own(profile: &Profile, mount: &Object<'_>) -> Result<bool, Refusal> {
    let Found::Object(options) = mount.object("VolumeOptions")? else {
        return Ok(false);
    };
    let Found::Object(labels) = options.object("Labels")? else {
        return Ok(false);
    };
    let has = |wanted: &str| labels.keys().any(|key| key == wanted);
    Ok(has(ANONYMOUS) && profile.inject.labels().iter().all(|label| has(&label.key)))
}

/// Removes the proxy's own mounts at whose paths something else is mounted, and labels the others.
pub(in crate::rules) fn give_way<'d>(
    profile: &'d Profile,
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
            label_volume(profile, known, edits, &mut mount, &mut mounted.survey)?;
            mounted.paths.extend(target.map(Cow::into_owned));
        }
    }
    edits.remove(mounts, &gone);
    Ok(())
}

/// Returns the paths at which the daemon creates no anonymous volume, since something is mounted there.
/// It compares a tmpfs as written, all other paths cleaned.
fn taken(known: &Facts, mounted: &Mounted) -> BTreeSet<String> {
    let paths = mounted.paths.iter().map(clean);
    known.taken.keys().chain(&mounted.tmpfs).cloned().chain(paths).collect()
}

/// Returns the paths at which a container gets anonymous volumes unless something else is mounted there.
/// Returns none if they are left to the daemon.
pub(in crate::rules) fn targets(
    profile: &Profile,
    top: &Object<'_>,
    known: &Facts,
) -> Result<Vec<String>, Refusal> {
    let mut targets = known.volumes.clone();
    if let Found::Object(volumes) = top.object("Volumes")? {
        targets.extend(volumes.keys().map(str::to_owned));
    }
    for target in &targets {
        absolute(profile, target)?;
        // Podman reads it as `--volume`, which mounts the part before a colon.
        if target.contains(':') {
            return Err(odd_mount(target));
        }
        one_option(target)?;
    }
    match profile.anonymous_volumes {
        AnonymousVolumes::Label => Ok(targets),
        AnonymousVolumes::Leave => Ok(Vec::new()),
    }
}

/// Refuses a volume at a relative path: the daemon accepts it, but not in any form that has labels.
pub(in crate::rules) fn absolute(profile: &Profile, target: &str) -> Result<(), Refusal> {
    match profile.anonymous_volumes {
        AnonymousVolumes::Label if !target.starts_with('/') => Err(relative_volume(target)),
        AnonymousVolumes::Label | AnonymousVolumes::Leave => Ok(()),
    }
}

/// Returns the paths of the anonymous volumes that the daemon would create: each of `targets` at which
/// nothing is mounted, and those of the client's `binds`. Only a tmpfs replaces such a bind: for other
/// mounts there the daemon refuses the container, and volumes of other containers do not count.
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

/// Returns a labelled mount for each of `places`.
pub(in crate::rules) fn labelled_mounts(
    profile: &Profile,
    places: &[String],
    mounted: &Mounted,
    driver: &str,
) -> Vec<String> {
    if places.is_empty() {
        return Vec::new();
    }
    let anonymous = Label { key: ANONYMOUS.to_owned(), value: String::new() };
    let labels = profile.inject.labels().iter().cloned().chain([anonymous]);
    let labels = labels.collect::<Labels>().json().to_owned();
    let driver = match driver {
        "" => String::new(),
        name => format!(r#","DriverConfig":{{"Name":{}}}"#, quoted(name)),
    };
    // The daemon refuses two mounts at one path. A second proxy must not mistake one for its own and
    // remove it, so it does not get the label of anonymous volumes.
    let plain = profile.inject.rendered_labels().json().to_owned();
    let crowded = crowded(mounted);
    let mount = |place: &String| {
        let labels = if crowded.contains(place) { &plain } else { &labels };
        let options = format!(r#"{{"Labels":{labels}{driver}}}"#);
        let target = quoted(place);
        format!(r#"{{"Type":"volume","Target":{target},"VolumeOptions":{options}}}"#)
    };
    places.iter().map(mount).collect()
}

/// Returns the paths at which the client mounts more than one thing; a tmpfs does not count.
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
