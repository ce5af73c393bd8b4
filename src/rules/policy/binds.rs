//! The allow-list of the sources of bind mounts.

use crate::json::{Found, Object};
use crate::rules::Refusal;
use crate::rules::caller::{Caller, Source};
use crate::rules::facts::{Facts, Relation};
use crate::rules::mounts::binds::Bind;
use crate::rules::mounts::mapped::{APART, driver_options, is_local, values};
use crate::rules::mounts::path::cleaned;
use crate::rules::mounts::{HARMLESS, few, kind, one_option};
use crate::rules::paths::{marked, unmarked};

/// A source of bind mounts that is allowed, with everything below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindSource {
    /// A host path.
    Path {
        /// The absolute path, cleaned.
        path: String,
        /// `true` if it may only be mounted read-only.
        read_only: bool,
    },
    /// Everything that the caller's container mounts from the host, as writable as it is there.
    CallerMounts,
}

/// The word of the configuration file for [`BindSource::CallerMounts`].
pub const CALLER_MOUNTS: &str = "{caller.mounts}";

/// Options of an entry of `Binds` that change the files of the host: their labels and owners.
const CHANGING: [&str; 4] = ["rw", "z", "Z", "U"];

/// Propagations by which mounts in the container appear on the host.
const SHARED: [&str; 2] = ["shared", "rshared"];

/// Returns the sources for a caller.
pub(super) fn filled(sources: &[BindSource], caller: &Caller) -> Vec<BindSource> {
    let mounts = caller.container.iter().flat_map(|container| &container.mounts);
    let paths = mounts.filter_map(|mount| match &mount.source {
        Source::Path(path) | Source::Volume { place: path, .. } if !path.is_empty() => {
            Some(BindSource::Path { path: path.clone(), read_only: mount.read_only })
        }
        Source::Path(_) | Source::Volume { .. } | Source::Nothing => None,
    });
    let fixed = sources.iter().filter(|source| **source != BindSource::CallerMounts).cloned();
    fixed.chain(paths).collect()
}

/// The check of the binds of one request.
pub(super) struct Check<'c> {
    pub(super) sources: &'c [BindSource],
    pub(super) facts: &'c Facts,
    /// The paths that must be looked up. They count as allowed: with a [mark](crate::rules::paths::parts) unless
    /// the answer is news, without one only if they are the daemon's socket.
    pub(super) unseen: &'c mut Vec<String>,
    /// `true` if the proxy replaces the daemon's socket by its own.
    pub(super) replaces_socket: bool,
    /// The number of binds until now.
    pub(super) count: usize,
}

