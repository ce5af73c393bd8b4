//! Binds whose sources are paths in the caller's view, and what is mounted instead.
//!
//! | place of the source | mounted instead |
//! |---|---|
//! | a host path | that path and the rest |
//! | a volume of the caller | the volume by its name |
//! | below a volume of the caller | the volume with its `Subpath`, or the place of that on the host |
//! | outside of every mapping | the source as it is; refused if paths are strict |
//!
//! A daemon without `Subpath` ignores it and mounts the whole volume: Engine before 26, and Podman 5.4. Others
//! mount a directory or a file, which must exist, and follow no link out of the volume. A new file or directory
//! is thus mounted by its place, where a daemon makes it for a bind. Into an empty volume the daemon would copy
//! files of the image, but not into a bind, so the mount gets `NoCopy`. Options of a bind that volumes do not have
//! are kept by mounting the place on the host. So are all binds of services, since another node of the swarm would
//! make a new volume of that name.

use std::borrow::Cow;

use super::{Mounted, one_option};
use crate::engine::fields::DRIVER_OPTS;
use crate::engine::has_subpaths;
use crate::engine::shapes::VOLUME;
use crate::json::{Edits, Found, Object, quoted, string};
use crate::rules::facts::Facts;
use crate::rules::paths::{Mapped, unmarked};
use crate::rules::refusal::shown;
use crate::rules::socket::{self, Relation, Survey};
use crate::rules::{Profile, Reason, Refusal};

/// The source of a bind, as the daemon gets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bound<'p> {
    /// The source as it is written.
    Kept,
    /// This host path.
    Path(String),
    /// This path in a volume; empty for all of it.
    Volume(&'p str, String),
}

/// The forms that a bind on a volume may get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Forms {
    /// A host path.
    #[default]
    Path,
    /// Also a whole volume.
    Volume,
    /// Also a part of a volume, if the daemon has that.
    Subpath,
}

/// Translates the `source` of a bind, and applies the rules about the daemon's socket.
///
/// # Errors
/// The source is outside of every mapping, or it is the daemon's socket, and the operator refuses that.
pub(super) fn bound<'p>(
    profile: &'p Profile,
    known: &Facts,
    source: &str,
    forms: Forms,
    survey: &mut Survey,
) -> Result<Bound<'p>, Refusal> {
    let paths = &profile.paths;
    let is_mapped = source.starts_with('/') && !paths.is_empty();
    let Some(place) = is_mapped.then(|| paths.map(source)).transpose()?.flatten() else {
        let own = socket::replaced(profile, known, source, &unmarked(source), survey)?;
        return Ok(own.map_or(Bound::Kept, Bound::Path));
    };
    let sought = place.sought();
    if let Some(own) = socket::replaced(profile, known, source, &sought, survey)? {
        return Ok(Bound::Path(own));
    }
    let relation = known.relation(&sought);
    let leads_out = relation == Some(Relation::Beyond);
    if leads_out && paths.is_strict() {
        return Err(beyond(source));
    }
    if let Some(name) = place.volume {
        // A bind makes what is missing.
        if relation != Some(Relation::Missing) && can_be_named(&place, known, forms, survey) {
            return Ok(Bound::Volume(name, place.rest));
        }
        if place.root.is_empty() {
            return Err(placeless(source, name));
        }
    }
    if leads_out {
        survey.notes.push(
            "a container mounts a path with a symbolic link out of the mapped directory, which the daemon \
             follows on the host",
        );
    }
    let path = place.path();
    Ok(if path == source { Bound::Kept } else { Bound::Path(path) })
}

/// Returns `true` if the daemon can mount this place by the name of its volume. If that depends on the daemon's
/// version, which is not known yet, records in `survey` that it is needed.
fn can_be_named(place: &Mapped<'_>, known: &Facts, forms: Forms, survey: &mut Survey) -> bool {
    match forms {
        Forms::Volume | Forms::Subpath if place.rest.is_empty() => true,
        Forms::Path | Forms::Volume => false,
        Forms::Subpath => {
            survey.version |= known.version.is_none();
            known.version.as_deref().is_none_or(has_subpaths)
        }
    }
}

