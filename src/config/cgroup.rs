//! The cgroup parents of containers and of builds.

use super::template::{forms, template};
use super::{Invalid, has_line_bytes};
use crate::rules::caller::Template;

/// The placeholder for the cgroup parent of a caller.
pub(super) const OF_CALLER: &str = "{cgroup.parent}";

/// The cgroup parent of containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CgroupParent {
    /// The daemon or the client chooses.
    None,
    /// An absolute path (cgroupfs) or the name of a slice (systemd), which may have placeholders.
    Fixed(String),
    /// The cgroup parent of the container in which the proxy runs.
    OfOwnContainer,
    /// The cgroup parent of the caller's container or process.
    OfCaller,
}

impl CgroupParent {
    /// Reads `self`, `caller`, `none`, an absolute path like `/ci/1234` or a slice like `ci-1234.slice`.
    ///
    /// A bare `ci` is refused although daemons accept it: with cgroupfs it is a cgroup below that of the
    /// daemon itself, and it is usually a mistake (`yes`, `Self`, a forgotten slash).
    ///
    /// # Errors
    ///
    /// Any other form; `..`; NUL, CR or LF; a mistake in a placeholder.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "self" => return Ok(Self::OfOwnContainer),
            "none" => return Ok(Self::None),
            "caller" | OF_CALLER => return Ok(Self::OfCaller),
            _ => {}
        }
        if !is_cgroup_parent(text)? {
            return Err(Invalid::CgroupParent(text.to_owned()));
        }
        Ok(Self::Fixed(text.to_owned()))
    }

    /// The configured path or slice; `None` for `self`, which has to be looked up.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(parent) => Some(parent),
            Self::None | Self::OfOwnContainer | Self::OfCaller => None,
        }
    }
}

/// The cgroup parent of builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildCgroupParent {
    /// The cgroup parent of containers, if they have one.
    Inherit,
    /// The daemon or the client chooses.
    None,
    /// An absolute path or a slice, as for [`CgroupParent::Fixed`].
    Fixed(String),
    /// The cgroup parent of the caller's container or process.
    OfCaller,
}

impl BuildCgroupParent {
    /// Reads `inherit`, `caller`, `none`, an absolute path or a slice.
    ///
    /// `self` is refused: `inherit` means the same beside `--cgroup-parent self`.
    ///
    /// # Errors
    ///
    /// Any other form; `..`; NUL, CR or LF; a mistake in a placeholder.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "inherit" => Ok(Self::Inherit),
            "none" => Ok(Self::None),
            "caller" | OF_CALLER => Ok(Self::OfCaller),
            "self" => Err(Invalid::SelfForBuilds),
            parent if is_cgroup_parent(parent)? => Ok(Self::Fixed(parent.to_owned())),
            other => Err(Invalid::BuildCgroupParent(other.to_owned())),
        }
    }

    /// Returns the cgroup parent of builds, given that of containers.
    #[must_use]
    pub fn beside(&self, containers: Option<&str>) -> Option<String> {
        match self {
            Self::Inherit => containers.map(ToOwned::to_owned),
            Self::None => None,
            Self::Fixed(parent) => Some(parent.clone()),
            Self::OfCaller => Some(OF_CALLER.to_owned()),
        }
    }

    /// The configured path or slice of builds alone.
    #[must_use]
    pub fn fixed(&self) -> Option<&str> {
        match self {
            Self::Fixed(parent) => Some(parent),
            Self::Inherit | Self::None | Self::OfCaller => None,
        }
    }
}

/// Checks a cgroup parent against the daemon's cgroup driver (`CgroupDriver` of its `/info`). Drivers other
/// than `systemd` accept everything that [`CgroupParent::parse`] accepts.
///
/// # Errors
///
/// The driver is `systemd` and the parent is not the name of a slice.
pub fn check_driver(driver: &str, parent: &str) -> Result<(), Invalid> {
    if driver == "systemd" && !all_forms(&Template::of(parent), is_slice) {
        return Err(Invalid::NotASlice(parent.to_owned()));
    }
    Ok(())
}

/// Returns a warning for a cgroup parent that the daemon accepts but that is probably a mistake.
#[must_use]
pub fn driver_warning(driver: &str, parent: &str) -> Option<Invalid> {
    let is_slice = || all_forms(&Template::of(parent), is_slice);
    (driver == "cgroupfs" && is_slice()).then(|| Invalid::SliceAsPath(parent.to_owned()))
}

fn is_cgroup_parent(text: &str) -> Result<bool, Invalid> {
    let template = template(text)?;
    let climbs = |form: &str| form.split('/').any(|part| part == "..");
    let usable = |form: &str| !climbs(form) && (is_cgroup_path(form) || is_slice(form));
    Ok(!has_line_bytes(text) && all_forms(&template, usable))
}

fn all_forms(template: &Template, is_usable: impl Fn(&str) -> bool) -> bool {
    forms(template, "x").iter().all(|form| is_usable(form))
}

fn is_cgroup_path(text: &str) -> bool {
    // The root itself would lift the containers out of every limit of the operator.
    text.starts_with('/') && text.bytes().any(|byte| byte != b'/')
}

/// Returns `true` for `a-b.slice`. systemd reads the dashes as a path, so no part may be empty. `-.slice` is
/// systemd's root, which is refused as `/` is.
fn is_slice(text: &str) -> bool {
    text.strip_suffix(".slice")
        .is_some_and(|name| !name.contains('/') && name.split('-').all(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests;
