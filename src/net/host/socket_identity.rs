//! The relations of host paths to the daemon's socket, under all its names.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::OsString;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, RawMode, ResolveFlags, StatxFlags, makedev, openat2,
    stat, statx,
};
use rustix::io::Errno;

use crate::config::socket::{File, file_at, place};
use crate::config::words;
use crate::proxy::Blind;
use crate::rules::paths::{joined, parts};
use crate::rules::socket::Relation;

/// Finds the relations of absolute host paths to the daemon's socket.
pub trait LookAt: Send + Sync {
    /// Returns the relation of `path`, or `None` if finding it could block on a disk or a server.
    fn at_once(&self, path: &str, seen: &Seen) -> Option<Relation>;

    /// Returns the relation of `path`. This may block.
    ///
    /// # Errors
    /// The file system fails.
    fn at_last(&self, path: &str) -> Result<Relation, Blind>;
}

/// The file system, or the stand-in of a test.
#[derive(Clone)]
pub struct SocketIdentity(Arc<dyn LookAt>);

/// Facts about the sockets for one request, so that they are looked up only once.
#[derive(Debug, Default)]
pub struct Seen {
    /// The sockets that exist, and whether one does not.
    sockets: OnceCell<(Vec<File>, bool)>,
    /// The directories that contain them.
    above: OnceCell<Vec<File>>,
}

impl SocketIdentity {
    /// Finds relations by `look`.
    pub fn new(look: impl LookAt + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// Recognizes the socket of the `daemon` under all its names: through links, `..` and hard links. If this
    /// program runs in a container and cannot see the host's files, it compares the spelling of paths.
    #[must_use]
    pub fn for_socket(daemon: PathBuf) -> Self {
        Self::for_sockets([daemon], &[])
    }

    /// The same for several sockets that clients must not reach by a mount: those of all daemons, and the
    /// listening sockets of other rules. The `folders` and everything in them count as sockets, too.
    #[must_use]
    pub fn for_sockets(sockets: impl IntoIterator<Item = PathBuf>, folders: &[PathBuf]) -> Self {
        let known = |path: PathBuf| KnownSocket { spelt: plain(cleaned(&path)).into_owned(), path };
        let folders = folders.iter().map(|path| plain(cleaned(path)).into_owned()).collect();
        Self::new(KnownSockets { sockets: sockets.into_iter().map(known).collect(), folders })
    }
}

/// The stand-in of a test.
#[cfg(test)]
impl<F: Fn(&str) -> Relation + Send + Sync> LookAt for F {
    fn at_once(&self, path: &str, _: &Seen) -> Option<Relation> {
        Some(self(path))
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        Ok(self(path))
    }
}

impl Deref for SocketIdentity {
    type Target = dyn LookAt;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for SocketIdentity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SocketIdentity")
    }
}

struct KnownSockets {
    sockets: Vec<KnownSocket>,
    /// The directories of sockets for containers.
    folders: Vec<PathBuf>,
}

struct KnownSocket {
    path: PathBuf,
    /// The path by its spelling.
    spelt: PathBuf,
}

impl LookAt for KnownSockets {
    fn at_once(&self, path: &str, seen: &Seen) -> Option<Relation> {
        let found = |path: &Path| self.is_at(seen, there_at_once(path)?);
        let relation = |path: &str| self.relation(path, |path| found(path).ok_or(())).ok();
        match parts(path) {
            None => relation(path),
            Some((root, rest)) => {
                Some(relation(&joined(root, rest))?.max(below_at_once(root, rest)?))
            }
        }
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        let seen = Seen::default();
        let relation = |path: &str| {
            self.relation(path, |path| {
                let is_at = self.is_at(&seen, there(path)?);
                Ok(is_at.unwrap_or_else(|| self.is_to_be_at(path)))
            })
        };
        match parts(path) {
            None => relation(path),
            Some((root, rest)) => Ok(relation(&joined(root, rest))?.max(below(root, rest))),
        }
    }
}

