//! The volumes and mounts of containers and services. No volume may be created without the labels.
//!
//! | client's request | creator of the volume | place of the labels |
//! |---|---|---|
//! | `Mounts` of type volume | the container or task | `VolumeOptions.Labels` of that mount |
//! | `Binds: ["name:/path"]` | the container | the volume is created first ([order](crate::rules::facts::Order)) |
//! | `Volumes: {"/path": {}}`, `VOLUME` of the image | the container | a labelled mount at that path |
//! | `Binds: ["/path"]` | the container | the bind becomes a labelled mount at that path |
//!
//! [`binds`] reads `Binds`; [`anonymous`] handles the last two rows, which
//! the operator may leave to the daemon.
//!
//! The daemon creates no volume at a path at which something else is mounted, so the proxy adds none.
//! The volumes of the last two rows use the container's `VolumeDriver`, but those of `Mounts` do not; so
//! added mounts name it.

pub(super) mod anonymous;
pub(super) mod binds;
pub(super) mod host_config;
pub(super) mod mapped;
pub(super) mod path;

use std::borrow::Cow;

pub use self::anonymous::AnonymousVolumes;
use self::anonymous::{OwnMount, labelled_mounts};
use self::mapped::Forms;
use super::inject::labels;
use super::{How, Profile, Reason, Refusal};
use crate::engine::shapes::CONTAINER;
use crate::engine::takes_subpaths;
use crate::http::target::decoded_path;
use crate::json::{Array, Edits, Found, Listed, Object};
use crate::rules::facts::Facts;
use crate::rules::inject::Tree;
use crate::rules::refusal::shown;
use crate::rules::socket::{self, SocketBind, Survey};

/// The annotation that would move a container out of the cgroup parent.
const SLICE: &str = "org.systemd.property.Slice";

/// Maximum number of volumes, binds and mounts of one container or service. Real ones have less than a
/// hundred; each may cost an order to the daemon, a look-up of a path, and labels.
const MOUNTS: usize = 1024;

/// Maximum length in bytes of the name of a volume driver, which is repeated for each volume. Plugins
/// have references as names, as images do.
const DRIVER_NAME: usize = 1024;

/// Types of mounts that neither create a volume nor mount a host path; the last three are Podman's.
pub(super) const HARMLESS: [&str; 7] =
    ["TMPFS", "IMAGE", "CLUSTER", "NPIPE", "RAMFS", "DEVPTS", "ARTIFACT"];

/// The mounts of a container or of tasks that were read so far.
#[derive(Debug, Default)]
pub(super) struct Mounted {
    /// Paths of each tmpfs, which the daemon compares with volumes' paths as written.
    pub(super) tmpfs: Vec<String>,
    /// Paths of all other mounts, which the daemon compares with volumes' paths [cleaned](path::clean).
    pub(super) paths: Vec<String>,
    /// The forms of binds on volumes of the caller.
    forms: Forms,
    pub(super) survey: Survey,
}

impl Mounted {
    /// Starts with the mounts of the operator, for a create at `target`.
    fn by_operator(profile: &Profile, target: &str) -> Self {
        let operators = profile.inject.mounts();
        let paths = operators.binds.iter().map(|bind| bind.target.clone()).collect();
        let is_new = || decoded_path(target).is_ok_and(|path| takes_subpaths(&path));
        let parts = !profile.paths.is_empty() && is_new();
        let forms = if parts { Forms::Subpath } else { Forms::Volume };
        Self { tmpfs: operators.tmpfs.clone(), paths, forms, survey: Survey::default() }
    }
}

