//! Listening sockets. A socket of the proxy never replaces that of a live program, is never open to more
//! users than configured, and is removed at the end if no other program has replaced it. Passed sockets
//! are only listened on.

mod error;

use std::fs::{self, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use rustix::fs::{Access, Mode};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

pub use self::error::Error;
use crate::config::SocketAccess;

/// Maximum number of connections that wait to be accepted. The kernel uses `net.core.somaxconn` if that is
/// less, 4096 since Linux 5.4. If the queue is full, connecting fails with EAGAIN, and Docker's CLI does not
/// try again.
const BACKLOG: i32 = 4096;

/// The mode if the daemon's socket does not exist: dockerd's default.
const DEFAULT_MODE: u32 = 0o660;

/// A listening UNIX socket.
#[derive(Debug)]
pub struct Listener {
    /// The first field, so that it is dropped first: a file that outlives its socket looks stale, and a
    /// successor could replace it before it is removed.
    file: File,
    socket: UnixListener,
    /// The name that the service manager gave it; may be empty.
    name: String,
}

/// The file of a listening socket.
#[derive(Debug)]
enum File {
    /// This program created it, and removes it on drop.
    Own(SocketFile),
    /// The program that passed the socket created it, and keeps it.
    Passed(PathBuf),
}

impl Listener {
    /// Makes the socket at `path`. The parts of `access` that are not set are those of the `daemon`'s
    /// socket. If that does not exist, the mode is 0660 and the group that of the process.
    ///
    /// # Errors
    ///
    /// Another file exists at `path`, another process listens there, the directory does not exist, or the
    /// kernel refuses a step.
    pub fn bind(path: &Path, access: SocketAccess, daemon: &Path) -> Result<Self, Error> {
        make_room(path)?;
        let failed = |step| move |error: Errno| Error::failed(step, path, error.into());
        let socket = new_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
            .map_err(failed("make a socket for"))?;
        // Linux gives the file the mode of the unbound socket. Unlike the umask, this does not affect
        // files of other threads.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR).map_err(failed("protect"))?;
        let address = SocketAddrUnix::new(path).map_err(failed("use the path"))?;
        rustix::net::bind(&socket, &address).map_err(|errno| bind_error(path, errno))?;
        // From here on a failure removes the file again.
        let file = SocketFile::at(path)?;
        // At once, since a bound socket without a listener looks stale to another process.
        rustix::net::listen(&socket, BACKLOG).map_err(failed("listen on"))?;
        open_to(path, access, daemon)?;
        let socket = UnixListener::from_std(socket.into());
        Ok(Self { file: File::Own(file), socket, name: String::new() })
    }

    /// Uses a socket that another program made, bound and opened to its users. That program keeps the file.
    ///
    /// # Errors
    ///
    /// The socket does not listen, has no path, or cannot be made non-blocking.
    pub fn passed(socket: std::os::unix::net::UnixListener) -> io::Result<Self> {
        let unfit = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(unfit("it does not listen"));
        }
        let address = socket.local_addr()?;
        let path = address.as_pathname().ok_or_else(|| unfit("it has no path"))?;
        let file = File::Passed(std::path::absolute(path)?);
        socket.set_nonblocking(true)?;
        Ok(Self { file, socket: UnixListener::from_std(socket), name: String::new() })
    }

    /// Gives it the name that the service manager gave it.
    pub(in crate::net) fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Returns the name that the service manager gave it; may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `true` if the listener with this name and path is to be served by this socket. A service manager
    /// passes sockets by name; an `only` listener gets all of them.
    #[must_use]
    pub fn is_of(&self, name: &str, path: &Path, only: bool) -> bool {
        match &self.file {
            File::Passed(_) => only || self.name == name,
            File::Own(file) => std::path::absolute(path).is_ok_and(|path| path == file.path),
        }
    }

    /// Treats the file of this device and inode as created by this program, if one is given. Its removal is
    /// [left](Self::leave_file) to the earlier process.
    pub(in crate::net) fn with_file(mut self, file: Option<(u64, u64)>) -> Self {
        if let (Some(identity), File::Passed(path)) = (file, &self.file) {
            self.file = File::Own(SocketFile { path: path.clone(), identity, left: true });
        }
        self
    }

    /// Treats the socket file at its path as created by this program, if there is one. It is not removed on
    /// drop, since the service manager may keep the socket.
    pub(in crate::net) fn with_file_in_place(self) -> Self {
        let meta = fs::symlink_metadata(self.path()).ok();
        let meta = meta.filter(|meta| meta.file_type().is_socket());
        self.with_file(meta.as_ref().map(identity))
    }

    /// Returns device and inode of its file, if this program created it.
    pub(in crate::net) fn identity(&self) -> Option<(u64, u64)> {
        match &self.file {
            File::Own(file) => Some(file.identity),
            File::Passed(_) => None,
        }
    }

    /// Leaves the removal of the file to another process that listens here.
    pub(in crate::net) fn leave_file(&mut self) {
        if let File::Own(file) = &mut self.file {
            file.left = true;
        }
    }

    /// Takes over the removal of the file from a process that no longer listens here.
    pub fn take_file(&mut self) {
        if let File::Own(file) = &mut self.file {
            file.left = false;
        }
    }

    /// Returns `true` if another program made it.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self.file, File::Passed(_))
    }

    /// Gives its file other permissions and owners, as [`bind`](Self::bind) does. Returns `true` if they
    /// were others before. The file of a passed socket stays as it is.
    ///
    /// # Errors
    ///
    /// The kernel refuses.
    pub fn set_access(&self, access: SocketAccess, daemon: &Path) -> Result<bool, Error> {
        let File::Own(SocketFile { path, identity: own, .. }) = &self.file else {
            return Ok(false);
        };
        let look = || fs::symlink_metadata(path).ok().filter(|meta| identity(meta) == *own);
        // Another program may have replaced it.
        let Some(before) = look() else { return Ok(false) };
        let owner = access.owner.or(Some(rustix::process::geteuid().as_raw()));
        open_to(path, SocketAccess { owner, ..access }, daemon)?;
        let of = |meta: Metadata| (meta.mode(), meta.uid(), meta.gid());
        Ok(look().is_some_and(|after| of(after) != of(before)))
    }

    /// Accepts the next client.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if none is waiting, and those of accept(2).
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.socket.accept().map(|(stream, _)| stream)
    }

    /// Returns the path of the socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.file {
            File::Own(file) => &file.path,
            File::Passed(path) => path,
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.socket.register(registry, token, on)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        self.socket.reregister(registry, token, on)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }
}

