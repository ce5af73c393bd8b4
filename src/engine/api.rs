//! Versions of the Engine API, as far as requests of our own depend on them.

/// The version in which a daemon is asked about an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Api {
    /// The daemon's version is not known yet. Nothing stands in the path, which a daemon takes for its
    /// newest version, and the platform in the query, which an older one ignores.
    #[default]
    Unknown,
    /// The daemon is older than [`PLATFORM`]: nothing stands in the path, and no platform in the query.
    Old,
    /// Version 1 with this minor number stands in the path.
    Minor(u16),
    /// The daemon has no version that we know. It is asked as an unknown one is.
    Newest,
}

/// The first minor version whose inspect of an image takes a platform.
const PLATFORM: u16 = 49;

/// The last minor version whose inspect of an image does not verify its signatures, which may take
/// seconds.
const UNSIGNED: u16 = 52;

/// The first minor version that creates a container for the platform in the query.
const CREATE: u64 = 41;

impl Api {
    /// Returns the version to ask in, by the daemon's own version, such as `1.51`.
    #[must_use]
    pub fn of(version: &[u8]) -> Self {
        match numbers(version) {
            Some((1, minor)) if minor >= PLATFORM => Self::Minor(minor.min(UNSIGNED)),
            Some((0 | 1, _)) => Self::Old,
            Some(_) => Self::Newest,
            None => Self::Unknown,
        }
    }

    /// Returns the beginning of the path.
    #[must_use]
    pub fn prefix(self) -> String {
        match self {
            Self::Minor(minor) => format!("/v1.{minor}"),
            Self::Unknown | Self::Old | Self::Newest => String::new(),
        }
    }

    /// Reports whether the daemon describes an image for a platform in the query, or may do so.
    #[must_use]
    pub fn has_platforms(self) -> bool {
        self != Self::Old
    }
}

/// The first minor version that takes an empty body for an empty document.
const EMPTY: u16 = 42;

/// Reports whether a daemon of this version, such as `1.51`, takes an empty body for an empty document. `None`
/// if that is no version.
#[must_use]
pub fn takes_empty_body(version: &[u8]) -> Option<bool> {
    let (major, minor) = numbers(version)?;
    Some((major, minor) >= (1, EMPTY))
}

fn numbers(version: &[u8]) -> Option<(u16, u16)> {
    let (major, minor) = str::from_utf8(version).ok()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Reports whether a create at `path` heeds the platform in its query: not if an older version stands
/// in the path.
#[must_use]
pub fn heeds_platform(path: &[u8]) -> bool {
    let Some(version) = path.strip_prefix(b"/v") else { return true };
    let version = version.split(|&byte| byte == b'/').next().unwrap_or_default();
    let Ok(version) = str::from_utf8(version) else { return true };
    // A daemon compares the numbers between the dots; it takes what is none for 0.
    let mut numbers = version.split('.').map(|number| number.parse::<u64>().unwrap_or_default());
    if version.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        let (major, minor) = (numbers.next(), numbers.next());
        (major, minor) >= (Some(1), Some(CREATE))
    } else {
        true
    }
}

#[cfg(test)]
mod tests;