/// Labels the volumes of a container create, and forces the cgroup parent.
pub(super) fn container<'d>(
    profile: &'d Profile,
    known: &Facts,
    target: &str,
    edits: &mut Edits<'d>,
    top: &mut Object<'d>,
    host_config: Found<'d>,
) -> Result<Survey, Refusal> {
    let mounted = Mounted::by_operator(profile, target);
    let anonymous = anonymous::targets(profile, top, known)?;
    match host_config {
        Found::Absent | Found::Null(_) => {
            few(anonymous.len())?;
            // A driver at the top is refused below, since there is no HostConfig. An empty one is read
            // for its type, so that the result does not depend on a HostConfig.
            top.string("VolumeDriver")?;
            let targets = anonymous::places(&anonymous, &[], known, &mounted);
            let mounts = labelled_mounts(profile, &targets, &mounted, "");
            host_config::add(profile, &mounts, edits, top)?;
            let options =
                forced(profile).adds_options() || !profile.inject.mounts().binds.is_empty();
            Ok(Survey { options, ..Survey::default() })
        }
        Found::Object(host_config) => {
            in_host_config(profile, known, edits, top, host_config, &anonymous, mounted)
        }
    }
}

/// Returns the injections into a HostConfig.
fn forced(profile: &Profile) -> &Tree {
    static NOTHING: Tree = Tree::nothing();
    profile.inject.tree(&CONTAINER).below("HostConfig").unwrap_or(&NOTHING)
}

/// Does the work of [`container`] for a body with a HostConfig. `anonymous` are the paths of anonymous
/// volumes.
fn in_host_config<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    top: &Object<'d>,
    mut host_config: Object<'d>,
    anonymous: &[String],
    mut mounted: Mounted,
) -> Result<Survey, Refusal> {
    edits.spell(top, "HostConfig")?;
    host_config::check_top(profile, top)?;
    if profile.inject.cgroup_parent().is_some() {
        own_slice(&host_config)?;
    }
    let forced = forced(profile);
    mounted.survey = socket::survey(&host_config, forced)?;
    mounted.tmpfs.extend(tmpfs_targets(profile, &host_config)?);
    let mut listed = host_config.array("Mounts")?;
    few(anonymous.len() + listed.count())?;
    let mut own = Vec::new();
    if let Listed::Array(mounts) = &listed {
        edits.spell(&host_config, "Mounts")?;
        let gives_way = |target: &str| profile.inject.mounts().bind_at(target);
        own = mounts_of(profile, known, edits, mounts, gives_way, &mut mounted)?;
    }
    let binds = binds::edit(profile, known, edits, &mut host_config, &mut mounted)?;
    if let Listed::Array(mounts) = &mut listed {
        anonymous::give_way(profile, known, edits, mounts, own, &mut mounted)?;
    }
    let mut targets = known.taken.keys().chain(&mounted.paths);
    targets.try_for_each(|target| profile.inject.mounts().check_mount(target))?;
    few(anonymous.len() + binds.count + listed.count())?;
    let targets = anonymous::places(anonymous, &binds.anonymous, known, &mounted);
    let driver = volume_driver(profile, top, &host_config)?;
    let mut mounts = binds.mounts;
    mounts.extend(labelled_mounts(profile, &targets, &mounted, &driver));
    mounted.survey.options =
        forced.apply(edits, &host_config, None)? || !profile.inject.mounts().binds.is_empty();
    add_mounts(mounts, edits, &mut host_config, &mut listed)?;
    Ok(mounted.survey)
}

/// Refuses an annotation for a slice. With systemd's cgroup driver, runc sets properties of a container's
/// unit from annotations, after those from the cgroup parent.
fn own_slice(host_config: &Object<'_>) -> Result<(), Refusal> {
    match host_config.object("Annotations")? {
        Found::Object(annotations) if annotations.keys().any(|key| key == SLICE) => Err(slice()),
        Found::Absent | Found::Null(_) | Found::Object(_) => Ok(()),
    }
}

