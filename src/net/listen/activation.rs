//! Sockets that a service manager has made and passes at startup: `sd_listen_fds(3)`.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::io;

use listenfd::ListenFd;

use crate::net::listen::Listener;
use crate::net::service::store;

/// The name (`FileDescriptorName=`) of the stats socket.
const STATS: &str = "stats";

/// Listening sockets that were passed to this process.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Sockets for clients, in the order in which they were passed; may be empty.
    pub clients: Vec<Listener>,
    /// The stats socket.
    pub stats: Option<Listener>,
    /// Sockets of jobs, which an earlier process made; may be empty.
    pub jobs: Vec<Listener>,
}

/// Takes the sockets that were passed to this process; there may be none. `env` returns the value
/// of a variable. Works once, since the descriptors then have an owner.
///
/// # Errors
///
/// The first socket that cannot be used.
pub fn take(env: impl Fn(&str) -> Option<OsString>) -> Result<Sockets, Error> {
    let names = env("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.to_string_lossy();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    let mut sockets = Sockets::default();
    for number in 0..passed.len() {
        let name = names.next().unwrap_or_default();
        let unfit = |error| Error::Unfit { number, name: name.to_owned(), error };
        if let Some(socket) = passed.take_unix_listener(number).map_err(unfit)? {
            let listener = Listener::passed(socket).map_err(unfit)?.with_name(name);
            sockets.add(name, listener)?;
        }
    }
    Ok(sockets)
}

impl Sockets {
    fn add(&mut self, name: &str, listener: Listener) -> Result<(), Error> {
        if store::name_of(listener.path()).is_some_and(|stored| stored == name) {
            self.jobs.push(listener.with_file_in_place());
        } else if name != STATS {
            self.clients.push(listener);
        } else if self.stats.replace(listener).is_some() {
            return Err(Error::StatsTwice);
        }
        Ok(())
    }
}

/// The error of passed sockets that cannot be used.
#[derive(Debug)]
pub enum Error {
    /// A socket that is not a listening UNIX socket with a path.
    Unfit {
        /// Its index among the passed sockets, from 0.
        number: usize,
        /// Its name; may be empty.
        name: String,
        /// The problem with the socket.
        error: io::Error,
    },
    /// Two sockets with the name `stats`.
    StatsTwice,
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfit { number, name, error } => write!(
                f,
                "LISTEN_FDS: socket {number} {name:?} cannot be used, wanted a listening UNIX \
                 stream socket with a path: {error}"
            ),
            Self::StatsTwice => write!(f, "LISTEN_FDNAMES: two sockets are called {STATS:?}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