/// Returns the options of a mount of `part` of a volume.
pub(super) fn volume_options(profile: &Profile, part: &str) -> Result<String, Refusal> {
    one_option(part)?;
    let subpath = match part {
        "" => String::new(),
        part => format!(r#""Subpath":{},"#, quoted(part)),
    };
    // The daemon makes the volume anew if it is gone.
    let labels = profile.inject.rendered_labels().json();
    Ok(format!(r#"{{"NoCopy":true,{subpath}"Labels":{labels}}}"#))
}

/// Translates the `source` of a mount of type bind.
pub(super) fn edit_mount<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    mount: &Object<'d>,
    source: &str,
    mounted: &mut Mounted,
) -> Result<(), Refusal> {
    let plain = !profile.paths.is_empty() && is_plain(mount)?;
    let forms = if plain { mounted.forms } else { Forms::Path };
    match bound(profile, known, source, forms, &mut mounted.survey)? {
        Bound::Kept => {}
        Bound::Path(path) => {
            one_option(&path)?;
            edits.set(mount, "Source", quoted(&path))?;
        }
        Bound::Volume(name, part) => {
            edits.set(mount, "Type", r#""volume""#)?;
            edits.set(mount, "Source", quoted(name))?;
            if mount.member("BindOptions")?.is_some() {
                edits.set(mount, "BindOptions", "null")?;
            }
            edits.set(mount, "VolumeOptions", volume_options(profile, &part)?)?;
        }
    }
    Ok(())
}

/// Returns `true` if `mount`, of type bind, has no options that one of type volume lacks.
fn is_plain(mount: &Object<'_>) -> Result<bool, Refusal> {
    // The daemon refuses them for a bind.
    let of_volume = matches!(mount.object("VolumeOptions")?, Found::Object(_));
    let is_default = |value: &str| matches!(value, "null" | "false" | r#""""#);
    Ok(!of_volume
        && match mount.object("BindOptions")? {
            Found::Object(options) => options.members.iter().all(|member| is_default(member.value)),
            Found::Absent | Found::Null(_) => true,
        })
}

/// Translates the bound path of a volume that is created.
pub(in crate::rules) fn volume<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    top: &Object<'d>,
) -> Result<Survey, Refusal> {
    let mut survey = Survey::default();
    if !profile.paths.is_empty()
        && is_local(top.string("Driver")?.as_deref())
        && let Found::Object(options) = top.object(DRIVER_OPTS)?
    {
        // Where the operator has a rule for these options, they are as the rule says.
        if !profile.inject.tree(&VOLUME).has(DRIVER_OPTS) {
            edit_device(profile, known, edits, &options, &mut survey)?;
        } else if profile.paths.is_strict() && values(&options, "device").next().is_some() {
            return Err(device_beside_rule());
        }
    }
    Ok(survey)
}

/// Translates the bound path of the volume that a mount with these options creates.
pub(super) fn edit_volume<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    volume_options: &Object<'d>,
    survey: &mut Survey,
) -> Result<(), Refusal> {
    if !profile.paths.is_empty()
        && let Some(options) = driver_options(volume_options)?
    {
        edit_device(profile, known, edits, &options, survey)?;
    }
    Ok(())
}

/// Refuses a template in the source of a bind of a service, or in the options of a volume. The swarm expands it
/// when it runs a task, so the path is not known.
pub(super) fn no_template(mount: &Object<'_>) -> Result<(), Refusal> {
    let source = mount.string("Source")?.filter(|source| source.starts_with('/'));
    let options = match mount.object("VolumeOptions")? {
        Found::Object(options) => driver_options(&options)?,
        Found::Absent | Found::Null(_) => None,
    };
    let values = options.iter().flat_map(|options| &options.members);
    let mut texts = source.into_iter().chain(values.filter_map(|member| string(member.value)));
    match texts.find(|text| text.contains("{{")) {
        Some(text) => Err(template(&text)),
        None => Ok(()),
    }
}

/// Returns the options for the driver of a mount's volume, if it is the local driver.
pub(in crate::rules) fn driver_options<'d>(
    volume_options: &Object<'d>,
) -> Result<Option<Object<'d>>, Refusal> {
    if let Found::Object(driver) = volume_options.object("DriverConfig")?
        && is_local(driver.string("Name")?.as_deref())
        && let Found::Object(options) = driver.object("Options")?
    {
        return Ok(Some(options));
    }
    Ok(None)
}