/// Labels the volumes of the tasks of a service.
pub(super) fn service<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    top: &Object<'d>,
) -> Result<Survey, Refusal> {
    let mut mounted = Mounted::default();
    if let Found::Object(template) = top.object("TaskTemplate")?
        && let Found::Object(spec) = template.object("ContainerSpec")?
        && let Listed::Array(mounts) = spec.array("Mounts")?
    {
        few(mounts.elements.len())?;
        edits.spell(&spec, "Mounts")?;
        for mount in mounts.objects() {
            filled_in_later(profile, &mount?, &mut mounted.survey)?;
        }
        // The proxy adds mounts to containers only, so none of these is its own.
        for mut mount in mounts_of(profile, known, edits, &mounts, |_| false, &mut mounted)? {
            label_volume(profile, known, edits, &mut mount.mount, &mut mounted.survey)?;
        }
    }
    Ok(mounted.survey)
}

/// Checks for a template in the source of a mount. The swarm expands it when it runs a task, so
/// `/run/{{.Service.Name}}.sock` can be any socket.
fn filled_in_later(
    profile: &Profile,
    mount: &Object<'_>,
    survey: &mut Survey,
) -> Result<(), Refusal> {
    if !profile.paths.is_empty() {
        mapped::no_template(mount)?;
    }
    let source = mount.string("Source")?.unwrap_or_default();
    if kind(mount.string("Type")?.as_deref()) != "BIND" || !source.contains("{{") {
        return Ok(());
    }
    if profile.socket_bind != SocketBind::Pass {
        return Err(template(&source));
    }
    survey
        .notes
        .push("a service mounts what the swarm names later, which may be the daemon's socket");
    Ok(())
}

/// Refuses more mounts than one container may have.
pub(super) fn few(mounts: usize) -> Result<(), Refusal> {
    if mounts > MOUNTS { Err(many_mounts()) } else { Ok(()) }
}

/// Returns the driver of volumes without one of their own; empty for the daemon's default. Docker 20.10
/// also reads it from the top if the HostConfig has none.
pub(super) fn volume_driver(
    profile: &Profile,
    top: &Object<'_>,
    host_config: &Object<'_>,
) -> Result<String, Refusal> {
    let operators = &profile.inject.mounts().volume_driver;
    if let Some((How::Force, driver)) = operators {
        return Ok(driver.clone());
    }
    let inner = host_config.string("VolumeDriver")?.filter(|driver| !driver.is_empty());
    let driver = match (inner, operators) {
        (None, Some((_, driver))) => driver.into(),
        (inner, _) => inner.or(top.string("VolumeDriver")?).unwrap_or_default(),
    };
    if driver.len() > DRIVER_NAME {
        return Err(long_driver());
    }
    Ok(driver.into_owned())
}

/// Refuses text that Podman would read as more than one option: it converts mounts to
/// `type=bind,source=…` and parses that.
pub(super) fn one_option(text: &str) -> Result<(), Refusal> {
    match text.split_once(',') {
        Some((_, behind)) if behind.contains('=') => Err(odd_mount(text)),
        Some(_) | None => Ok(()),
    }
}

fn tmpfs_targets(profile: &Profile, host_config: &Object<'_>) -> Result<Vec<String>, Refusal> {
    let Found::Object(tmpfs) = host_config.object("Tmpfs")? else { return Ok(Vec::new()) };
    let operators = profile.inject.mounts();
    tmpfs.keys().try_for_each(|target| operators.check_tmpfs(target))?;
    Ok(tmpfs.keys().map(str::to_owned).collect())
}

