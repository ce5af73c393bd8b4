//! Authorization plugins: where they listen, and what they decide. They are asked over connections of their own, in
//! threads.
//!
//! ```text
//! name ── find ──► address ── Plugin.Activate, once for each process ──► AuthZPlugin.AuthZReq ──► verdict
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::config::words;
use crate::engine::client::call_plugin;
use crate::net::client::{self, Error};
use crate::proxy::{Blind, LOOK_LIMIT};
use crate::rules::Refusal;
use crate::rules::authz::{Authorization, activation, failed, no_answer, verdict};

/// Maximum size in bytes of an answer.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Maximum size in bytes of a file that names the address of a plugin.
const SPEC_LIMIT: u64 = 64 * 1024;

/// The directories in which plugins are found by name, as by dockerd.
#[derive(Debug, Clone, Copy)]
struct Places<'p> {
    sockets: &'p str,
    specs: [&'p str; 2],
}

const PLACES: Places<'static> = Places {
    sockets: "/run/docker/plugins",
    specs: ["/etc/docker/plugins", "/usr/lib/docker/plugins"],
};

/// The address of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A UNIX socket.
    Unix(PathBuf),
    /// A loopback address.
    Tcp(SocketAddr),
}

/// The reason why a plugin has no address that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// Nothing names it. It may be started later.
    Missing,
    /// A file names an address that is never used.
    Unfit(String),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(out, "unix://{}", path.display()),
            Self::Tcp(address) => write!(out, "http://{address}"),
        }
    }
}

impl fmt::Display for NotFound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("plugin not found"),
            Self::Unfit(why) => out.write_str(why),
        }
    }
}

/// Finds the plugin `name`, which may be the path of its socket.
///
/// # Errors
/// It is not found, or its address cannot be used.
pub fn find(name: &str) -> Result<Address, NotFound> {
    find_in(PLACES, name)
}

fn find_in(places: Places<'_>, name: &str) -> Result<Address, NotFound> {
    if name.starts_with('/') {
        return Ok(Address::Unix(name.into()));
    }
    let both = |base: &str, suffix: &str| {
        [format!("{base}/{name}.{suffix}"), format!("{base}/{name}/{name}.{suffix}")]
    };
    for path in both(places.sockets, "sock") {
        if fs::metadata(&path).is_ok_and(|meta| meta.file_type().is_socket()) {
            return Ok(Address::Unix(path.into()));
        }
    }
    let specs = places.specs.iter().flat_map(|base| [(base, "spec"), (base, "json")]);
    let specs = specs.flat_map(|(base, suffix)| both(base, suffix).map(|path| (path, suffix)));
    let found = specs.into_iter().find(|(path, _)| Path::new(path).exists());
    let (path, suffix) = found.ok_or(NotFound::Missing)?;
    let unfit = |why: &str| NotFound::Unfit(format!("{path}: {why}"));
    let text = text(Path::new(&path)).map_err(|error| unfit(&words(&error)))?;
    let address = if suffix == "json" { described(&text) } else { url(text.trim()) };
    address.map_err(|why| unfit(&why))
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SPEC_LIMIT).read_to_string(&mut text)?;
    Ok(text)
}

/// Returns the address in a description in JSON.
fn described(text: &str) -> Result<Address, String> {
    let description: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let member = |wanted: &str| {
        let members = description.as_object()?.iter();
        members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).map(|(_, it)| it)
    };
    if member("TLSConfig").is_some_and(|tls| !tls.is_null()) {
        return Err(TLS.to_owned());
    }
    url(member("Addr").and_then(Value::as_str).unwrap_or_default())
}

const TLS: &str = "plugins with TLS are not supported; a UNIX socket is wanted";

/// Returns the address in a URL.
fn url(text: &str) -> Result<Address, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    match scheme {
        "unix" if rest.starts_with('/') => Ok(Address::Unix(rest.into())),
        "https" => Err(TLS.to_owned()),
        "http" | "tcp" => {
            let rest = rest.trim_end_matches('/');
            let address = match rest.strip_prefix("localhost:") {
                Some(port) => {
                    let port = port.parse().map(|port| (IpAddr::from(Ipv4Addr::LOCALHOST), port));
                    port.map(SocketAddr::from).ok()
                }
                None => rest.parse().ok(),
            };
            let local = address.filter(|address: &SocketAddr| address.ip().is_loopback());
            local.map(Address::Tcp).ok_or_else(|| {
                format!(
                    "{text:?} is no address of this host; a loopback address with a port is wanted"
                )
            })
        }
        _ => Err(format!("{text:?} is no address; unix:///PATH is wanted")),
    }
}

