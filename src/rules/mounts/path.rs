//! Paths in containers.

use std::borrow::Cow;

/// Returns `path` without empty parts, `.` and `..`, as the daemon compares mount points.
pub(in crate::rules) fn clean(path: impl AsRef<str>) -> String {
    cleaned(path.as_ref()).into_owned()
}

/// Does the same as [`clean`], without a copy of a path that is clean, as most are.
pub(in crate::rules) fn cleaned(path: &str) -> Cow<'_, str> {
    let bytes = path.as_bytes();
    let is_clean = |pair: &[u8]| !matches!(pair, b"//" | b"/.");
    if bytes.starts_with(b"/") && !bytes.ends_with(b"/") && bytes.windows(2).all(is_clean) {
        return Cow::Borrowed(path);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}