impl KnownSockets {
    /// Returns the relation of `path` to the sockets; `find` returns that of the file there.
    fn relation<E>(
        &self,
        path: &str,
        find: impl Fn(&Path) -> Result<Relation, E>,
    ) -> Result<Relation, E> {
        let written = Path::new(path);
        let cleaned = cleaned(written);
        // Docker cleans a source before it follows links, other daemons may not: `link/../x` can be two files.
        let other = (cleaned.as_os_str() != written.as_os_str()).then_some(written);
        let followed = other.map_or(Ok(Relation::Other), &find)?;
        let found = find(&cleaned)?.max(followed);
        let cleaned = plain(cleaned);
        let sockets = self.sockets.iter().map(|socket| spelt_relation(&cleaned, &socket.spelt));
        let folders = self.folders.iter().map(|folder| match spelt_relation(&cleaned, folder) {
            _ if cleaned.starts_with(folder) => Relation::Socket,
            relation => relation,
        });
        Ok(found.max(sockets.chain(folders).max().unwrap_or(Relation::Other)))
    }

    /// Returns the relation of the file `there` to the sockets. Returns `None` if it depends on the path: if it does
    /// not exist, nor does one of them, or if it is another socket.
    fn is_at(&self, seen: &Seen, there: There) -> Option<Relation> {
        let (sockets, lacks) = seen.sockets.get_or_init(|| {
            let found: Vec<_> =
                self.sockets.iter().filter_map(|socket| file_at(&socket.path)).collect();
            let lacks = found.len() < self.sockets.len();
            (found, lacks)
        });
        match there {
            // Its sockets are those of all containers.
            There::Directory(directory) if self.folder_files().any(|file| file == directory) => {
                Some(Relation::Socket)
            }
            There::Directory(directory) => {
                let above = seen.above.get_or_init(|| {
                    self.sockets.iter().flat_map(|socket| above(&socket.path)).collect()
                });
                Some(if above.contains(&directory) { Relation::Above } else { Relation::Other })
            }
            There::File(file) | There::Socket(file) if sockets.contains(&file) => {
                Some(Relation::Socket)
            }
            There::Nothing if *lacks => None,
            // The path may be a link to one in a folder.
            There::Socket(_) if !self.folders.is_empty() => None,
            There::File(_) | There::Socket(_) | There::Nothing => Some(Relation::Other),
        }
    }

    /// Returns the folders that exist.
    fn folder_files(&self) -> impl Iterator<Item = File> {
        self.folders.iter().filter_map(|folder| file_at(folder))
    }

    /// Returns the relation of a socket or of a missing file at `path`, which may be a link to a missing socket, or
    /// to one in a folder.
    fn is_to_be_at(&self, path: &Path) -> Relation {
        let folder = |path: &Path| path.parent().and_then(file_at);
        let real = fs::canonicalize(path).ok();
        let own = [folder(path), real.as_deref().and_then(folder)];
        if self.folder_files().any(|file| own.contains(&Some(file))) {
            return Relation::Socket;
        }
        let place_of = place(path);
        let is_at = |socket: &KnownSocket| place(&socket.path) == place_of;
        if self.sockets.iter().any(is_at) { Relation::Socket } else { Relation::Other }
    }
}

/// The file at a path.
#[derive(Clone, Copy)]
enum There {
    Directory(File),
    File(File),
    Socket(File),
    Nothing,
}

impl There {
    fn of(mode: RawMode, file: File) -> Self {
        match FileType::from_raw_mode(mode) {
            FileType::Directory => Self::Directory(file),
            FileType::Socket => Self::Socket(file),
            _ => Self::File(file),
        }
    }
}

/// Returns the file at a path. This may block on disks and servers.
fn there(path: &Path) -> Result<There, Blind> {
    match stat(path) {
        Ok(found) => Ok(There::of(found.st_mode, (found.st_dev, found.st_ino))),
        Err(error) if leads_nowhere(error) => Ok(There::Nothing),
        Err(error) => Err(Blind::Failed(words(&error.into()))),
    }
}

