//! Paths in containers.

/// Returns `path` without empty parts, `.` and `..`, as the daemon compares mount points.
pub(in crate::rules) fn clean(path: impl AsRef<str>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_ref().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
