//! The daemons, with their state.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use super::watch::Watch;
use crate::config::words;
use crate::net::service::notify::Reach;
use crate::proxy::{Unreachable, Upstream};

/// The token of the first daemon's events; those of the others follow. Tokens of pairs are larger.
const FIRST: usize = 1 << 17;

/// The index of a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DaemonId(usize);

/// A daemon.
#[derive(Debug)]
pub(super) struct Daemon {
    id: DaemonId,
    path: PathBuf,
    reach: Reach,
    upstream: Rc<Upstream>,
    watch: Watch,
}

impl Daemon {
    fn new(id: DaemonId, path: PathBuf) -> Self {
        let upstream = Upstream { socket: path.display().to_string(), ..Upstream::default() };
        let watch = Watch::new(Token(FIRST + id.0));
        Self { id, path, reach: Reach::default(), upstream: Rc::new(upstream), watch }
    }

    /// Returns the daemon's index.
    pub(super) fn id(&self) -> DaemonId {
        self.id
    }

    /// Returns the path of the socket.
    pub(super) fn path(&self) -> &Path {
        &self.path
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
pub(super) struct Daemons(Vec<Daemon>);

impl Daemons {
    /// Returns the daemon whose socket is at `path`. Adds it if necessary.
    pub(super) fn add(&mut self, path: &Path) -> &Daemon {
        let known = self.0.iter().position(|daemon| daemon.path == path);
        let place = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push(Daemon::new(DaemonId(place), path.to_owned()));
        }
        #[expect(clippy::indexing_slicing, reason = "it was found or added")]
        &self.0[place]
    }

    /// Returns the number of daemons.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get_mut(&mut self, DaemonId(place): DaemonId) -> Option<&mut Daemon> {
        self.0.get_mut(place)
    }

    /// Returns the worst result of the last connection attempts.
    pub(super) fn reach(&self) -> Reach {
        self.0.iter().map(|daemon| daemon.reach).max().unwrap_or_default()
    }

    /// Reads the events of the daemon whose connection for them has this token.
    pub(super) fn note(&mut self, token: Token) {
        if let Some(daemon) = self.by_token(token) {
            daemon.watch.read(&daemon.upstream.images, Instant::now());
        }
    }

    fn by_token(&mut self, Token(token): Token) -> Option<&mut Daemon> {
        self.0.get_mut(token.checked_sub(FIRST)?)
    }

    /// Returns the time until [`tend`](Self::tend) has something to do.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.iter().filter_map(|daemon| daemon.watch.wait(now)).min()
    }

    /// Makes the requested connections for events, and closes old ones.
    pub(super) fn tend(&mut self, registry: &Registry, now: Instant) {
        for Daemon { path, upstream, watch, .. } in &mut self.0 {
            watch.tend(registry, path, &upstream.images, now);
        }
    }
}

#[cfg(test)]
mod tests;