/// Returns `true` if the error means that no accessible file exists at a path; others are failures of the
/// file system. A path with a NUL byte is invalid.
fn leads_nowhere(error: Errno) -> bool {
    use Errno as E;
    matches!(error, E::NOENT | E::NOTDIR | E::ACCESS | E::LOOP | E::NAMETOOLONG | E::INVAL)
}

/// Returns the file at a path from the kernel's cache only, without revalidation by a server. Returns `None`
/// if the cache does not suffice, and before Linux 5.12.
fn there_at_once(path: &Path) -> Option<There> {
    let (flags, resolve) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::CACHED);
    let opened = match openat2(CWD, path, flags, Mode::empty(), resolve) {
        // Kernels that do not know the flag also return this.
        Err(Errno::INVAL) => return None,
        Err(error) if leads_nowhere(error) => return Some(There::Nothing),
        opened => opened.ok()?,
    };
    let (flags, wanted) = (AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE);
    let found = statx(opened, "", flags, wanted | StatxFlags::INO).ok()?;
    let file = (makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino);
    Some(There::of(found.stx_mode.into(), file))
}

/// Returns whether the path `rest` below `root` is [missing](Relation::Missing), or leads
/// [out of it](Relation::Beyond). A link that stays below `root` leads to the same file in the caller's view.
/// This may block.
fn below(root: &str, rest: &str) -> Relation {
    let path = Path::new(root).join(rest);
    // The daemon makes what is missing, behind the links before it.
    let there = path.ancestors().find(|path| fs::symlink_metadata(path).is_ok());
    let Some((there, root)) = there.zip(fs::canonicalize(root).ok()) else {
        return Relation::Missing;
    };
    // Nothing may be behind a link, yet.
    let is_below = fs::canonicalize(there).is_ok_and(|real| real.starts_with(root));
    match is_below {
        true if there == path => Relation::Other,
        true => Relation::Missing,
        false => Relation::Beyond,
    }
}

/// Does the same as [`below`] from the kernel's cache only. Returns `None` if the cache does not suffice, for
/// other links than relative ones below `root`, and before Linux 5.12.
fn below_at_once(root: &str, rest: &str) -> Option<Relation> {
    let (flags, cached) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::CACHED);
    let open = |dir: BorrowedFd<'_>, path: &str, resolve| match openat2(
        dir,
        path,
        flags,
        Mode::empty(),
        resolve,
    ) {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Some(None),
        opened => Some(Some(opened.ok()?)),
    };
    let there = match open(CWD, root, cached)? {
        Some(root) => open(root.as_fd(), rest, cached | ResolveFlags::BENEATH)?,
        None => None,
    };
    Some(if there.is_some() { Relation::Other } else { Relation::Missing })
}

/// Returns the directories that contain the `socket`.
fn above(socket: &Path) -> Vec<File> {
    place(socket).ancestors().skip(1).filter_map(file_at).collect()
}

/// Returns the relation of a path to the socket by their spelling; both are plain.
fn spelt_relation(path: &Path, socket: &Path) -> Relation {
    let (path, socket) = (path.as_os_str().as_bytes(), socket.as_os_str().as_bytes());
    match socket.strip_prefix(path) {
        Some([]) => Relation::Socket,
        Some([b'/', ..]) => Relation::Above,
        Some(_) if path == b"/" => Relation::Above,
        Some(_) | None => Relation::Other,
    }
}

/// Returns `path` without `.`, `..` and extra slashes. Links are not followed.
fn cleaned(path: &Path) -> Cow<'_, Path> {
    let bytes = path.as_os_str().as_bytes();
    // Most paths are clean.
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

/// Returns a cleaned path with `/run` for `/var/run`, which is a link to it nearly everywhere.
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
mod tests;