/// Labels the volumes among `mounts`. Returns the mounts that may have to give way: those that the proxy
/// added to an earlier container, and those for whose path `gives_way` returns `true`. They are handled when
/// all other mounts are known.
fn mounts_of<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    mounts: &Array<'d>,
    gives_way: impl Fn(&str) -> bool,
    mounted: &mut Mounted,
) -> Result<Vec<OwnMount<'d>>, Refusal> {
    let mut own = Vec::new();
    for (at, mount) in mounts.objects().enumerate() {
        let mut mount = mount?;
        let source = mount.string("Source")?.unwrap_or_default();
        one_option(&source)?;
        let target = mount.string("Target")?;
        one_option(target.as_deref().unwrap_or_default())?;
        match kind(mount.string("Type")?.as_deref()).as_str() {
            // It is removed when all mounts are known.
            _ if gives_way(target.as_deref().unwrap_or_default()) => {
                own.push(OwnMount { at, mount, target });
                continue;
            }
            "VOLUME" if source.is_empty() && anonymous::is_own(profile, &mount)? => {
                own.push(OwnMount { at, mount, target });
                continue;
            }
            "VOLUME" => label_volume(profile, known, edits, &mut mount, &mut mounted.survey)?,
            "BIND" => {
                if !source.is_empty() && !source.starts_with('/') {
                    return Err(odd_mount(&source));
                }
                mapped::edit_mount(profile, known, edits, &mount, &source, mounted)?;
            }
            kind if HARMLESS.contains(&kind) => {}
            kind => return Err(odd_mount(kind)),
        }
        mounted.paths.extend(target.map(Cow::into_owned));
    }
    Ok(own)
}

/// Returns the type of a mount in capitals. Containers require lowercase, but services accept any case,
/// folded by Unicode, and read a missing type as a bind.
pub(super) fn kind(written: Option<&str>) -> String {
    match written {
        None | Some("") => "BIND".to_owned(),
        Some(written) => written.to_uppercase(),
    }
}

/// Labels the volume that `mount` creates.
pub(super) fn label_volume<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    mount: &mut Object<'d>,
    survey: &mut Survey,
) -> Result<(), Refusal> {
    let forced = profile.inject.rendered_labels();
    let labels = forced.json();
    edits.spell(mount, "VolumeOptions")?;
    match mount.object("VolumeOptions")? {
        Found::Absent => edits.add(mount, "VolumeOptions", format!(r#"{{"Labels":{labels}}}"#)),
        Found::Null(null) => edits.replace(null, format!(r#"{{"Labels":{labels}}}"#)),
        Found::Object(options) => {
            one_option(&options.string("Subpath")?.unwrap_or_default())?;
            labels::force(edits, &options, forced)?;
            mapped::edit_volume(profile, known, edits, &options, survey)?;
        }
    }
    Ok(())
}

/// Adds mounts to a HostConfig.
fn add_mounts<'d>(
    added: Vec<String>,
    edits: &mut Edits<'d>,
    host_config: &mut Object<'d>,
    mounts: &mut Listed<'d>,
) -> Result<(), Refusal> {
    match mounts {
        Listed::Array(array) => added.into_iter().for_each(|mount| edits.push(array, mount)),
        Listed::Absent | Listed::Null if added.is_empty() => {}
        Listed::Absent | Listed::Null => {
            edits.set(host_config, "Mounts", format!("[{}]", added.join(",")))?;
        }
    }
    Ok(())
}

fn slice() -> Refusal {
    let text = format!(
        "the annotation {SLICE} would put the container elsewhere than into the cgroup parent"
    );
    Refusal::new(Reason::Slice, text)
}

fn template(source: &str) -> Refusal {
    let text = format!(
        "the service mounts \"{}\", of which the swarm makes a path only later, so it cannot be told \
         whether that is the daemon's own socket",
        shown(source)
    );
    Refusal::new(Reason::SocketBind, text)
}

fn many_mounts() -> Refusal {
    let text =
        format!("there are more than {MOUNTS} volumes, binds and mounts in the request body");
    Refusal::new(Reason::TooMany, text)
}

fn long_driver() -> Refusal {
    let text = format!("the name of the volume driver has more than {DRIVER_NAME} bytes");
    Refusal::new(Reason::TooMany, text)
}

pub(super) fn odd_mount(text: &str) -> Refusal {
    let text = format!(
        "a mount or volume has \"{}\", which Podman would read as something else than Docker: a type \
         that the proxy does not know, a source that is not absolute, a \":\" in the path of a volume, or \
         a \",\" that another option follows",
        shown(text)
    );
    Refusal::new(Reason::OddMount, text)
}

#[cfg(test)]
mod tests;
