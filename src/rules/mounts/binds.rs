//! The `Binds` of a container: named volumes, host paths, and single paths, which are anonymous
//! volumes.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::json::{Edits, Listed, Object, quoted};
use crate::rules::facts::Facts;
use crate::rules::mounts::anonymous::{AnonymousVolumes, absolute};
use crate::rules::mounts::mapped::{Bound, Forms, bound, colon, volume_options};
use crate::rules::mounts::path::clean;
use crate::rules::mounts::{Mounted, few, one_option};
use crate::rules::{Profile, Refusal, socket};

/// An entry of `Binds`: `path`, or `source:path[:mode]`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rules) struct Bind<'b> {
    /// A host path or the name of a volume; `None` for an anonymous volume.
    pub(in crate::rules) source: Option<&'b str>,
    /// The path in the container.
    pub(in crate::rules) target: &'b str,
    /// The part after the source, as written.
    pub(in crate::rules) rest: &'b str,
}

impl<'b> Bind<'b> {
    pub(in crate::rules) fn read(text: &'b str) -> Self {
        let Some((source, rest)) = text.split_once(':') else {
            return Self { source: None, target: text, rest: "" };
        };
        let target = rest.split_once(':').map_or(rest, |(target, _)| target);
        Self { source: Some(source), target, rest }
    }

    /// Returns the words behind the path, separated by commas.
    pub(in crate::rules) fn mode(&self) -> &'b str {
        self.rest.split_once(':').map_or("", |(_, mode)| mode)
    }

    /// Returns the name of the mounted volume, if it is one.
    pub(in crate::rules) fn volume(&self) -> Option<&'b str> {
        self.source.filter(|source| !source.is_empty() && !source.starts_with('/'))
    }
}

/// The mounts of `Binds`.
#[derive(Debug, Default)]
pub(in crate::rules) struct Binds {
    pub(in crate::rules) count: usize,
    /// The paths of anonymous volumes that are to be labelled. Like other binds, they count as mounted.
    pub(in crate::rules) anonymous: Vec<String>,
    /// The binds on volumes of the caller that became mounts, as JSON.
    pub(in crate::rules) mounts: Vec<String>,
}

/// An entry of `Binds`, as the daemon gets it.
#[derive(Debug)]
enum Entry {
    /// The entry as it is written.
    Kept,
    /// This entry, as JSON.
    Bind(String),
    /// This entry of `Mounts` instead, as JSON.
    Mount(String),
}

/// Parses the `Binds` of a container, and replaces those that mount the daemon's socket.
pub(in crate::rules) fn edit<'d>(
    profile: &'d Profile,
    known: &Facts,
    edits: &mut Edits<'d>,
    host_config: &mut Object<'d>,
    mounted: &mut Mounted,
) -> Result<Binds, Refusal> {
    let mut binds = Binds::default();
    let mut listed = host_config.array("Binds")?;
    let (mut gone, before) = (Vec::new(), edits.count());
    if let Listed::Array(array) = &listed {
        binds.count = array.elements.len();
        few(binds.count)?;
        for (at, written) in array.strings().enumerate() {
            let (raw, text) = written?;
            let bind = Bind::read(&text);
            if profile.inject.mounts().bind_at(bind.target) {
                gone.push(at);
                continue;
            }
            mounted.paths.push(bind.target.to_owned());
            if bind.source.is_none() && profile.anonymous_volumes == AnonymousVolumes::Label {
                absolute(profile, bind.target)?;
                // It becomes a mount.
                one_option(bind.target)?;
                binds.anonymous.push(bind.target.to_owned());
                gone.push(at);
                continue;
            }
            match entry(profile, known, &bind, mounted)? {
                Entry::Kept => {}
                Entry::Bind(json) => edits.replace(raw, json),
                Entry::Mount(json) => {
                    binds.mounts.push(json);
                    gone.push(at);
                }
            }
        }
    }
    let own = profile.inject.mounts().binds.iter().map(|own| Cow::Borrowed(&*own.json));
    let taken = taken_sockets(profile, known, mounted)?.into_iter().map(Cow::Owned);
    let added: Vec<Cow<'d, str>> = own.chain(taken).collect();
    match &mut listed {
        Listed::Array(array) if edits.count() > before || !gone.is_empty() || !added.is_empty() => {
            edits.spell(host_config, "Binds")?;
            edits.remove(array, &gone);
            for bind in added {
                edits.push(array, bind);
            }
        }
        Listed::Absent | Listed::Null if !added.is_empty() => {
            edits.set(host_config, "Binds", ["[", &added.join(","), "]"].concat())?;
        }
        Listed::Array(_) | Listed::Absent | Listed::Null => {}
    }
    Ok(binds)
}

/// Translates an entry of `Binds`.
fn entry(
    profile: &Profile,
    known: &Facts,
    bind: &Bind<'_>,
    mounted: &mut Mounted,
) -> Result<Entry, Refusal> {
    let source = bind.source.unwrap_or_default();
    let is_plain = matches!(bind.mode(), "" | "rw" | "ro");
    let forms = if is_plain { mounted.forms } else { Forms::Path };
    match bound(profile, known, source, forms, &mut mounted.survey)? {
        Bound::Kept => Ok(Entry::Kept),
        Bound::Path(path) if path.contains(':') => Err(colon(source)),
        Bound::Path(path) => Ok(Entry::Bind(quoted(&format!("{path}:{}", bind.rest)))),
        Bound::Volume(name, part) => {
            one_option(bind.target)?;
            let read_only = if bind.mode() == "ro" { r#","ReadOnly":true"# } else { "" };
            let (source, target) = (quoted(name), quoted(bind.target));
            let options = volume_options(profile, &part)?;
            Ok(Entry::Mount(format!(
                r#"{{"Type":"volume","Source":{source},"Target":{target}{read_only},"VolumeOptions":{options}}}"#
            )))
        }
    }
}

/// Returns binds of the proxy's socket at places where the volumes of other containers would bring
/// the daemon's. Places where something else is mounted are omitted. A bind takes precedence over
/// such volumes.
fn taken_sockets(
    profile: &Profile,
    known: &Facts,
    mounted: &mut Mounted,
) -> Result<Vec<String>, Refusal> {
    let mut binds = Vec::new();
    if known.taken.is_empty() {
        return Ok(binds);
    }
    few(known.taken.len())?;
    let hidden: BTreeSet<String> = mounted.paths.iter().map(clean).collect();
    for (target, source) in known.taken.iter().filter(|(target, _)| !hidden.contains(*target)) {
        let source = source.as_deref().unwrap_or_default();
        let own = socket::replaced(profile, known, source, source, &mut mounted.survey)?;
        binds.extend(own.map(|own| quoted(&format!("{own}:{target}"))));
    }
    Ok(binds)
}

#[cfg(test)]
mod tests;
