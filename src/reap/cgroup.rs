//! The cgroup parents of removed containers, which the daemon makes but never removes.

/// The daemon's own parent, unless it is configured otherwise.
const DEFAULT: &str = "/docker";

/// The files of limits, each with the values of a cgroup that limits nothing.
pub const LIMITS: &[(&str, &[&str])] = &[
    ("memory.max", &["max"]),
    ("memory.high", &["max"]),
    ("memory.swap.max", &["max"]),
    ("memory.low", &["0"]),
    ("memory.min", &["0"]),
    ("pids.max", &["max"]),
    ("cpu.max", &["max 100000"]),
    ("cpu.weight", &["100"]),
    ("io.max", &[""]),
    // The others are of version 1.
    ("memory.limit_in_bytes", UNLIMITED),
    ("memory.soft_limit_in_bytes", UNLIMITED),
    ("memory.memsw.limit_in_bytes", UNLIMITED),
    ("cpu.cfs_quota_us", &["-1"]),
    ("cpu.shares", &["1024"]),
];

/// The greatest number of bytes, in whole pages of 4, 16 or 64 KiB.
const UNLIMITED: &[&str] = &["9223372036854771712", "9223372036854759424", "9223372036854710272"];

/// The cgroups that engines make in a parent and never remove: `BuildKit` for its build steps, Podman for the
/// monitors of its containers.
pub const REMAINS: &[&str] = &["buildkit", "conmon"];

/// Returns the path of a container's cgroup parent below the root of a hierarchy, if it may be removed once it is
/// empty.
#[must_use]
pub fn removable(parent: &str) -> Option<&str> {
    let path = parent.strip_prefix('/')?.trim_end_matches('/');
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_plain && parent.trim_end_matches('/') != DEFAULT).then_some(path)
}

/// Returns `true` if a file of a cgroup has a limit, which somebody prepared.
#[must_use]
pub fn limits(file: &str, content: &str) -> bool {
    let row = LIMITS.iter().find(|(name, _)| *name == file);
    row.is_some_and(|(_, free)| !free.contains(&content.trim()))
}

#[cfg(test)]
mod tests;