/// The file behind an address, which changes when the plugin is started again.
type Incarnation = (Address, Option<(u64, u64, i64, i64)>);

impl Address {
    /// Returns `true` if something is at the address, as far as a file shows that.
    #[must_use]
    pub fn is_there(&self) -> bool {
        match self {
            Self::Unix(path) => path.exists(),
            Self::Tcp(_) => true,
        }
    }

    fn incarnation(&self) -> Incarnation {
        let file = match self {
            Self::Unix(path) => fs::metadata(path).ok(),
            Self::Tcp(_) => None,
        };
        let identity =
            |meta: fs::Metadata| (meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec());
        (self.clone(), file.map(identity))
    }

    fn call(&self, method: &str, message: &str, deadline: Instant) -> Result<Vec<u8>, String> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = left.max(Duration::from_millis(1));
        let request = call_plugin(method, message);
        let answer = match self {
            Self::Unix(path) => client::connect(path, left)
                .and_then(|stream| client::exchange(stream, &request, deadline, ANSWER_LIMIT)),
            Self::Tcp(address) => TcpStream::connect_timeout(address, left)
                .map_err(away)
                .and_then(|stream| client::exchange(stream, &request, deadline, ANSWER_LIMIT)),
        };
        match answer {
            Ok((200, content)) => Ok(content),
            Ok((status, content)) => Err(no_answer(method, status, &content)),
            Err(error) => Err(format!("{method}: {}", why(&error, self))),
        }
    }
}

fn away(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::TimedOut,
        _ => Error::Away(error),
    }
}

/// Describes a failure as one of a plugin.
fn why(error: &Error, address: &Address) -> String {
    match error {
        Error::Away(error) => format!("cannot connect to {address}: {}", words(error)),
        Error::Broken(error) => format!("the connection to {address} broke: {}", words(error)),
        Error::TimedOut => format!("no answer in {} seconds", LOOK_LIMIT.as_secs()),
        Error::TooLarge => "its answer is longer than 1 MiB".to_owned(),
        Error::Nonsense(why) => format!("its answer cannot be read: {why}"),
        Error::Status(status) => format!("status {status}"),
    }
}

/// Activates the plugin at `address`.
///
/// # Errors
/// It does not answer, or is no authorization plugin.
pub fn activate(address: &Address, limit: Duration) -> Result<(), String> {
    activate_until(address, Instant::now() + limit)
}

fn activate_until(address: &Address, deadline: Instant) -> Result<(), String> {
    activation(&address.call("Plugin.Activate", "", deadline)?)
}

/// Refuses a request on which no plugin was heard.
pub(super) fn undecided(question: &Authorization, why: &Blind) -> Refusal {
    let why = match why {
        Blind::Late => "no answer in time, as too many requests wait for plugins".to_owned(),
        Blind::Failed(why) => why.clone(),
        Blind::NoThread => "the proxy gets no thread to ask it".to_owned(),
    };
    failed(&question.plugins.join(", "), &why)
}

/// The plugins that were activated.
#[derive(Debug, Default)]
pub(super) struct Plugins(Mutex<BTreeMap<String, Incarnation>>);

impl Plugins {
    /// Asks plugins one after the other. This blocks for [`LOOK_LIMIT`] at most.
    ///
    /// # Errors
    /// One of them denies the request, or does not decide.
    pub(super) fn decide(&self, question: &Authorization) -> Result<(), Refusal> {
        let deadline = Instant::now() + LOOK_LIMIT;
        for name in &question.plugins {
            match self.ask(name, question, deadline) {
                Ok(answer) => verdict(name, &answer)?,
                Err(why) => {
                    self.active().remove(name);
                    return Err(failed(name, &why));
                }
            }
        }
        Ok(())
    }

    fn ask(
        &self,
        name: &str,
        question: &Authorization,
        deadline: Instant,
    ) -> Result<Vec<u8>, String> {
        let address = find(name).map_err(|error| error.to_string())?;
        let incarnation = address.incarnation();
        let is_active = self.active().get(name) == Some(&incarnation);
        if !is_active {
            activate_until(&address, deadline)?;
            self.active().insert(name.to_owned(), incarnation);
        }
        address.call(question.method, &question.message, deadline)
    }

    fn active(&self) -> MutexGuard<'_, BTreeMap<String, Incarnation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
