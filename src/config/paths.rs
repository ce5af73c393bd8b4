//! The translation of paths.

use super::template::{forms, has_braces, template};
use super::{Invalid, Sourced, has_line_bytes};
use crate::rules::paths::FixedPath;

/// Reads `caller` or `none`: whether the mounts of the caller's container are mapped.
///
/// # Errors
///
/// Any other word.
pub fn map_paths(text: &str) -> Result<bool, Invalid> {
    match text {
        "caller" => Ok(true),
        "none" => Ok(false),
        other => Err(Invalid::MapPaths(other.to_owned())),
    }
}

/// Reads `PATH=HOST_PATH`; the first path ends at the first `=`.
///
/// # Errors
///
/// No `=`, and the errors of [`mapped_path`].
pub fn mapped_pair(text: &str, by: &str) -> Result<FixedPath, Invalid> {
    let (seen, host) = text.split_once('=').ok_or_else(|| Invalid::NoHostPath(text.to_owned()))?;
    mapped_path(seen, host, by)
}

/// Makes a pair of a path in the caller's view and a host path, which may have placeholders. `by` is the flag or
/// variable, or the place of the key in the file and the key.
///
/// # Errors
///
/// A path that is not absolute, or has a part `..`, or NUL, CR or LF; a placeholder in the first path, a mistake
/// in one of the second; a host path with `:`, which cannot be bound.
pub fn mapped_path(seen: &str, host: &str, by: &str) -> Result<FixedPath, Invalid> {
    if has_braces(seen) {
        return Err(Invalid::PlaceholderInName(seen.to_owned()));
    }
    let seen = cleaned(seen).ok_or_else(|| Invalid::NotAbsolute(seen.to_owned()))?;
    for form in forms(&template(host)?, "x") {
        if cleaned(&form).is_none() {
            return Err(Invalid::NotAbsolute(host.to_owned()));
        }
        if form.contains(':') {
            return Err(Invalid::NotMountable(host.to_owned()));
        }
    }
    let from = Sourced { value: (), by: by.to_owned() }.from();
    Ok(FixedPath { seen, host: host.to_owned(), from })
}

/// Reads the path of a socket in containers.
///
/// # Errors
///
/// A path that is not absolute, or has a part `..`, or NUL, CR, LF or `:`.
pub fn job_socket(text: &str) -> Result<String, Invalid> {
    let path = cleaned(text).filter(|path| path != "/");
    let path = path.ok_or_else(|| Invalid::NotAbsolute(text.to_owned()))?;
    if path.contains(':') { Err(Invalid::NotMountable(text.to_owned())) } else { Ok(path) }
}

/// Returns an absolute path without empty parts and `.`.
pub(super) fn cleaned(path: &str) -> Option<String> {
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let usable = path.starts_with('/') && !parts.contains(&"..") && !has_line_bytes(path);
    usable.then(|| format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests;
