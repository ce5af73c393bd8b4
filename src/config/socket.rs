//! Paths, permissions and owners of sockets.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Invalid, number};

/// Maximum length of the path of a UNIX socket: `sun_path` has 108 bytes, including the final NUL.
pub const MAX_SOCKET_PATH: usize = 107;

/// Maximum number of symbolic links that the kernel follows in one path.
const MAX_LINKS: usize = 40;

/// Permissions and owners of a listening socket, as far as the operator has set them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketAccess {
    /// Permission bits, at most 0o777; defaults to those of the daemon's socket.
    pub mode: Option<u32>,
    /// Number of the owning user; defaults to the user that runs the proxy.
    pub owner: Option<u32>,
    /// Number of the owning group; defaults to that of the daemon's socket.
    pub group: Option<u32>,
}

/// Reads a path, with or without `unix://` before it.
///
/// # Errors
///
/// Another scheme, no file name, a path too long for a socket, NUL.
pub fn socket_path(text: &OsStr) -> Result<PathBuf, Invalid> {
    let bytes = text.as_bytes();
    let bytes = bytes.strip_prefix(b"unix://").unwrap_or(bytes);
    let path = PathBuf::from(OsStr::from_bytes(bytes));
    if bytes.windows(3).any(|part| part == b"://") {
        return Err(Invalid::NotUnix(text.to_string_lossy().into_owned()));
    }
    if bytes.ends_with(b"/") || bytes.contains(&0) || path.file_name().is_none() {
        return Err(Invalid::NotAFile(path));
    }
    if bytes.len() > MAX_SOCKET_PATH {
        return Err(Invalid::PathTooLong(path));
    }
    Ok(path)
}

/// Returns `true` if two paths lead to the same socket, now or once the missing one exists.
#[must_use]
pub fn same_socket(one: &Path, other: &Path) -> bool {
    Spot::of(one) == Spot::of(other)
}

/// The identity of a socket, which is the same under all its paths.
#[derive(Debug, PartialEq, Eq)]
pub enum Spot {
    /// Its file.
    File(File),
    /// The path where it will be.
    Place(PathBuf),
}

impl Spot {
    /// Looks at a path.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        file_at(path).map_or_else(|| Self::Place(place(path)), Self::File)
    }
}

/// Returns the path of the listening socket as the source of a bind mount: absolute, and without `:`,
/// which would end the source.
///
/// # Errors
///
/// Other paths.
pub fn mountable(path: &Path) -> Result<String, Invalid> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match absolute.to_str() {
        Some(text) if !text.contains(':') => Ok(text.to_owned()),
        _ => Err(Invalid::NotMountable(absolute.to_string_lossy().into_owned())),
    }
}

/// Device and inode: they make a file the same one under all its names, as for hard links and bind
/// mounts.
pub type File = (u64, u64);

/// Returns the identity of the file at `path`, if there is one.
pub(crate) fn file_at(path: &Path) -> Option<File> {
    fs::metadata(path).as_ref().map(file).ok()
}

fn file(meta: &Metadata) -> File {
    (meta.dev(), meta.ino())
}

/// Returns the path where a file is or would be created. Follows symbolic links even if their target does
/// not exist, and resolves links and `..` in the directory.
pub(crate) fn place(path: &Path) -> PathBuf {
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

/// The names of users.
pub const PASSWD: &str = "/etc/passwd";

/// Reads an octal file mode: `660`, `0660` or `0o660`.
///
/// # Errors
///
/// Other forms, and bits above 0777.
pub fn mode(text: &str) -> Result<u32, Invalid> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let octal = !digits.is_empty() && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| octal && *mode <= 0o777)
        .ok_or_else(|| Invalid::Mode(text.to_owned()))
}

/// Returns the number of a user, given by name or number.
///
/// # Errors
///
/// A name that is not in `/etc/passwd`, and the number that the kernel reserves.
pub fn owner(text: &str) -> Result<u32, Invalid> {
    id("user", PASSWD, text)
}

/// Returns the number of a group, given by name or number.
///
/// # Errors
///
/// A name that is not in `/etc/group`, and the number that the kernel reserves.
pub fn group(text: &str) -> Result<u32, Invalid> {
    id("group", "/etc/group", text)
}

/// Describes a group by name and number, `docker (998)`, or by its number if `/etc/group` has no name.
#[must_use]
pub fn group_shown(group: u32) -> String {
    let names = fs::read("/etc/group").unwrap_or_default();
    match name_of(&String::from_utf8_lossy(&names), group) {
        Some(name) => format!("{} ({group})", name.escape_debug()),
        None => group.to_string(),
    }
}

/// Returns the name of a user in [`PASSWD`], if it has one.
///
/// # Errors
///
/// The file cannot be read. A file that does not exist has no names.
pub fn user_name(user: u32) -> io::Result<Option<String>> {
    match fs::read(PASSWD) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        names => Ok(name_of(&String::from_utf8_lossy(&names?), user).map(ToOwned::to_owned)),
    }
}

fn id(kind: &'static str, file: &'static str, text: &str) -> Result<u32, Invalid> {
    if let Some(id) = number(text) {
        // For chown, the largest number means "unchanged".
        return u32::try_from(id)
            .ok()
            .filter(|id| *id != u32::MAX)
            .ok_or_else(|| Invalid::ReservedId(text.to_owned()));
    }
    let why = |error: io::Error| Invalid::Unreadable(file, error.to_string());
    // Lossy, since the comment field of a user need not be UTF-8.
    let names = fs::read(file).map_err(why)?;
    id_of(&String::from_utf8_lossy(&names), text).ok_or_else(|| Invalid::UnknownName {
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

/// Reads names and numbers from lines `name:password:number:...`, the format of passwd(5) and group(5).
fn entries(names: &str) -> impl Iterator<Item = (&str, u32)> {
    names.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let id = fields.nth(1).and_then(number)?;
        Some((name, u32::try_from(id).ok()?))
    })
}

#[cfg(test)]
mod tests;
