//! A new process takes the listening sockets over from an old one, so that the program can be
//! replaced without a client noticing.
//!
//! ```text
//!  old process (SIGHUP)                 new process, as the old one was started
//!    listening sockets, what they are ──►  prepares to serve
//!                          its number ◄──  is prepared
//!         stops accepting: "go"       ──►  serves
//! ```
//!
//! Both speak over a pair of sockets, of which one is the new process's standard input. Until the
//! old one says "go" it serves as if nothing were, and should the new one fail, it goes on. Whoever
//! sees the pair end before "go" was said gives up. A process between them starts the new one and
//! ends, so that the new one is nobody's child but the service manager's.
//!
//! Behind "go" clients follow over the same pair; see [`passing`].

mod greeting;
pub(in crate::net) mod passing;

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::net::listen::Listener;
use crate::net::listen::activation::{self, Sockets};
use greeting::{Entry, MESSAGE, SOCKETS, Use, entries, message};

/// Tells a process what it is in a handover: `between` two others, or the `next` one.
pub const VARIABLE: &str = "DCP_HANDOVER";
/// It starts the new process, and ends.
const BETWEEN: &str = "between";
/// It is the new process.
const NEXT: &str = "next";

/// What the old process says when it accepts no clients any more.
const GO: &[u8] = b"go\n";

/// Bytes of a process's number, with its line end.
const NUMBER: usize = 16;

/// The program that runs, as the kernel shows it.
const OWN: &str = "/proc/self/exe";

/// Variables that hold for one process alone.
const OWN_VARIABLES: [&str; 4] = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "WATCHDOG_PID"];

