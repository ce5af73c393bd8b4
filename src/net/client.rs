//! A blocking HTTP client, and the questions to the daemon that are asked by it. It is no part of the event loop.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde_json::Value;

use crate::http::gather;
use crate::http::reply::{self, Reply, Whole};
use crate::net::host::credentials::Credentials;
use crate::rules::buildkit::Store;

/// Time for a request and its whole response. A daemon that lists its plugins for `/info` may take
/// a second; the startup of the proxy must not hang on a daemon that is stuck.
pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that the body of a response may have. An `/info` has a few thousand, a container some
/// ten thousand.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The `driver-type` in the status of a storage driver that is one of containerd's.
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1";

/// Returns the daemon's cgroup driver, `cgroupfs` or `systemd`; `None` if no daemon answers yet or
/// it names none.
///
/// # Errors
///
/// A daemon answers, but its response cannot be read.
pub fn cgroup_driver(daemon: &Path) -> Result<Option<String>, Error> {
    match get(daemon, "/info") {
        Err(Error::Away(_)) => Ok(None),
        Err(error) => Err(error),
        Ok(info) => Ok(info.get("CgroupDriver").and_then(Value::as_str).map(ToOwned::to_owned)),
    }
}

/// Returns the store of the daemon's images, by the name of its storage driver.
#[must_use]
pub fn store(daemon: &Path) -> Store {
    match get(daemon, "/info") {
        Ok(info) => store_in(&info),
        Err(_) => Store::Unknown,
    }
}

/// Returns the store that the response to `/info` names.
fn store_in(info: &Value) -> Store {
    let Some(status) = info.get("DriverStatus").and_then(Value::as_array) else {
        return Store::Unknown;
    };
    let is_snapshotter = |pair: &Value| {
        pair.pointer("/0").and_then(Value::as_str) == Some("driver-type")
            && pair.pointer("/1").and_then(Value::as_str) == Some(SNAPSHOTTER)
    };
    if status.iter().any(is_snapshotter) { Store::Containerd } else { Store::GraphDriver }
}

/// The description that a daemon gives of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// Its version, like `26.1.5`.
    pub version: String,
    /// The newest version of the Engine API that it speaks, like `1.45`.
    pub api: String,
    /// Its cgroup driver, `cgroupfs` or `systemd`.
    pub driver: Option<String>,
}

impl Display for Daemon {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Foreign text goes to a terminal.
        let (version, api) = (self.version.escape_debug(), self.api.escape_debug());
        write!(f, "version {version}, API {api}")?;
        match &self.driver {
            Some(driver) => write!(f, ", cgroup driver {}", driver.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Asks the daemon about itself.
///
/// # Errors
///
/// No daemon answers, or its response cannot be read.
pub fn daemon(path: &Path) -> Result<Daemon, Error> {
    let version = get(path, "/version")?;
    let text = |name| version.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let lacks = |name| Error::Nonsense(format!("/version has no {name}"));
    Ok(Daemon {
        version: text("Version").ok_or_else(|| lacks("Version"))?,
        api: text("ApiVersion").ok_or_else(|| lacks("ApiVersion"))?,
        driver: cgroup_driver(path)?,
    })
}

/// Checks that the daemon answers.
///
/// # Errors
///
/// No daemon answers, or not with success.
pub fn ping(daemon: &Path) -> Result<(), Error> {
    match fetch(daemon, "/_ping")? {
        (200, _) => Ok(()),
        (status, _) => Err(Error::Status(status)),
    }
}

/// Requests a JSON document; every status but 200 is an error.
pub(super) fn get(daemon: &Path, target: &str) -> Result<Value, Error> {
    match fetch(daemon, target)? {
        (200, body) => {
            serde_json::from_slice(&body).map_err(|error| Error::Nonsense(error.to_string()))
        }
        (status, _) => Err(Error::Status(status)),
    }
}

/// Sends a request. Returns the status of the response, and its body as text.
///
/// # Errors
///
/// The socket gives no response that can be read.
pub fn text(socket: &Path, target: &str) -> Result<(u16, String), Error> {
    let (status, body) = fetch(socket, target)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Sends a `GET`. Returns the status of the response, and its body.
fn fetch(daemon: &Path, target: &str) -> Result<(u16, Vec<u8>), Error> {
    // Go's server wants a host, although it means nothing on a UNIX socket.
    let request = format!("GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    send(daemon, request.as_bytes(), TIMEOUT, MAX_ANSWER)
}

/// Sends a request over a connection of its own. Waits `timeout` for the whole response, whose body may have `limit`
/// bytes. Returns its status and its body.
pub(super) fn send(
    daemon: &Path,
    request: &[u8],
    timeout: Duration,
    limit: usize,
) -> Result<(u16, Vec<u8>), Error> {
    let deadline = Instant::now() + timeout;
    exchange(connect(daemon, TIMEOUT.min(timeout))?, request, deadline, limit)
}

/// A connection whose reads and writes can be limited in time.
pub(super) trait Timed: Read + Write {
    /// Limits the next read or write.
    fn limit(&self, left: Duration) -> io::Result<()>;
}

impl Timed for UnixStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

impl Timed for TcpStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left))?;
        self.set_write_timeout(Some(left))
    }
}

/// Sends a request, and reads the whole response until `deadline`. Its body may have `limit` bytes. Returns its status
/// and its body.
pub(super) fn exchange(
    mut stream: impl Timed,
    mut request: &[u8],
    deadline: Instant,
    limit: usize,
) -> Result<(u16, Vec<u8>), Error> {
    while !request.is_empty() {
        stream.limit(left(deadline)?)?;
        match stream.write(request)? {
            0 => return Err(Error::Broken(ErrorKind::WriteZero.into())),
            count => request = request.get(count..).unwrap_or_default(),
        }
    }
    read(stream, deadline, limit)
}

/// Returns the time until `deadline`.
fn left(deadline: Instant) -> Result<Duration, Error> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(Error::TimedOut) } else { Ok(left) }
}