/// A file that this program created. Dropping it removes the file, unless that is left to another process,
/// or another program has replaced the file.
#[derive(Debug)]
struct SocketFile {
    /// Absolute, since the working directory may change.
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// `true` if another process removes it.
    left: bool,
}

impl SocketFile {
    fn at(path: &Path) -> Result<Self, Error> {
        let failed = |error| Error::failed("look at", path, error);
        let meta = fs::symlink_metadata(path).map_err(failed)?;
        let path = std::path::absolute(path).map_err(failed)?;
        Ok(Self { path, identity: identity(&meta), left: false })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = |meta| identity(&meta) == self.identity;
        if !self.left && fs::symlink_metadata(&self.path).is_ok_and(is_own) {
            // Errors cannot be reported here; the next process replaces a file that stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// The state of a path for a listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathState {
    /// Nothing exists there.
    Free,
    /// A socket on which no process listens.
    Stale,
    /// A socket on which another process listens.
    Taken,
}

/// Reports the state of a path without changing it.
///
/// # Errors
///
/// Another kind of file exists there, or the kernel denies access.
pub fn look(path: &Path) -> Result<PathState, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(PathState::Free),
        Err(error) => return Err(Error::failed("look at", path, error)),
        Ok(meta) if !meta.file_type().is_socket() => return Err(Error::NotASocket(path.into())),
        Ok(_) => {}
    }
    match probe(path) {
        Err(Errno::CONNREFUSED) => Ok(PathState::Stale),
        Err(Errno::NOENT) => Ok(PathState::Free),
        // A full queue belongs to a listening process too.
        Ok(()) | Err(Errno::AGAIN) => Ok(PathState::Taken),
        Err(errno) => Err(Error::failed("find out who is at", path, errno.into())),
    }
}