/// How this program was started, to start it again.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it was found, links not followed: what is put there later is what is started.
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// The one that runs.
    ///
    /// # Errors
    ///
    /// It was started by a relative path, and the working directory is gone.
    pub fn own() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let name = arguments.next().unwrap_or_default();
        let path = if name.as_bytes().contains(&b'/') {
            std::path::absolute(name)?
        } else {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            // Else the kernel knows it, with links followed; without /proc PATH is asked again.
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

    /// Starts it anew, to take these sockets over.
    ///
    /// # Errors
    ///
    /// It cannot be started, or the sockets cannot be passed.
    pub(in crate::net) fn start<'s>(
        &self,
        clients: impl Iterator<Item = &'s Listener>,
        stats: Option<&'s Listener>,
    ) -> io::Result<Successor> {
        let (ours, theirs) = UnixStream::pair()?;
        // Waits there until somebody reads it.
        pass(&ours, clients, stats)?;
        let child = self.command(BETWEEN).stdin(OwnedFd::from(theirs)).spawn()?;
        ours.set_nonblocking(true)?;
        Ok(Successor { child, link: mio::net::UnixStream::from_std(ours), said: Vec::new() })
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// The first file of this name in the `folders` of PATH that is `own`, or a link to it.
fn found(name: &OsStr, folders: &OsStr, own: &Path) -> Option<PathBuf> {
    let identity = |file: &Path| fs::metadata(file).map(|meta| (meta.dev(), meta.ino())).ok();
    let own = identity(own)?;
    std::env::split_paths(folders)
        .filter_map(|folder| std::path::absolute(folder.join(name)).ok())
        .find(|file| identity(file) == Some(own))
}

/// Sends all sockets and a line for each.
fn pass<'s>(
    link: &UnixStream,
    clients: impl Iterator<Item = &'s Listener>,
    stats: Option<&'s Listener>,
) -> io::Result<()> {
    let clients = clients.map(|listener| (Use::Clients, listener));
    let all: Vec<_> = clients.chain(stats.map(|listener| (Use::Stats, listener))).collect();
    let uses = all.iter().map(|(role, listener)| Entry { role: *role, file: listener.identity() });
    let text = message(uses);
    let files: Vec<BorrowedFd<'_>> = all.iter().map(|(_, listener)| listener.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if files.len() > SOCKETS || !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(io::Error::other(format!("{} sockets are too many to pass", files.len())));
    }
    sendmsg(link, &[IoSlice::new(text.as_bytes())], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The new process, as the old one sees it.
#[derive(Debug)]
pub(in crate::net) struct Successor {
    /// The process between us and it.
    child: Child,
    /// To be watched for what it says.
    pub(in crate::net) link: mio::net::UnixStream,
    said: Vec<u8>,
}

impl Successor {
    /// Its number if it is prepared; `None` if it is not yet.
    ///
    /// # Errors
    ///
    /// It has ended, or says something else.
    pub(in crate::net) fn prepared(&mut self) -> io::Result<Option<u32>> {
        let ended = || Err(io::Error::other("it ended before it could serve"));
        let mut piece = [0; NUMBER];
        loop {
            match self.link.read(&mut piece) {
                Ok(0) => return ended(),
                Ok(n) => self.said.extend(piece.iter().take(n)),
                // It did not even read what was passed.
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

    /// Reaps the process between, which has ended when the new one speaks. Until then the new one
    /// is not yet the service manager's child.
    pub(in crate::net) fn detached(&mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }

    /// Lets it serve. The link stays, for clients to be passed over it.
    pub(in crate::net) fn go(mut self) -> io::Result<mio::net::UnixStream> {
        self.link.write_all(GO)?;
        Ok(self.link)
    }

    /// Gives up: it sees that the link has ended.
    pub(in crate::net) fn abandon(mut self) {
        // Fails if it has ended, as it should have.
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
    /// Says that we are prepared, and waits until the old process accepts no clients any more. Returns
    /// the link over which it passes those that it has, if it can.
    ///
    /// # Errors
    ///
    /// The old process goes on itself, or is gone.
    pub(in crate::net) fn relieve(mut self) -> io::Result<Option<mio::net::UnixStream>> {
        self.link.write_all(format!("{}\n", std::process::id()).as_bytes())?;
        let mut said = [0; GO.len()];
        self.link.read_exact(&mut said)?;
        if said != *GO {
            return Err(io::Error::other("it does not say that we may go on"));
        }
        // Nobody else needs our standard input.
        if let Ok(nothing) = fs::File::open("/dev/null") {
            rustix::stdio::dup2_stdin(nothing)?;
        }
        // An older program has closed the link, and its clients stay where they are.
        let takes =
            self.link.write_all(passing::TAKES).and_then(|()| self.link.set_nonblocking(true));
        Ok(takes.is_ok().then(|| mio::net::UnixStream::from_std(self.link)))
    }
}

/// How a process comes to its work.
#[derive(Debug)]
pub enum Start {
    /// As the first: nobody serves yet. Here is what the service manager has passed.
    First(Sockets),
    /// After an old one, which has passed its sockets.
    Next(Sockets, Predecessor),
}

impl Start {
    /// What was passed, by whomever.
    #[must_use]
    pub fn sockets(&self) -> &Sockets {
        let (Self::First(sockets) | Self::Next(sockets, _)) = self;
        sockets
    }

    /// The path of the first socket for clients, if somebody else than this program has made it.
    #[must_use]
    pub fn passed_path(&self) -> Option<&Path> {
        let first = self.sockets().clients.first().filter(|listener| listener.is_passed())?;
        Some(first.path())
    }
}

/// Finds out how this process comes to its work; `env` looks up a variable of the environment.
/// `None` if it had to start the next one, and has no other work.
///
/// # Errors
///
/// What was passed cannot be used.
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

/// Takes what the old process passes.
fn receive() -> io::Result<(Sockets, Predecessor)> {
    let link = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut text = [0; MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got =
        recvmsg(&link, &mut [IoSliceMut::new(&mut text)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let files = control.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => files.collect(),
        _ => Vec::new(),
    });
    let files: Vec<OwnedFd> = files.collect();
    let strange = || io::Error::other("what was passed is not understood");
    let text = text.get(..got.bytes).and_then(|text| str::from_utf8(text).ok());
    let entries = text.and_then(entries).ok_or_else(strange)?;
    if entries.len() != files.len() {
        return Err(strange());
    }
    let mut sockets = Sockets::default();
    for (entry, file) in entries.into_iter().zip(files) {
        let listener = Listener::passed(file.into())?.with_file(entry.file);
        match entry.role {
            Use::Clients => sockets.clients.push(listener),
            Use::Stats => sockets.stats = Some(listener),
        }
    }
    Ok((sockets, Predecessor { link }))
}

/// Why a process cannot come to its work.
#[derive(Debug)]
pub enum Error {
    /// What the service manager has passed cannot be used.
    Passed(activation::Error),
    /// The old process cannot be followed.
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
