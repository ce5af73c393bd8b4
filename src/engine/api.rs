//! Versions of the Engine API on which the proxy's own requests depend.

/// The API version for questions about images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Api {
    /// The daemon's version is not known yet. The path has no version, which selects the daemon's newest.
    /// The query has the platform, which older versions ignore.
    #[default]
    Unknown,
    /// The daemon's inspect of an image accepts no platform. The path has no version, and the query no platform.
    Old,
    /// The path has version 1 with this minor number.
    Minor(u16),
    /// The daemon supports no known version. Requests are as for [`Unknown`](Self::Unknown).
    Newest,
}

/// The first minor version whose inspect of an image accepts a platform.
const PLATFORM: u16 = 49;

/// The last minor version whose inspect of an image does not verify signatures, which may take seconds.
const UNSIGNED: u16 = 52;

/// The first minor version whose create of a container uses the platform in the query.
const CREATE: u64 = 41;

impl Api {
    /// Returns the version for a daemon with this version of its own, such as `1.51`.
    #[must_use]
    pub fn of(version: &[u8]) -> Self {
        match numbers(version) {
            Some((1, minor)) if minor >= PLATFORM => Self::Minor(minor.min(UNSIGNED)),
            Some((0 | 1, _)) => Self::Old,
            Some(_) => Self::Newest,
            None => Self::Unknown,
        }
    }

    /// Returns the prefix of the path.
    #[must_use]
    pub fn prefix(self) -> String {
        match self {
            Self::Minor(minor) => format!("/v1.{minor}"),
            Self::Unknown | Self::Old | Self::Newest => String::new(),
        }
    }

    /// Returns `true` if the daemon may use a platform in the query of an inspect.
    #[must_use]
    pub fn has_platforms(self) -> bool {
        self != Self::Old
    }
}

/// The first minor version that reads an empty body as an empty document.
const EMPTY: u16 = 42;

/// Returns `true` if a daemon of this version, such as `1.51`, reads an empty body as an empty document.
/// Returns `None` for a malformed version.
#[must_use]
pub fn takes_empty_body(version: &[u8]) -> Option<bool> {
    let (major, minor) = numbers(version)?;
    Some((major, minor) >= (1, EMPTY))
}

fn numbers(version: &[u8]) -> Option<(u16, u16)> {
    let (major, minor) = str::from_utf8(version).ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Returns `true` if a create at `path` uses the platform in its query: unless the path has an older
/// version.
#[must_use]
pub fn heeds_platform(path: &[u8]) -> bool {
    has_version(path, CREATE)
}

/// Returns `true` unless `path` has an API version before 1.`minor`. Without a version, it is the daemon's
/// newest.
#[must_use]
pub fn has_version(path: &[u8], minor: u64) -> bool {
    let Some(version) = path.strip_prefix(b"/v") else { return true };
    let version = version.split(|&byte| byte == b'/').next().unwrap_or_default();
    let Ok(version) = str::from_utf8(version) else { return true };
    // A daemon compares the numbers between the dots, and reads other text as 0.
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap_or_default());
    if version.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        let given = (numbers.next(), numbers.next());
        given >= (Some(1), Some(minor))
    } else {
        true
    }
}

/// The first minor version in which a mount may be a part of a volume. Earlier daemons mount all of it. So does
/// Podman 5.4, which accepts later versions in the path, but reports 1.41.
const SUBPATH: u16 = 45;

/// Returns `true` if a daemon of this version, such as `1.51`, can mount a part of a volume.
#[must_use]
pub fn has_subpaths(version: &[u8]) -> bool {
    numbers(version).is_some_and(|version| version >= (1, SUBPATH))
}

/// Returns `true` if a create at `path` may mount a part of a volume: unless the path has an older version.
#[must_use]
pub fn takes_subpaths(path: &[u8]) -> bool {
    has_version(path, SUBPATH.into())
}

#[cfg(test)]
mod tests;
