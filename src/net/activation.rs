//! Sockets that a service manager has made and passes at start: `sd_listen_fds(3)`.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::io;

use listenfd::ListenFd;

use super::listener::Listener;

/// The name (`FileDescriptorName=`) of the one socket that is not for clients.
const STATS: &str = "stats";

/// Listening sockets that we have not made.
#[derive(Debug, Default)]
pub struct Sockets {
    /// For clients, in the order in which they were passed; may be empty.
    pub clients: Vec<Listener>,
    /// For those who want to see how we do.
    pub stats: Option<Listener>,
}

/// Takes what was passed to this process; nothing if nothing was. `env` looks up a variable of the
/// environment. Works once: the descriptors have an owner then.
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
            let listener = Listener::passed(socket).map_err(unfit)?;
            sockets.add(name, listener)?;
        }
    }
    Ok(sockets)
}

impl Sockets {
    fn add(&mut self, name: &str, listener: Listener) -> Result<(), Error> {
        if name != STATS {
            self.clients.push(listener);
        } else if self.stats.replace(listener).is_some() {
            return Err(Error::StatsTwice);
        }
        Ok(())
    }
}

/// Why passed sockets cannot be used.
#[derive(Debug)]
pub enum Error {
    /// One is no listening UNIX socket with a path.
    Unfit {
        /// Its place among those that were passed, from 0.
        number: usize,
        /// The name that it was given; may be empty.
        name: String,
        /// What is wrong with it.
        error: io::Error,
    },
    /// Two are called `stats`.
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
