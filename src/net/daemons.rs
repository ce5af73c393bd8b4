//! The daemons, with their state.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::watch::Watch;
use crate::config::words;
use crate::net::host::caller::Remembered;
use crate::net::host::socket_identity::SocketIdentity;
use crate::net::service::notify::Reach;
use crate::proxy::{Unreachable, Upstream};

/// The token of the first daemon's events; those of the others follow. Tokens of pairs are larger.
const FIRST: usize = 1 << 17;

/// The number of a daemon, which no other gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DaemonId(usize);

/// A daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    id: DaemonId,
    path: PathBuf,
    reach: Reach,
    upstream: Rc<Upstream>,
    look: SocketIdentity,
    watch: Watch,
    remembered: Remembered,
}

impl Daemon {
    fn new(id: DaemonId, path: PathBuf, look: SocketIdentity) -> Self {
        let upstream = Upstream { socket: path.display().to_string(), ..Upstream::default() };
        let watch = Watch::new(Token(FIRST + id.0));
        let (reach, remembered) = (Reach::default(), Remembered::default());
        Self { id, path, reach, upstream: Rc::new(upstream), look, watch, remembered }
    }

    /// Returns the daemon's number.
    pub(super) fn id(&self) -> DaemonId {
        self.id
    }

    /// Returns the path of the socket.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Recognizes the socket under all its names.
    pub(super) fn look(&self) -> &SocketIdentity {
        &self.look
    }

    /// Returns what is remembered of its containers.
    pub(super) fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// Records the result of a connection attempt.
    pub(super) fn reached(&mut self, reach: Reach) {
        self.reach = reach;
    }

    /// Returns the part that the core knows.
    pub(super) fn upstream(&self) -> Rc<Upstream> {
        Rc::clone(&self.upstream)
    }
}

/// Interprets the error of connect(2).
pub(super) fn unreachable(error: &io::Error) -> Unreachable {
    match error.kind() {
        io::ErrorKind::NotFound => Unreachable::Missing,
        io::ErrorKind::ConnectionRefused => Unreachable::Down,
        io::ErrorKind::PermissionDenied => Unreachable::Denied,
        io::ErrorKind::WouldBlock => Unreachable::Slow,
        _ => Unreachable::Other(words(error).to_lowercase()),
    }
}

/// All daemons, without duplicates.
#[derive(Debug, Default)]
pub(super) struct Daemons {
    all: Vec<Daemon>,
    /// Number of daemons that were ever added.
    added: usize,
}

impl Daemons {
    /// Returns the daemon whose socket is at `path`. Adds it if necessary.
    pub(super) fn add(&mut self, path: &Path) -> &Daemon {
        self.add_known_by(path, SocketIdentity::for_socket(path.to_owned()))
    }

    /// The same. If it is added, `look` recognizes its socket.
    pub(super) fn add_known_by(&mut self, path: &Path, look: SocketIdentity) -> &Daemon {
        let known = self.all.iter().position(|daemon| daemon.path == path);
        let place = known.unwrap_or(self.all.len());
        if known.is_none() {
            self.all.push(Daemon::new(DaemonId(self.added), path.to_owned(), look));
            self.added += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "it was found or added")]
        &self.all[place]
    }

    /// Makes that the sockets of all daemons are recognized beside each of them, and those of several
    /// `listeners` and in `folders`.
    pub(super) fn recognize(&mut self, listeners: &[PathBuf], folders: &[PathBuf]) {
        let own = self.all.iter().map(|daemon| daemon.path.clone());
        let sockets: Vec<_> = own.chain(listeners.iter().cloned()).collect();
        let look = SocketIdentity::for_sockets(sockets, folders);
        self.all.iter_mut().for_each(|daemon| daemon.look = look.clone());
    }

    /// Removes the daemons that no settings name any more.
    pub(super) fn forget_unused(&mut self) {
        self.all.retain(|daemon| Rc::strong_count(&daemon.upstream) > 1);
    }

    /// Returns the number of daemons.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns the daemon of which the core knows this.
    pub(super) fn of(&mut self, upstream: &Rc<Upstream>) -> Option<&mut Daemon> {
        self.all.iter_mut().find(|daemon| Rc::ptr_eq(&daemon.upstream, upstream))
    }

    /// Returns the worst result of the last connection attempts to these daemons.
    pub(super) fn reach<'u>(&self, upstreams: impl Iterator<Item = &'u Rc<Upstream>>) -> Reach {
        let of = |upstream| self.all.iter().find(|daemon| Rc::ptr_eq(&daemon.upstream, upstream));
        upstreams.filter_map(of).map(|daemon| daemon.reach).max().unwrap_or_default()
    }

    /// Reads the events of the daemon whose connection for them has this token.
    pub(super) fn note(&mut self, token: Token) {
        if let Some(daemon) = self.by_token(token) {
            daemon.watch.read(&daemon.upstream.images, Instant::now());
        }
    }

    fn by_token(&mut self, Token(token): Token) -> Option<&mut Daemon> {
        let id = DaemonId(token.checked_sub(FIRST)?);
        self.all.iter_mut().find(|daemon| daemon.id == id)
    }

    /// Returns the time until [`tend`](Self::tend) has something to do.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.all.iter().filter_map(|daemon| daemon.watch.wait(now)).min()
    }

    /// Makes the requested connections for events, and closes old ones.
    pub(super) fn tend(&mut self, registry: &Registry, now: Instant) {
        for Daemon { path, upstream, watch, .. } in &mut self.all {
            watch.tend(registry, path, &upstream.images, now);
        }
    }
}

#[cfg(test)]
mod tests;
