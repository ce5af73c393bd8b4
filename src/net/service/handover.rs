//! The handover of the listening sockets from an old process to a new one, so that the program can be
//! replaced without any effect on clients.
//!
//! ```text
//!  old process (SIGHUP)                 new process, with the same arguments
//!    listening sockets, their uses    ──►  prepares to serve
//!                      its process ID ◄──  is prepared
//!         stops accepting: "go"       ──►  serves
//! ```
//!
//! They communicate over a socket pair; one end is the new process's standard input. The old process
//! serves until it sends "go", and continues if the new one fails. Each gives up if the other end is
//! closed before "go". An intermediate process starts the new one and ends, so that the new one becomes a
//! child of the service manager.
//!
//! After "go", clients follow over the same pair; see [`passing`].

mod greeting;
pub(in crate::net) mod passing;
mod sockets;

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::net::listen::Listener;
use crate::net::listen::activation::{self, Sockets};
use greeting::Use;

/// The variable with a process's role in a handover: `between` or `next`.
pub const VARIABLE: &str = "DCP_HANDOVER";
/// The role of the intermediate process, which starts the new one and ends.
const BETWEEN: &str = "between";
/// The role of the new process.
const NEXT: &str = "next";

/// The message of the old process when it no longer accepts clients.
const GO: &[u8] = b"go\n";

/// Maximum size in bytes of a process ID with its line end.
const NUMBER: usize = 16;

/// The path of the running program in /proc.
const OWN: &str = "/proc/self/exe";

/// Variables that are valid for one process only.
const OWN_VARIABLES: [&str; 4] = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID"];

