//! Paths of sockets, and who may use them.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Fault, number};
use crate::rules::socket::File;

/// Bytes that the path of a UNIX socket may have: `sun_path` holds 108, one of them the final NUL.
pub const MAX_SOCKET_PATH: usize = 107;

/// The kernel follows no more symbolic links than this in one path.
const MAX_LINKS: usize = 40;

/// Who may connect to the listening socket, as far as the operator has said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketAccess {
    /// Permission bits, at most 0o777; without them those of the daemon's socket.
    pub mode: Option<u32>,
    /// Number of the owning user; without it the user that runs the proxy.
    pub owner: Option<u32>,
    /// Number of the owning group; without it that of the daemon's socket.
    pub group: Option<u32>,
}

/// Reads a path, or `unix://` and a path.
///
/// # Errors
///
/// Another scheme, no file name, too long for a socket, NUL.
pub fn socket_path(text: &OsStr) -> Result<PathBuf, Fault> {
    let bytes = text.as_bytes();
    let bytes = bytes.strip_prefix(b"unix://").unwrap_or(bytes);
    let path = PathBuf::from(OsStr::from_bytes(bytes));
    if bytes.windows(3).any(|part| part == b"://") {
        return Err(Fault::NotUnix(text.to_string_lossy().into_owned()));
    }
    if bytes.ends_with(b"/") || bytes.contains(&0) || path.file_name().is_none() {
        return Err(Fault::NotAFile(path));
    }
    if bytes.len() > MAX_SOCKET_PATH {
        return Err(Fault::PathTooLong(path));
    }
    Ok(path)
}

/// Whether two paths lead to the same socket: now, or once the missing one has been made.
#[must_use]
pub fn same_socket(one: &Path, other: &Path) -> bool {
    match (file_at(one), file_at(other)) {
        (None, None) => place(one) == place(other),
        (one, other) => one == other,
    }
}

/// The path of our own socket as it can be the source of a bind mount: absolute, and without the
/// `:` that ends a source.
///
/// # Errors
///
/// Other paths.
pub fn mountable(path: &Path) -> Result<String, Fault> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.to_str() {
        Some(text) if !text.contains(':') => Ok(text.to_owned()),
        _ => Err(Fault::NotMountable(absolute.to_string_lossy().into_owned())),
    }
}

/// What is at `path`, if anything is.
pub(super) fn file_at(path: &Path) -> Option<File> {
    fs::metadata(path).as_ref().map(file).ok()
}

fn file(meta: &Metadata) -> File {
    (meta.dev(), meta.ino())
}

/// Where a file is or would be made: symbolic links followed even if they lead to nothing yet,
/// and the directory without links and `..`.
pub(super) fn place(path: &Path) -> PathBuf {
    let mut path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            break;
        };
        path = path.parent().unwrap_or(&path).join(target);
    }
    match (path.parent().map(fs::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path,
    }
}

/// Reads the octal mode of a file, `660`, `0660` or `0o660`.
///
/// # Errors
///
/// Other forms, and bits above 0777.
pub fn mode(text: &str) -> Result<u32, Fault> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| octal && *mode <= 0o777)
        .ok_or_else(|| Fault::Mode(text.to_owned()))
}

/// The number of a user given by name or number.
///
/// # Errors
///
/// A name that `/etc/passwd` does not know, a number that no user can have.
pub fn owner(text: &str) -> Result<u32, Fault> {
    id("user", "/etc/passwd", text)
}

/// The number of a group given by name or number.
///
/// # Errors
///
/// A name that `/etc/group` does not know, a number that no group can have.
pub fn group(text: &str) -> Result<u32, Fault> {
    id("group", "/etc/group", text)
}

/// A group as a person knows it: `docker (998)`, or the number where `/etc/group` has no name for it.
#[must_use]
pub fn group_shown(group: u32) -> String {
    let names = fs::read("/etc/group").unwrap_or_default();
    match name_of(&String::from_utf8_lossy(&names), group) {
        Some(name) => format!("{} ({group})", name.escape_debug()),
        None => group.to_string(),
    }
}

fn id(kind: &'static str, file: &'static str, text: &str) -> Result<u32, Fault> {
    if let Some(id) = number(text) {
        // The largest number means "leave it" to chown.
        return u32::try_from(id)
            .ok()
            .filter(|id| *id != u32::MAX)
            .ok_or_else(|| Fault::ReservedId(text.to_owned()));
    }
    let why = |error: io::Error| Fault::Unreadable(file, error.to_string());
    // Bytes, since the comment field of a user need not be UTF-8.
    let names = fs::read(file).map_err(why)?;
    id_of(&String::from_utf8_lossy(&names), text).ok_or_else(|| Fault::UnknownName {
        kind,
        name: text.to_owned(),
        file,
    })
}