pub(in crate::rules) fn is_local(driver: Option<&str>) -> bool {
    matches!(driver, None | Some("" | "local"))
}

/// Types of volumes of the local driver, beside binds, that show no file of the host.
pub(in crate::rules) const APART: [&str; 4] = ["tmpfs", "nfs", "nfs4", "cifs"];

/// Translates `device` among the `options` of a volume of the local driver, if it is a bind. Other devices are
/// those of file systems, which may have files of the host (overlay, ext4).
fn edit_device<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    options: &Object<'d>,
    survey: &mut Survey,
) -> Result<(), Refusal> {
    let is_bind = |flags: &str| flags.split(',').any(|flag| flag == "bind" || flag == "rbind");
    if values(options, "o").any(|(_, flags)| is_bind(&flags)) {
        for (value, device) in values(options, "device").filter(|(_, device)| !device.is_empty()) {
            // A relative one begins in the directory in which the daemon runs: "/", nearly everywhere.
            let slash = if device.starts_with('/') { "" } else { "/" };
            let source = [slash, &device].concat();
            if let Bound::Path(path) = bound(profile, known, &source, Forms::Path, survey)? {
                edits.replace(value, quoted(&path));
            }
        }
    } else if profile.paths.is_strict()
        && let Some((_, kind)) = values(options, "type").find(|(_, kind)| !APART.contains(&&**kind))
    {
        return Err(file_system(&kind));
    }
    Ok(())
}

/// Returns the values of `key` as JSON and as text. Keys of a map are exact, and Go uses the last of several
/// equal ones.
pub(in crate::rules) fn values<'d>(
    options: &Object<'d>,
    key: &'static str,
) -> impl Iterator<Item = (&'d str, Cow<'d, str>)> {
    let members = options.members.iter().filter(move |member| member.key() == key);
    members.filter_map(|member| Some((member.value, string(member.value)?)))
}

fn device_beside_rule() -> Refusal {
    let text = "the volume has a device, and the operator has a rule for options of volumes, so the device is not \
                translated to one of the host; mount the path itself";
    Refusal::new(Reason::Unmapped, text)
}

fn file_system(kind: &str) -> Refusal {
    let text = format!(
        "the volume has the type \"{}\", which may have files of the host that are outside of what the operator \
         maps for this caller; tmpfs, nfs, cifs or a bind (type=none, o=bind) are possible",
        shown(kind)
    );
    Refusal::new(Reason::Unmapped, text)
}

fn beyond(source: &str) -> Refusal {
    let text = format!(
        "the container mounts {}, where a symbolic link leads out of what the operator maps for this caller; \
         mount the path to which it leads",
        shown(source)
    );
    Refusal::new(Reason::Unmapped, text)
}

fn placeless(source: &str, volume: &str) -> Refusal {
    let text = format!(
        "the container mounts {} on the volume {} of the caller, of which the daemon reports no place on the \
         host; a part of it can be mounted from API version 1.45 on, with no option but read-only",
        shown(source),
        shown(volume)
    );
    Refusal::new(Reason::Unmapped, text)
}

fn template(text: &str) -> Refusal {
    let text = format!(
        "the service mounts \"{}\", of which the swarm makes a path only later, so it cannot be translated to \
         one of the host",
        shown(text)
    );
    Refusal::new(Reason::Unmapped, text)
}

pub(super) fn colon(source: &str) -> Refusal {
    let text = format!(
        "the container mounts {}, whose path on the host has a \":\", which no entry of Binds can have; \
         use Mounts (docker run --mount)",
        shown(source)
    );
    Refusal::new(Reason::Unmapped, text)
}

#[cfg(test)]
mod tests;