/// The command line of this process, for starting the program again.
#[derive(Debug, Clone)]
pub struct Program {
    /// The path of the program. Links are not resolved, so an update there is what gets started.
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// Returns the running program.
    ///
    /// # Errors
    ///
    /// It was started by a relative path, and the working directory does not exist any more.
    pub fn own() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        let path = if name.as_bytes().contains(&b'/') {
            std::path::absolute(name)?
        } else {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            // Otherwise the kernel's path, with links resolved; without /proc PATH is searched again.
            found(&name, &folders, Path::new(OWN))
                .or_else(|| std::env::current_exe().ok())
                .unwrap_or_else(|| name.into())
        };
        Ok(Self { path, arguments: arguments.collect() })
    }

    fn command(&self, role: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.arg0(&self.path).args(&self.arguments).env(VARIABLE, role);
        for name in OWN_VARIABLES {
            command.env_remove(name);
        }
        command
    }

    /// Starts the program again, to take over these sockets.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or the sockets cannot be passed.
    pub(in crate::net) fn start<'s>(
        &self,
        clients: impl Iterator<Item = &'s Listener>,
        stats: Option<&'s Listener>,
        jobs: impl Iterator<Item = &'s Listener>,
    ) -> io::Result<Successor> {
        let (link, other) = UnixStream::pair()?;
        let clients = clients.map(|listener| (Use::Clients, listener));
        let stats = stats.map(|listener| (Use::Stats, listener));
        let jobs = jobs.map(|listener| (Use::Job, listener));
        sockets::pass(&link, &clients.chain(stats).chain(jobs).collect::<Vec<_>>())?;
        let child = self.command(BETWEEN).stdin(OwnedFd::from(other)).spawn()?;
        link.set_nonblocking(true)?;
        Ok(Successor { child, link: mio::net::UnixStream::from_std(link), said: Vec::new() })
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// Returns the first file of this name in the `folders` of PATH that is `own` or a link to it.
fn found(name: &OsStr, folders: &OsStr, own: &Path) -> Option<PathBuf> {
    let identity = |file: &Path| fs::metadata(file).map(|meta| (meta.dev(), meta.ino())).ok();
    let own = identity(own)?;
    std::env::split_paths(folders)
        .filter_map(|folder| std::path::absolute(folder.join(name)).ok())
        .find(|file| identity(file) == Some(own))
}

/// The new process, as the old one sees it.
#[derive(Debug)]
pub(in crate::net) struct Successor {
    /// The intermediate process.
    child: Child,
    /// The link, whose messages the event loop waits for.
    pub(in crate::net) link: mio::net::UnixStream,
    said: Vec<u8>,
}

impl Successor {
    /// Returns its process ID once it is prepared.
    ///
    /// # Errors
    ///
    /// It has ended, or sent something else.
    pub(in crate::net) fn prepared(&mut self) -> io::Result<Option<u32>> {
        let ended = || Err(io::Error::other("it ended before it could serve"));
        let mut piece = [0; NUMBER];
        loop {
            match self.link.read(&mut piece) {
                Ok(0) => return ended(),
                Ok(n) => self.said.extend(piece.iter().take(n)),
                // It ended without reading the sockets.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return ended(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.said.len() > NUMBER {
                break;
            }
        }
        if self.said.len() < NUMBER && !self.said.ends_with(b"\n") {
            return Ok(None);
        }
        let number = str::from_utf8(&self.said).ok().and_then(|said| said.trim_end().parse().ok());
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(io::Error::other("what was started is not this program")),
        }
    }

    /// Reaps the intermediate process, which ends before the new one is prepared. Until then the new one is
    /// not the service manager's child.
    pub(in crate::net) fn detached(&mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }

    /// Allows it to serve. Returns the link, over which clients are passed.
    pub(in crate::net) fn go(mut self) -> io::Result<mio::net::UnixStream> {
        self.link.write_all(GO)?;
        Ok(self.link)
    }

    /// Gives up. The new process notices that the link is closed.
    pub(in crate::net) fn abandon(mut self) {
        // This fails if the intermediate process has ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The old process, as the new one sees it.
#[derive(Debug)]
pub struct Predecessor {
    link: UnixStream,
}

impl Predecessor {
    /// Reports that this process is prepared, and waits until the old one no longer accepts clients. Returns
    /// the link over which the old process passes its clients, if this one `takes_clients`, and the old one
    /// supports that.
    ///
    /// # Errors
    ///
    /// The old process continues to serve, or has ended.
    pub(in crate::net) fn relieve(
        mut self,
        takes_clients: bool,
    ) -> io::Result<Option<mio::net::UnixStream>> {
        self.link.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        let mut said = [0; GO.len()];
        self.link.read_exact(&mut said)?;
        if said != *GO {
            return Err(io::Error::other("it does not say that we may go on"));
        }
        // The link is no longer needed as standard input.
        if let Ok(nothing) = fs::File::open("/dev/null") {
            rustix::stdio::dup2_stdin(nothing)?;
        }
        if !takes_clients {
            return Ok(None);
        }
        // An older program has closed the link, and keeps its clients.
        let takes =
            self.link.write_all(passing::TAKES).and_then(|()| self.link.set_nonblocking(true));
        Ok(takes.is_ok().then(|| mio::net::UnixStream::from_std(self.link)))
    }
}

/// The startup of a process.
#[derive(Debug)]
pub enum Start {
    /// The first process, with the sockets from the service manager.
    First(Sockets),
    /// The successor of an old process, with its sockets.
    Next(Sockets, Predecessor),
}

impl Start {
    /// Returns the passed sockets.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        let (Self::First(sockets) | Self::Next(sockets, _)) = self;
        sockets
    }

    /// Returns the sockets for clients that another program made.
    pub fn passed(&self) -> impl Iterator<Item = &Listener> {
        self.sockets().clients.iter().filter(|listener| listener.is_passed())
    }
}

/// Determines the startup of this process; `env` returns the value of a variable. An intermediate process
/// starts the next one and returns `None`.
///
/// # Errors
///
/// The passed sockets cannot be used.
pub fn start(
    program: &Program,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Start>, Error> {
    let role = env(VARIABLE).unwrap_or_default();
    if role == OsStr::new(BETWEEN) {
        program.command(NEXT).spawn().map_err(Error::Handover)?;
        return Ok(None);
    }
    if role == OsStr::new(NEXT) {
        let (sockets, predecessor) = receive().map_err(Error::Handover)?;
        return Ok(Some(Start::Next(sockets, predecessor)));
    }
    activation::take(env).map(|sockets| Some(Start::First(sockets))).map_err(Error::Passed)
}

/// Receives the sockets of the old process.
fn receive() -> io::Result<(Sockets, Predecessor)> {
    let link = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok((sockets::take(&link)?, Predecessor { link }))
}

/// A failed startup.
#[derive(Debug)]
pub enum Error {
    /// The sockets from the service manager cannot be used.
    Passed(activation::Error),
    /// The handover from the old process failed.
    Handover(io::Error),
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed(error) => write!(f, "{error}"),
            Self::Handover(error) => {
                write!(f, "{VARIABLE}: cannot take over from the process that set it: {error}")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
