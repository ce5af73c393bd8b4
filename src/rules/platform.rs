//! The platform that a container create asks for, as the daemon reads it (containerd's
//! `platforms.Parse`) and as its inspect of an image takes it: `linux/arm/v7` is
//! `{"os":"linux","architecture":"arm","variant":"v7"}`.

use serde_json::json;

use crate::engine::heeds_platform;
use crate::http::target::{decoded_path, pairs, split_query};

/// What the daemon takes for the name of an operating system where only one name is given.
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

/// Returns the platform in the query of a create, as JSON, unless there is none, or the create's
/// version ignores it.
///
/// One that the daemon cannot read is none either: the daemon refuses the create.
#[must_use]
pub(super) fn of_create(target: &str) -> Option<String> {
    let (_, query) = split_query(target);
    // Go takes the first, and drops a pair that it cannot read, as the endpoint then does the create.
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
        (None, _) if SYSTEMS.contains(&system) => normal(ours(), ""),
        // One name that is no system is an architecture.
        (None, _) => normal(first, ""),
        (Some(architecture), variant) => normal(architecture, variant.unwrap_or_default()),
    };
    let system = if second.is_none() && !SYSTEMS.contains(&system) { "linux" } else { system };
    let (architecture, variant) = match (architecture, variant, third) {
        // Without a variant these stand for themselves.
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

/// Takes `windows(10.0.17763)` apart.
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

/// Returns the architecture of the host as the daemon, which runs on the same one, names it.
fn ours() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Returns the names that the daemon knows an architecture and its variant by.
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