impl Check<'_> {
    /// Returns `true` if a mount of this host path is allowed. So is one that may be the daemon's socket, until that
    /// is looked up: the proxy replaces it.
    fn allows(&mut self, path: &str, is_read_only: bool) -> Result<bool, Refusal> {
        if self.is_below_source(path, is_read_only)? {
            return Ok(true);
        }
        let sought = unmarked(path);
        let may_be_replaced =
            path.starts_with('/') && self.replaces_socket && self.facts.relation(&sought).is_none();
        if may_be_replaced {
            self.unseen.push(sought.into_owned());
        }
        Ok(may_be_replaced)
    }

    /// Returns `true` if this host path is one of the sources, or below one. That is looked up, since a link there may
    /// lead out of it.
    fn is_below_source(&mut self, path: &str, is_read_only: bool) -> Result<bool, Refusal> {
        self.count += 1;
        few(self.count)?;
        let cleaned = cleaned(path);
        Ok(path.starts_with('/') && self.is_below(&cleaned, is_read_only))
    }

    fn is_below(&mut self, path: &str, is_read_only: bool) -> bool {
        self.sources.iter().any(|source| {
            let BindSource::Path { path: root, read_only } = source else { return false };
            let Some(sought) = marked(path, root).filter(|_| is_read_only || !read_only) else {
                return false;
            };
            if sought == *root {
                return true;
            }
            match self.facts.relation(&sought) {
                None => {
                    self.unseen.push(sought);
                    true
                }
                // A link may lead to the socket.
                Some(Relation::Beyond | Relation::Socket) => false,
                Some(Relation::Other | Relation::Missing | Relation::Above) => true,
            }
        })
    }

    /// Returns `true` if an entry of `Binds` is allowed. The name of a volume begins with a letter or digit; Podman
    /// takes `./x` for a path.
    pub(super) fn entry(&mut self, text: &str) -> Result<bool, Refusal> {
        let bind = Bind::read(text);
        match bind.source {
            None => Ok(true),
            Some(source) if source.starts_with(|first: char| first.is_ascii_alphanumeric()) => {
                Ok(true)
            }
            Some(source) => {
                let has = |word: &str| bind.mode().split(',').any(|other| other == word);
                let is_read_only = has("ro") && !CHANGING.into_iter().any(has);
                Ok(self.allows(source, is_read_only)? && !SHARED.into_iter().any(has))
            }
        }
    }

    /// Returns the source of a mount that is not allowed; `None` if it is. The operator adds none of these.
    pub(super) fn mount(
        &mut self,
        mount: &Object<'_>,
        is_own: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, Refusal> {
        let source = mount.string("Source")?.unwrap_or_default();
        one_option(&source)?;
        one_option(&mount.string("Target")?.unwrap_or_default())?;
        let kind = kind(mount.string("Type")?.as_deref());
        if HARMLESS.contains(&&*kind) {
            return Ok(None);
        }
        if kind != "VOLUME" {
            // The swarm expands a template when it runs the task.
            let is_plain = !source.contains("{{") && !is_shared(mount)?;
            let is_allowed =
                is_own(&source) || is_plain && self.allows(&source, mount.is_true("ReadOnly"))?;
            return Ok((!is_allowed).then(|| source.into_owned()));
        }
        let Found::Object(options) = mount.object("VolumeOptions")? else { return Ok(None) };
        one_option(&options.string("Subpath")?.unwrap_or_default())?;
        match driver_options(&options)? {
            Some(options) => self.device(&options),
            None => Ok(None),
        }
    }

    /// Returns the device of a volume of the local driver that shows files of the host and is not allowed.
    pub(super) fn device(&mut self, options: &Object<'_>) -> Result<Option<String>, Refusal> {
        let has = |flag: &str| {
            values(options, "o").any(|(_, flags)| flags.split(',').any(|other| other == flag))
        };
        let is_bind = has("bind") || has("rbind");
        // With both, the last one counts.
        let is_read_only = has("ro") && !has("rw");
        let is_shared = SHARED.into_iter().any(has);
        let is_apart = values(options, "type").all(|(_, kind)| APART.contains(&&*kind))
            && values(options, "type").next().is_some();
        for (_, device) in values(options, "device").filter(|(_, device)| !device.is_empty()) {
            let is_allowed = match (is_bind, is_apart) {
                // A relative one begins in the directory in which the daemon runs: "/", nearly everywhere.
                (true, _) if !device.starts_with('/') || is_shared => false,
                // The kernel follows a link before it goes up from there; the daemon does not clean this path.
                (true, _) if device.split('/').any(|name| name == "..") => false,
                (true, _) => self.is_below_source(&device, is_read_only)?,
                (false, is_apart) => is_apart,
            };
            if !is_allowed {
                return Ok(Some(device.into_owned()));
            }
        }
        Ok(None)
    }
}

fn is_shared(mount: &Object<'_>) -> Result<bool, Refusal> {
    let Found::Object(options) = mount.object("BindOptions")? else { return Ok(false) };
    Ok(options.string("Propagation")?.is_some_and(|word| SHARED.contains(&&*word)))
}

/// Returns the options of a volume that is created, if it is one of the local driver.
pub(super) fn of_volume<'d>(top: &Object<'d>) -> Result<Option<Object<'d>>, Refusal> {
    match top.object("DriverOpts")? {
        Found::Object(options) if is_local(top.string("Driver")?.as_deref()) => Ok(Some(options)),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
