//! Whether a path of the host is the daemon's socket, under whatever name.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxFlags, makedev, openat2, stat, statx,
};
use rustix::io::Errno;

use super::socket::{file_at, place};
use super::words;
use crate::rules::socket::{Blind, File, Look, LookAt, Relation, Seen};

/// Knows the socket of the `daemon` under all its names: through links, `..`, hard links, and, where
/// this program runs in a container and cannot see the host's files, as it was spelt to us.
#[must_use]
pub(super) fn look(daemon: PathBuf) -> Look {
    let spelt = plain(cleaned(&daemon)).into_owned();
    Look::new(DaemonSocket { path: daemon, spelt })
}

struct DaemonSocket {
    path: PathBuf,
    /// The path by its name alone.
    spelt: PathBuf,
}

impl LookAt for DaemonSocket {
    fn at_once(&self, path: &str, seen: &Seen) -> Option<Relation> {
        let found = |path: &Path| self.is_at(seen, there_at_once(path)?);
        self.relation(path, |path| found(path).ok_or(())).ok()
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        let seen = Seen::default();
        self.relation(path, |path| {
            let is_at = self.is_at(&seen, there(path)?);
            Ok(is_at.unwrap_or_else(|| self.is_to_be_at(path)))
        })
    }
}

impl DaemonSocket {
    /// What `path` is to the socket, by what `find` tells of what is there.
    fn relation<E>(
        &self,
        path: &str,
        find: impl Fn(&Path) -> Result<Relation, E>,
    ) -> Result<Relation, E> {
        let written = Path::new(path);
        let cleaned = cleaned(written);
        // Docker cleans a source before it follows links, others may not: `link/../x` can be two files.
        let other = (cleaned.as_os_str() != written.as_os_str()).then_some(written);
        let followed = other.map_or(Ok(Relation::Other), &find)?;
        let found = find(&cleaned)?.max(followed);
        Ok(found.max(spelt_relation(&plain(cleaned), &self.spelt)))
    }

    /// What a path, at which something is `there`, is to the socket; `None` if nothing is, and the daemon
    /// has not made its socket either.
    fn is_at(&self, seen: &Seen, there: There) -> Option<Relation> {
        let socket = || *seen.socket.get_or_init(|| file_at(&self.path));
        match there {
            There::Directory(directory) => {
                let above = seen.above.get_or_init(|| above(&self.path));
                Some(if above.contains(&directory) { Relation::Above } else { Relation::Other })
            }
            There::File(file) if socket() == Some(file) => Some(Relation::Socket),
            There::Nothing if socket().is_none() => None,
            There::File(_) | There::Nothing => Some(Relation::Other),
        }
    }

    /// What `path`, at which nothing is, will be: it may be a link to the socket.
    fn is_to_be_at(&self, path: &Path) -> Relation {
        if place(path) == place(&self.path) { Relation::Socket } else { Relation::Other }
    }
}

/// What is at a path.
#[derive(Clone, Copy)]
enum There {
    Directory(File),
    File(File),
    Nothing,
}

/// Waits for disks and servers.
fn there(path: &Path) -> Result<There, Blind> {
    match stat(path) {
        Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
            Ok(There::Directory((found.st_dev, found.st_ino)))
        }
        Ok(found) => Ok(There::File((found.st_dev, found.st_ino))),
        Err(error) if leads_nowhere(error) => Ok(There::Nothing),
        Err(error) => Err(Blind::Failed(words(&error.into()))),
    }
}

/// Whether this says that a path leads to nothing, or to nothing that we may see; all else says that a
/// file system fails. With a NUL byte a path is invalid.
fn leads_nowhere(error: Errno) -> bool {
    use Errno as E;
    matches!(error, E::NOENT | E::NOTDIR | E::ACCESS | E::LOOP | E::NAMETOOLONG | E::INVAL)
}

/// As far as the kernel has it in memory, and need ask nobody whether it still is so; else `None`, as with
/// kernels before Linux 5.12.
fn there_at_once(path: &Path) -> Option<There> {
    let (flags, resolve) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::CACHED);
    let opened = match openat2(CWD, path, flags, Mode::empty(), resolve) {
        // Kernels that do not know the flag say this, too.
        Err(Errno::INVAL) => return None,
        Err(error) if leads_nowhere(error) => return Some(There::Nothing),
        opened => opened.ok()?,
    };
    let (flags, wanted) = (AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
    let found = statx(opened, "", flags, wanted | StatxFlags::INO).ok()?;
    let file = (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino);
    let is_directory = FileType::from_raw_mode(found.stx_mode.into()) == FileType::Directory;
    Some(if is_directory { There::Directory(file) } else { There::File(file) })
}

/// The directories in which the socket of the `daemon` is.
fn above(daemon: &Path) -> Vec<File> {
    place(daemon).ancestors().skip(1).filter_map(file_at).collect()
}

/// What a path is to the socket by its name alone; both are plain.
fn spelt_relation(path: &Path, socket: &Path) -> Relation {
    let (path, socket) = (path.as_os_str().as_bytes(), socket.as_os_str().as_bytes());
    match socket.strip_prefix(path) {
        Some([]) => Relation::Socket,
        Some([b'/', ..]) => Relation::Above,
        Some(_) if path == b"/" => Relation::Above,
        Some(_) | None => Relation::Other,
    }
}