fn id_of(names: &str, wanted: &str) -> Option<u32> {
    entries(names).find_map(|(name, id)| (name == wanted).then_some(id))
}

fn name_of(names: &str, wanted: u32) -> Option<&str> {
    entries(names).find_map(|(name, id)| (id == wanted).then_some(name))
}

/// Names and numbers in lines of `name:password:number:...`, as passwd(5) and group(5) have them.
fn entries(names: &str) -> impl Iterator<Item = (&str, u32)> {
    names.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let id = fields.nth(1).and_then(number)?;
        Some((name, u32::try_from(id).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn path(text: &str) -> Result<PathBuf, Fault> {
        socket_path(OsStr::new(text))
    }

    #[test]
    fn socket_path_may_have_the_scheme_of_docker() {
        assert_eq!(path("/run/a.sock"), Ok("/run/a.sock".into()));
        assert_eq!(path("unix:///run/a.sock"), Ok("/run/a.sock".into()));
        assert_eq!(path("a.sock"), Ok("a.sock".into()));
    }

    #[test]
    fn socket_path_that_is_none_is_refused() {
        for text in ["tcp://localhost:2375", "unix://unix:///a"] {
            assert_eq!(path(text), Err(Fault::NotUnix(text.into())));
        }
        for text in ["", "/", "/run/", "/run/..", "/run/a\0b"] {
            assert_eq!(path(text), Err(Fault::NotAFile(text.into())));
        }
        assert_eq!(path("unix://"), Err(Fault::NotAFile("".into())));
    }

    #[test]
    fn socket_path_has_at_most_107_bytes() {
        let longest = format!("/{}", "x".repeat(106));
        assert!(path(&longest).is_ok());
        let longer = format!("{longest}x");
        assert_eq!(path(&longer), Err(Fault::PathTooLong(longer.into())));
    }

    #[test]
    fn the_same_socket_is_seen_through_links_and_dots_even_before_it_exists() {
        let root = std::env::temp_dir().join(format!("dcp-same-{}", std::process::id()));
        fs::create_dir_all(root.join("run")).unwrap();
        symlink("run", root.join("var")).unwrap();
        symlink("run/a", root.join("link")).unwrap();
        let same = |one: &str, other: &str| same_socket(&root.join(one), &root.join(other));
        let pairs = [("run/a", "var/a"), ("run/a", "run/../var/./a"), ("run/a", "link")];
        for (one, other) in pairs {
            assert!(same(one, other), "{one} and {other}, both missing");
        }
        assert!(!same("run/a", "run/b"));
        fs::write(root.join("run/a"), "").unwrap();
        for (one, other) in pairs {
            assert!(same(one, other), "{one} and {other}, both there");
        }
        assert!(!same("run/a", "run/b"));
        fs::hard_link(root.join("run/a"), root.join("run/b")).unwrap();
        assert!(same("run/a", "run/b"));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn mode_is_octal() {
        for text in ["660", "0660", "0o660"] {
            assert_eq!(mode(text), Ok(0o660));
        }
        for text in ["", "0o", "rw", "+660", "668", "1777", "77777777777777"] {
            assert_eq!(mode(text), Err(Fault::Mode(text.into())));
        }
    }

    #[test]
    fn names_are_looked_up_in_the_lines_of_the_file() {
        let groups = "# local\nroot:x:0:\nbroken\ndocker:x:998:ci,me\n+::::\n";
        assert_eq!(id_of(groups, "docker"), Some(998));
        assert_eq!(id_of(groups, "dock"), None);
        assert_eq!(id_of(groups, "broken"), None);
        assert_eq!(id_of(groups, ""), None);
        assert_eq!((name_of(groups, 998), name_of(groups, 999)), (Some("docker"), None));
        assert_eq!(group_shown(0), "root (0)");
        assert_eq!(group_shown(4_000_000_000), "4000000000");
    }

    #[test]
    fn owner_is_a_name_or_a_number() {
        assert_eq!(owner("root"), Ok(0));
        assert_eq!(group("1000"), Ok(1000));
        assert_eq!(owner("4294967295"), Err(Fault::ReservedId("4294967295".into())));
        let unknown = owner("no such user").unwrap_err().to_string();
        assert_eq!(unknown, "/etc/passwd knows no user \"no such user\"");
    }
}