/// Returns the process that listens at the daemon's socket.
pub(super) fn peer(daemon: &Path) -> Result<Credentials, Error> {
    connect(daemon, TIMEOUT).map(|stream| Credentials::of(&stream))
}

/// Connects. Waits no longer than `timeout` for a place in the daemon's queue.
pub(super) fn connect(daemon: &Path, timeout: Duration) -> Result<UnixStream, Error> {
    let away = |errno: Errno| match errno {
        Errno::AGAIN => Error::TimedOut,
        _ => Error::Away(errno.into()),
    };
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket =
        rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).map_err(away)?;
    // Also bounds connect(2) on Linux, for which std has no way on UNIX sockets.
    set_socket_timeout(&socket, Timeout::Send, Some(timeout)).map_err(away)?;
    let address = SocketAddrUnix::new(daemon).map_err(away)?;
    rustix::net::connect(&socket, &address).map_err(away)?;
    Ok(socket.into())
}

fn read(mut stream: impl Timed, deadline: Instant, limit: usize) -> Result<(u16, Vec<u8>), Error> {
    let mut reply = Reply::new(limit, Vec::new());
    let mut pending = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(Whole { response, content, .. }) = reply.whole() {
            return Ok((response.status, content.to_vec()));
        }
        stream.limit(left(deadline)?)?;
        match stream.read(&mut piece)? {
            0 => reply.end()?,
            count => pending.extend(piece.iter().take(count)),
        }
        let taken = reply.take(&pending)?;
        pending.drain(..taken);
    }
}

/// The reason why the daemon gave no response, or not the wanted one.
#[derive(Debug)]
pub enum Error {
    /// No process listens at the daemon's socket, or connecting is not permitted.
    Away(io::Error),
    /// The connection broke.
    Broken(io::Error),
    /// No whole response in time.
    TimedOut,
    /// A response that is larger than any expected one.
    TooLarge,
    /// A response that is not HTTP with a JSON document, and the reason.
    Nonsense(String),
    /// A status other than 200.
    Status(u16),
}

impl Error {
    /// Returns `true` if the daemon gave no answer, as while it is restarted.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Broken(_) | Self::TimedOut)
    }
}

impl From<reply::Error> for Error {
    fn from(error: reply::Error) -> Self {
        match error {
            reply::Error::Body(gather::Error::TooLarge) => Self::TooLarge,
            error => Self::Nonsense(error.to_string()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Broken(error),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(error) => write!(f, "the daemon cannot be reached: {error}"),
            Self::Broken(error) => write!(f, "the connection to the daemon broke: {error}"),
            Self::TimedOut => f.write_str("the daemon did not answer in time"),
            Self::TooLarge => f.write_str("the daemon's answer is too large"),
            Self::Nonsense(why) => write!(f, "the daemon's answer cannot be read: {why}"),
            Self::Status(code) => write!(f, "the daemon answered with status {code}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
pub(super) mod tests;