/// `path` without `.`, `..` and needless slashes, without a look at links.
fn cleaned(path: &Path) -> Cow<'_, Path> {
    let bytes = path.as_os_str().as_bytes();
    // Most are clean.
    let is_clean = |pair: &[u8]| !matches!(pair, b"//" | b"/.");
    if bytes.starts_with(b"/") && !bytes.ends_with(b"/") && bytes.windows(2).all(is_clean) {
        return path.into();
    }
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(cleaned.pop()),
            Component::CurDir => {}
            part => cleaned.push(part),
        }
    }
    cleaned.into()
}

/// A cleaned path with `/run` for `/var/run`, which is a link to it nearly everywhere.
fn plain(cleaned: Cow<'_, Path>) -> Cow<'_, Path> {
    match cleaned.as_os_str().as_bytes().strip_prefix(b"/var/run") {
        Some(rest @ ([] | [b'/', ..])) => {
            let plain = [b"/run", rest].concat();
            PathBuf::from(OsString::from_vec(plain)).into()
        }
        Some(_) | None => cleaned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// What `path` is; the same at once and at last, if it can be told at once.
    fn at(look: &Look, path: &str) -> Relation {
        let last = look.at_last(path).unwrap();
        assert_eq!(look.at_once(path, &Seen::default()).unwrap_or(last), last, "{path}");
        last
    }

    #[test]
    fn the_daemons_socket_is_known_under_all_its_names() {
        let dir = std::env::temp_dir().join(format!("dcp-look-{}", std::process::id()));
        fs::create_dir_all(dir.join("in")).unwrap();
        let socket = dir.join("in/docker.sock");
        let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        symlink(&socket, dir.join("link")).unwrap();
        symlink(dir.join("in"), dir.join("folder")).unwrap();
        fs::hard_link(&socket, dir.join("hard")).unwrap();
        let look = look(socket);
        let named = |name: &str| at(&look, dir.join(name).to_str().unwrap());
        for name in
            ["in/docker.sock", "in/../in//./docker.sock", "link", "folder/docker.sock", "hard"]
        {
            assert_eq!(named(name), Relation::Socket, "{name}");
        }
        for name in ["in", "", "folder", "in/.."] {
            assert_eq!(named(name), Relation::Above, "{name}");
        }
        assert_eq!(named("other"), Relation::Other);
        assert_eq!(at(&look, "/"), Relation::Above);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_path_that_two_readers_follow_to_two_files_is_the_socket_if_one_is() {
        let dir = std::env::temp_dir().join(format!("dcp-two-{}", std::process::id()));
        fs::create_dir_all(dir.join("in/deep/er")).unwrap();
        fs::create_dir_all(dir.join("run")).unwrap();
        let socket = dir.join("run/docker.sock");
        let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        symlink(dir.join("in/deep"), dir.join("away")).unwrap();
        symlink(dir.join("in/deep/er"), dir.join("in/away")).unwrap();
        for name in ["cleaned", "in/followed", "in/run"] {
            symlink(&socket, dir.join(name)).unwrap();
        }
        let look = look(socket);
        let named = |name: &str| at(&look, dir.join(name).to_str().unwrap());
        assert_eq!(named("away/../cleaned"), Relation::Socket);
        assert_eq!(named("away/../followed"), Relation::Socket);
        // Cleaned, this is the folder above the socket.
        assert_eq!(named("in/away/../../run"), Relation::Socket);
        assert_eq!(named("run/docker.sock/"), Relation::Socket);
        assert_eq!(named("away/../other"), Relation::Other);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_socket_that_cannot_be_seen_is_known_as_it_was_spelt() {
        let look = look("/var/run/nowhere/docker.sock".into());
        let at = |path: &str| at(&look, path);
        for path in [
            "/var/run/nowhere/docker.sock",
            "/run/nowhere/docker.sock",
            "/var/run/x/../nowhere/docker.sock",
        ] {
            assert_eq!(at(path), Relation::Socket, "{path}");
        }
        assert_eq!(at("/run/nowhere"), Relation::Above);
        assert_eq!(at("/nowhere/docker.sock"), Relation::Other);
    }

    #[test]
    fn what_leads_nowhere_is_told_from_what_fails() {
        let look = look("/etc/passwd".into());
        let long = format!("/{}", "x".repeat(5000));
        for path in ["/nowhere/x", "/etc/passwd/x", "/proc/self/fd/x", "/nul\0/x", &long] {
            assert_eq!(at(&look, path), Relation::Other, "{path:?}");
        }
        // Nobody is asked whether a name is too long.
        assert_eq!(look.at_once(&long, &Seen::default()), Some(Relation::Other));
        assert!(
            [Errno::IO, Errno::STALE, Errno::TIMEDOUT, Errno::INTR, Errno::NOTCONN]
                .into_iter()
                .all(|error| !leads_nowhere(error))
        );
    }
}
