//! Listening sockets. One of our own is made without stealing that of a live program and without being
//! open to more than it should be for a moment, and removed at the end if it is still ours; one that
//! somebody else made for us is only listened on.

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

/// Connections that the kernel holds until they are accepted; it takes
/// `net.core.somaxconn` if that is less, 4096 since Linux 5.4. A client that finds the queue full
/// fails with EAGAIN, which Docker's CLI does not try again.
const BACKLOG: i32 = 4096;

/// The mode if there is no daemon's socket to take it from: as dockerd makes its own.
const DEFAULT_MODE: u32 = 0o660;

/// A listening UNIX socket.
#[derive(Debug)]
pub struct Listener {
    /// Stands first, to be dropped first: a file that outlives its socket looks stale, and a
    /// successor may put its own in its place before we remove it.
    file: File,
    socket: UnixListener,
}

/// The file of a listening socket.
#[derive(Debug)]
enum File {
    /// This program has made it; it goes when this is dropped.
    Ours(SocketFile),
    /// Whoever passed the socket has made it, and keeps it.
    Theirs(PathBuf),
}

impl Listener {
    /// Makes the socket at `path`. What `access` does not say is as it is at the socket of the
    /// `daemon`; if that is not there, the mode is 0660 and the group our own.
    ///
    /// # Errors
    ///
    /// Something else is at `path`, somebody answers there, the directory is missing, or the
    /// kernel refuses one of the steps.
    pub fn bind(path: &Path, access: SocketAccess, daemon: &Path) -> Result<Self, Error> {
        make_room(path)?;
        let failed = |step| move |error: Errno| Error::failed(step, path, error.into());
        let socket = new_socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
            .map_err(failed("make a socket for"))?;
        // Linux gives the file the mode of the unbound socket. Unlike the umask, this leaves
        // files alone that other threads make.
        rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR).map_err(failed("protect"))?;
        let address = SocketAddrUnix::new(path).map_err(failed("use the path"))?;
        rustix::net::bind(&socket, &address).map_err(|errno| bind_error(path, errno))?;
        // From here on a failure removes the file again.
        let file = SocketFile::at(path)?;
        // At once, since a bound socket on which nobody listens looks stale to another start.
        rustix::net::listen(&socket, BACKLOG).map_err(failed("listen on"))?;
        open_to(path, access, daemon)?;
        let socket = UnixListener::from_std(socket.into());
        Ok(Self { file: File::Ours(file), socket })
    }

    /// A socket that was made, bound and opened to its users by somebody else, who keeps its file.
    ///
    /// # Errors
    ///
    /// Nobody can connect to it, it has no path, or the kernel refuses to let us not wait for it.
    pub fn passed(socket: std::os::unix::net::UnixListener) -> io::Result<Self> {
        let unfit = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(unfit("it does not listen"));
        }
        let address = socket.local_addr()?;
        let path = address.as_pathname().ok_or_else(|| unfit("it has no path"))?;
        let file = File::Theirs(std::path::absolute(path)?);
        socket.set_nonblocking(true)?;
        Ok(Self { file, socket: UnixListener::from_std(socket) })
    }

    /// The same, with the file of this device and inode for ours, if one is named. It is
    /// [left](Self::leave_file) to the process that has named it.
    pub(in crate::net) fn with_file(mut self, file: Option<(u64, u64)>) -> Self {
        if let (Some(identity), File::Theirs(path)) = (file, &self.file) {
            self.file = File::Ours(SocketFile { path: path.clone(), identity, left: true });
        }
        self
    }

    /// Device and inode of its file, if that is ours to remove.
    pub(in crate::net) fn identity(&self) -> Option<(u64, u64)> {
        match &self.file {
            File::Ours(file) => Some(file.identity),
            File::Theirs(_) => None,
        }
    }

    /// Leaves the removal of our file to another process that listens here.
    pub(in crate::net) fn leave_file(&mut self) {
        if let File::Ours(file) = &mut self.file {
            file.left = true;
        }
    }

    /// Takes the removal of our file over from a process that listens here no more.
    pub(in crate::net) fn take_file(&mut self) {
        if let File::Ours(file) = &mut self.file {
            file.left = false;
        }
    }

    /// Whether somebody else has made it.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        matches!(self.file, File::Theirs(_))
    }

    /// Takes the next client that waits.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nobody waits, and those of accept(2).
    pub fn accept(&self) -> io::Result<UnixStream> {
        self.socket.accept().map(|(stream, _)| stream)
    }

    /// Where clients find the socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.file {
            File::Ours(file) => &file.path,
            File::Theirs(path) => path,
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

/// A file that we made. Dropping it removes the file, unless that is left to another process or
/// another program has put its own there since.
#[derive(Debug)]
struct SocketFile {
    /// Absolute, since the working directory may change.
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
    /// Whether another process removes it.
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
        let ours = |meta| identity(&meta) == self.identity;
        if !self.left && fs::symlink_metadata(&self.path).is_ok_and(ours) {
            // Nobody is left to tell; a file that stays is replaced at the next start.
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
/// Something else than a socket is there, or the kernel does not let us look.
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
        // A full queue has somebody behind it too.
        Ok(()) | Err(Errno::AGAIN) => Ok(PathState::Taken),
        Err(errno) => Err(Error::failed("find out who is at", path, errno.into())),
    }
}

/// Whether the directory of a listening socket is there and lets us make one in it.
///
/// # Errors
///
/// It is missing, or we may not write there.
pub fn may_bind(path: &Path) -> Result<(), Error> {
    rustix::fs::access(directory(path), Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| bind_error(path, errno))
}

/// The directory of a file.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    }
}

/// Whether a socket of ours at `path` may be given to whom it is to be given by `given` and the socket
/// of the `daemon`: tried on a file that nobody sees.
///
/// # Errors
///
/// The kernel refuses.
pub fn may_give(path: &Path, given: SocketAccess, daemon: &Path) -> Result<(), Error> {
    use rustix::fs::{Gid, MemfdFlags, Uid, fchown, memfd_create};
    let access = access(given, daemon);
    // A setgid directory gives its own group to whatever is made in it.
    let inherited = fs::metadata(directory(path)).ok().filter(|meta| meta.mode() & 0o2000 != 0);
    let inherited = inherited.map(|meta| meta.gid());
    let group = access.group.filter(|group| Some(*group) != inherited).map(Gid::from_raw);
    let owner = access.owner.map(Uid::from_raw);
    memfd_create("socket", MemfdFlags::CLOEXEC)
        .and_then(|file| fchown(file, owner, group))
        .map_err(|errno| Error::not_given(path, given, daemon, errno.into()))
}

/// Removes a socket that nobody listens on any more, and nothing else.
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

/// Knocks without waiting: a program that hangs with a full queue must not hang us.
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
        // Free a moment ago: another program was faster.
        Errno::ADDRINUSE => Error::InUse(path.into()),
        _ => Error::failed("bind", path, errno.into()),
    }
}

/// What `access` says, and where it is silent what holds for the socket of the `daemon`. An owner
/// or a group of which neither says anything is our own.
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

/// Gives the file its owner, then its mode, in this order: the old owner must not get what is
/// meant for the new one.
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