/// Checks that the directory of a listening socket exists and is writable.
///
/// # Errors
///
/// It does not exist, or is not writable.
pub fn may_bind(path: &Path) -> Result<(), Error> {
    rustix::fs::access(directory(path), Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| bind_error(path, errno))
}

/// Returns the directory of a file.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Checks that a socket at `path` can be given the owner and the group that follow from `given` and the
/// `daemon`'s socket. Tries it on an anonymous file.
///
/// # Errors
///
/// The kernel refuses.
pub fn may_give(path: &Path, given: SocketAccess, daemon: &Path) -> Result<(), Error> {
    use rustix::fs::{Gid, MemfdFlags, Uid, fchown, memfd_create};
    let access = access(given, daemon);
    // Files in a setgid directory get the directory's group.
    let inherited = fs::metadata(directory(path)).ok().filter(|meta| meta.mode() & 0o2000 != 0);
    let inherited = inherited.map(|meta| meta.gid());
    let group = access.group.filter(|group| Some(*group) != inherited).map(Gid::from_raw);
    let owner = access.owner.map(Uid::from_raw);
    memfd_create("socket", MemfdFlags::CLOEXEC)
        .and_then(|file| fchown(file, owner, group))
        .map_err(|errno| Error::not_given(path, given, daemon, errno.into()))
}

/// Removes a stale socket, and nothing else.
fn make_room(path: &Path) -> Result<(), Error> {
    match look(path)? {
        PathState::Free => Ok(()),
        PathState::Taken => Err(Error::InUse(path.into())),
        PathState::Stale => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::failed("remove the stale socket", path, error))
            }
            _ => Ok(()),
        },
    }
}

/// Tries to connect without blocking, in case a hanging program has a full queue.
fn probe(path: &Path) -> Result<(), Errno> {
    let socket = new_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)
}

fn new_socket(flags: SocketFlags) -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

fn bind_error(path: &Path, errno: Errno) -> Error {
    match errno {
        Errno::NOENT => Error::NoDirectory(path.into()),
        // The path was free a moment ago, but another program was faster.
        Errno::ADDRINUSE => Error::InUse(path.into()),
        _ => Error::failed("bind", path, errno.into()),
    }
}

/// Completes `access` from the `daemon`'s socket. An owner or a group that is not set by either is that of
/// the process.
#[must_use]
pub fn access(access: SocketAccess, daemon: &Path) -> SocketAccess {
    let model = fs::metadata(daemon).ok();
    let model = model.filter(|meta| meta.file_type().is_socket());
    let mode = access.mode.or(model.as_ref().map(|meta| meta.mode() & 0o777));
    SocketAccess {
        mode: Some(mode.unwrap_or(DEFAULT_MODE)),
        owner: access.owner,
        group: access.group.or(model.as_ref().map(MetadataExt::gid)),
    }
}

/// Sets the owner of the file, then its mode. In this order the old owner never gets the access of the new
/// one.
fn open_to(path: &Path, given: SocketAccess, daemon: &Path) -> Result<(), Error> {
    let access = access(given, daemon);
    lchown(path, access.owner, access.group)
        .map_err(|error| Error::not_given(path, given, daemon, error))?;
    let mode = access.mode.unwrap_or(DEFAULT_MODE);
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| Error::failed("set the mode of", path, error))
}

#[cfg(test)]
mod tests;
