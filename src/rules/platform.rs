//! The platform of a container create. It is read as the daemon reads it (containerd's
//! `platforms.Parse`) and written as the inspect of an image takes it: `linux/arm/v7` is
//! `{"os":"linux","architecture":"arm","variant":"v7"}`.

use serde_json::json;

use crate::engine::heeds_platform;
use crate::http::target::{decoded_path, pairs, split_query};

/// Names that the daemon reads as an operating system if no other part is given.
const SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

/// Returns the platform in the query of a create, as JSON. Returns `None` if there is none, or if the
/// create's API version ignores it, or if it is malformed: then the daemon refuses the create.
#[must_use]
pub(super) fn of_create(target: &str) -> Option<String> {
    let (_, query) = split_query(target);
    // Go uses the first pair and drops malformed ones, and so does the daemon.
    let pair = pairs(query?).flatten().find(|pair| *pair.key == *b"platform")?;
    let value = pair.value().ok()?;
    let path = decoded_path(target).ok()?;
    let text = str::from_utf8(&value).ok().filter(|text| !text.is_empty())?;
    if heeds_platform(&path) { read(text) } else { None }
}

fn read(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next()?, parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (system, version) = system(first)?;
    let (architecture, variant) = match (second, third) {
        (None, _) if SYSTEMS.contains(&system) => normal(host_architecture(), ""),
        // One name that is no system is an architecture.
        (None, _) => normal(first, ""),
        (Some(architecture), variant) => normal(architecture, variant.unwrap_or_default()),
    };
    let system = if second.is_none() && !SYSTEMS.contains(&system) { "linux" } else { system };
    let (architecture, variant) = match (architecture, variant, third) {
        // The daemon omits the default variant of `arm`, and adds that of `arm64`.
        ("arm", "v7", None) => ("arm", ""),
        ("arm64", "", Some(_)) => ("arm64", "v8"),
        (architecture, variant, _) => (architecture, variant),
    };
    let mut platform = json!({"os": system, "architecture": architecture});
    for (key, value) in [("variant", variant), ("os.version", version)] {
        if !value.is_empty()
            && let Some(members) = platform.as_object_mut()
        {
            members.insert(key.to_owned(), value.into());
        }
    }
    Some(platform.to_string())
}

/// Splits `windows(10.0.17763)` into name and version.
fn system(text: &str) -> Option<(&str, &str)> {
    let (name, version) = match text.split_once('(') {
        Some((name, behind)) => (name, behind.strip_suffix(')')?),
        None => (text, ""),
    };
    let name = match name {
        "" => "linux",
        "macos" => "darwin",
        name => name,
    };
    Some((name, version))
}

/// Returns the daemon's name of the host's architecture, which is the daemon's own.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Returns the daemon's names of an architecture and its variant.
fn normal<'t>(architecture: &'t str, variant: &'t str) -> (&'t str, &'t str) {
    match (architecture, variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8") => ("arm64", ""),
        ("aarch64" | "arm64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (architecture, variant) => (architecture, variant),
    }
}

#[cfg(test)]
mod tests;
