//! Questions to the daemon that must be answered before the proxy serves: which cgroup driver it
//! has, and which cgroup parent the container has in which we run.
//!
//! This is a blocking client for a few small `GET`s at startup, and no part of the event loop.

use std::fmt::{self, Display, Formatter};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde_json::Value;

use crate::http::gather;
use crate::http::reply::{self, Reply, Whole};
use crate::rules::buildkit::Store;

/// Time for a whole question and its answer. A daemon that lists its plugins for `/info` may take
/// a second; the start of the proxy should not hang on one that is stuck.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes that the body of an answer may have. An `/info` has a few thousand, a container some
/// ten thousand; what is much larger comes from no daemon.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// The files of an image over which those are mounted that make its container's network and name.
const CONTAINER_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// The `driver-type` among the facts of a storage driver that is one of containerd's.
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1";

/// The daemon's cgroup driver, `cgroupfs` or `systemd`; `None` if no daemon is there yet or it
/// does not say.
///
/// # Errors
///
/// A daemon is there but gives no answer that can be read.
pub fn cgroup_driver(daemon: &Path) -> Result<Option<String>, Error> {
    match get(daemon, "/info") {
        Err(Error::Away(_)) => Ok(None),
        Err(error) => Err(error),
        Ok(info) => Ok(info.get("CgroupDriver").and_then(Value::as_str).map(ToOwned::to_owned)),
    }
}

/// The store in which the daemon keeps its images, by what it calls its storage driver.
#[must_use]
pub fn store(daemon: &Path) -> Store {
    match get(daemon, "/info") {
        Ok(info) => store_in(&info),
        Err(_) => Store::Unknown,
    }
}

/// The store that the answer to `/info` names.
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

/// What a daemon says of itself.
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

/// Who answers at the daemon's socket.
///
/// # Errors
///
/// Nobody, or with an answer that cannot be read.
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

/// The cgroup parent of the container in which this process runs. Docker names a container's host
/// by the container's id unless told otherwise, so that is asked about first; then come the ids
/// that the kernel shows to the process.
///
/// # Errors
///
/// We are in no container that the daemon knows, it has no cgroup parent of its own, or the daemon
/// cannot be asked.
pub fn own_cgroup_parent(daemon: &Path) -> Result<String, Error> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let hostname = read("/proc/sys/kernel/hostname");
    let (cgroup, mountinfo) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let ids = [id_in_cgroup(&cgroup), id_in_mountinfo(&mountinfo)];
    parent_of_first(daemon, hostname.trim(), ids.into_iter().flatten())
}

/// Whether this process seems to run in a container, and so does not see the host's files under their
/// names: what runs one mounts files of its own over some of the image's.
#[must_use]
pub fn in_container() -> bool {
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts(&mountinfo).any(|(_, mount_point)| CONTAINER_FILES.contains(&mount_point))
}

/// Asks about the container named by the hostname, then about the ids, until the daemon knows one.
fn parent_of_first<'a>(
    daemon: &Path,
    hostname: &str,
    ids: impl Iterator<Item = &'a str>,
) -> Result<String, Error> {
    if let Some(container) = container(daemon, hostname)?
        && is_host(&container, hostname)
    {
        return cgroup_parent(&container, hostname);
    }
    for id in ids {
        if let Some(container) = container(daemon, id)? {
            return cgroup_parent(&container, id);
        }
    }
    Err(Error::NoContainer)
}

/// What the daemon knows of a container; `None` if it does not know it.
fn container(daemon: &Path, name: &str) -> Result<Option<Value>, Error> {
    // Other bytes are in no name or id, and would have to be escaped in the request.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Ok(None);
    }
    match get(daemon, &format!("/containers/{name}/json")) {
        Ok(container) => Ok(Some(container)),
        Err(Error::Status(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a container that was found by our hostname can be ours: a foreign one may have that
/// name by chance, but then its own host is called otherwise.
fn is_host(container: &Value, hostname: &str) -> bool {
    let theirs = container.pointer("/Config/Hostname").and_then(Value::as_str);
    theirs.is_none_or(|theirs| {
        // Some daemons put the domain behind the name.
        let domain = hostname.strip_prefix(theirs);
        domain.is_some_and(|domain| domain.is_empty() || domain.starts_with('.'))
    })
}

fn cgroup_parent(container: &Value, name: &str) -> Result<String, Error> {
    let parent = container.pointer("/HostConfig/CgroupParent");
    match parent.and_then(Value::as_str) {
        Some(parent) if !parent.is_empty() => Ok(parent.to_owned()),
        _ => Err(Error::NoParent(name.to_owned())),
    }
}

/// The id of our container in the text of `/proc/self/cgroup`, whose lines end in a path like
/// `/docker/<id>` or `/system.slice/docker-<id>.scope`. Within a container in a container the
/// inner one, ours, stands last. With cgroup namespaces there is none.
fn id_in_cgroup(text: &str) -> Option<&str> {
    text.lines().find_map(|line| ids(line).next_back())
}

/// The id of our container in the text of `/proc/self/mountinfo`: the daemon mounts files like
/// `.../containers/<id>/hostname` over some in `/etc`. Other ids there are those of image layers.
fn id_in_mountinfo(text: &str) -> Option<&str> {
    mounts(text).find_map(|(root, mount_point)| {
        let ours = CONTAINER_FILES.contains(&mount_point);
        let (_, id) = root.rsplit_once("containers/").filter(|_| ours)?;
        ids(id).next()
    })
}

/// What is mounted, as a path in its file system, and where, in the text of `/proc/self/mountinfo`.
fn mounts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    })
}

/// The container ids in a text: runs of exactly 64 lower-case hexadecimal digits.
fn ids(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let is_hex = |letter: char| matches!(letter, '0'..='9' | 'a'..='f');
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(move |run| run.len() == 64 && run.chars().all(is_hex))
}

/// Asks for a document; everything but a JSON document with status 200 is an error.
fn get(daemon: &Path, target: &str) -> Result<Value, Error> {
    match fetch(daemon, target)? {
        (200, body) => {
            serde_json::from_slice(&body).map_err(|error| Error::Nonsense(error.to_string()))
        }
        (status, _) => Err(Error::Status(status)),
    }
}

/// Asks for something. Returns the status of the answer, and its body as text.
///
/// # Errors
///
/// The socket gives no answer that can be read.
pub fn text(socket: &Path, target: &str) -> Result<(u16, String), Error> {
    let (status, body) = fetch(socket, target)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Asks for something. Returns the status of the answer, and its body.
fn fetch(daemon: &Path, target: &str) -> Result<(u16, Vec<u8>), Error> {
    let deadline = Instant::now() + TIMEOUT;
    let mut stream = connect(daemon, TIMEOUT)?;
    // The host means nothing on a UNIX socket, but Go's server wants one.
    let request = format!("GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    read(stream, deadline)
}

/// Connects, waiting no longer than this for a place in the daemon's queue.
fn connect(daemon: &Path, timeout: Duration) -> Result<UnixStream, Error> {
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

fn read(mut stream: UnixStream, deadline: Instant) -> Result<(u16, Vec<u8>), Error> {
    let mut reply = Reply::new(MAX_ANSWER, Vec::new());
    let mut pending = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(Whole { response, content, .. }) = reply.whole() {
            return Ok((response.status, content.to_vec()));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::TimedOut);
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => reply.end()?,
            count => pending.extend(piece.iter().take(count)),
        }
        let taken = reply.take(&pending)?;
        pending.drain(..taken);
    }
}

/// Why the daemon gave no answer, or not the wanted one.
#[derive(Debug)]
pub enum Error {
    /// Nobody answers at the daemon's socket, or we may not connect.
    Away(io::Error),
    /// The connection broke.
    Broken(io::Error),
    /// No whole answer within 5 seconds.
    TimedOut,
    /// An answer of more than 4 MiB.
    TooLarge,
    /// An answer that is not HTTP with a JSON document, and how so.
    Nonsense(String),
    /// A status other than 200.
    Status(u16),
    /// The daemon knows no container that is ours.
    NoContainer,
    /// Our container, by this name, has no cgroup parent of its own.
    NoParent(String),
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
            Self::TimedOut => {
                write!(f, "the daemon did not answer within {} seconds", TIMEOUT.as_secs())
            }
            Self::TooLarge => write!(f, "the daemon's answer is larger than {MAX_ANSWER} bytes"),
            Self::Nonsense(why) => write!(f, "the daemon's answer cannot be read: {why}"),
            Self::Status(code) => write!(f, "the daemon answered with status {code}"),
            Self::NoContainer => write!(
                f,
                "the proxy runs in no container that the daemon knows by our hostname, \
                 /proc/self/cgroup or /proc/self/mountinfo"
            ),
            Self::NoParent(name) => write!(
                f,
                "the container {name}, in which the proxy runs, has no cgroup parent of its own"
            ),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::ops::Deref;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::thread;

    const ID: &str = "3f29ce8c0b8e2b0b5ffd9d2a3a4c1a2d4c8a6c3d2e1f0a9b8c7d6e5f4a3b2c1d";
    const OTHER: &str = "ffffce8c0b8e2b0b5ffd9d2a3a4c1a2d4c8a6c3d2e1f0a9b8c7d6e5f4a3b2c1d";

    /// The socket of a scripted daemon, which goes at the end of the test.
    struct Daemon(PathBuf);

    impl Deref for Daemon {
        type Target = Path;

        fn deref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Daemon {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// A daemon that answers each target with these bytes, and all others with 404.
    fn daemon(test: &str, answers: &[(&str, Vec<u8>)]) -> Daemon {
        let name = format!("dcp-ask-{test}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = UnixListener::bind(&path).unwrap();
        let owned = |(target, answer): &(&str, Vec<u8>)| ((*target).to_owned(), answer.clone());
        let answers: HashMap<String, Vec<u8>> = answers.iter().map(owned).collect();
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &answers);
            }
        });
        Daemon(path)
    }

    fn serve(mut stream: UnixStream, answers: &HashMap<String, Vec<u8>>) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let request = String::from_utf8(request).unwrap();
        let target = request.split(' ').nth(1).unwrap();
        let not_found = b"HTTP/1.0 404 Not Found\r\n\r\n{}".to_vec();
        // A client that had enough hangs up.
        let _ = stream.write_all(answers.get(target).unwrap_or(&not_found));
    }

    fn ok(body: &str) -> Vec<u8> {
        format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}").into()
    }

    fn inspected(hostname: &str, parent: &str) -> Vec<u8> {
        ok(&format!(
            r#"{{"Config":{{"Hostname":"{hostname}"}},"HostConfig":{{"CgroupParent":"{parent}"}}}}"#
        ))
    }

    /// Asks a daemon that knows these containers, as a process with this hostname and id.
    fn own(test: &str, containers: &[(&str, Vec<u8>)], id: Option<&str>) -> Result<String, String> {
        let targets: Vec<_> = containers
            .iter()
            .map(|(name, answer)| (format!("/containers/{name}/json"), answer.clone()))
            .collect();
        let answers: Vec<_> =
            targets.iter().map(|(target, answer)| (target.as_str(), answer.clone())).collect();
        parent_of_first(&daemon(test, &answers), "host", id.into_iter())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_driver_is_that_of_info() {
        let driver = |test, body| cgroup_driver(&daemon(test, &[("/info", ok(body))])).unwrap();
        assert_eq!(driver("driver", r#"{"CgroupDriver":"systemd"}"#), Some("systemd".into()));
        assert_eq!(driver("silent", "{}"), None);
    }

    #[test]
    fn a_daemon_tells_its_versions() {
        let version = ok(r#"{"Version":"26.1\u001b[2J","ApiVersion":"1.45"}"#);
        let answers = [("/version", version), ("/info", ok(r#"{"CgroupDriver":"systemd"}"#))];
        let text = super::daemon(&daemon("version", &answers)).unwrap().to_string();
        assert_eq!(text, "version 26.1\\u{1b}[2J, API 1.45, cgroup driver systemd");
        let error = super::daemon(&daemon("versionless", &[("/version", ok("{}"))])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the daemon's answer cannot be read: /version has no Version"
        );
    }

    #[test]
    fn a_daemon_that_is_away_has_no_driver_yet() {
        assert_eq!(cgroup_driver(Path::new("/nowhere/docker.sock")).unwrap(), None);
    }

    #[test]
    fn answers_that_cannot_be_read_are_told_apart() {
        let why = |test, answer: &[u8]| {
            let daemon = daemon(test, &[("/info", answer.to_vec())]);
            cgroup_driver(&daemon).unwrap_err()
        };
        assert!(matches!(why("empty", b""), Error::Nonsense(_)));
        assert!(matches!(why("html", &ok("<html>")), Error::Nonsense(_)));
        assert!(matches!(why("cut", &ok(r#"{"CgroupDriver":"#)), Error::Nonsense(_)));
        assert!(matches!(why("500", b"HTTP/1.0 500 Oh\r\n\r\n{}"), Error::Status(500)));
        assert!(matches!(why("large", &ok(&" ".repeat(MAX_ANSWER + 1))), Error::TooLarge));
    }

    #[test]
    fn a_daemon_that_is_stuck_is_not_waited_for() {
        let (mine, _theirs) = UnixStream::pair().unwrap();
        let deadline = Instant::now() + Duration::from_millis(20);
        assert!(matches!(read(mine, deadline), Err(Error::TimedOut)));
    }

    #[test]
    fn a_daemon_whose_queue_is_full_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("dcp-ask-full-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let timeout = Duration::from_millis(20);
        let _first = connect(&path, timeout).unwrap();
        assert!(matches!(connect(&path, timeout), Err(Error::TimedOut)));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn our_container_is_the_one_named_by_the_hostname() {
        let containers = [("host", inspected("host", "/ci")), (ID, inspected("x", "/no"))];
        assert_eq!(own("hostname", &containers, Some(ID)), Ok("/ci".into()));
    }

    #[test]
    fn our_container_is_found_by_id_when_the_hostname_does_not_help() {
        let unknown = [(ID, inspected("host", "/ci"))];
        assert_eq!(own("id", &unknown, Some(ID)), Ok("/ci".into()));
        let foreign = [("host", inspected("web", "/no")), (ID, inspected("host", "/ci"))];
        assert_eq!(own("foreign", &foreign, Some(ID)), Ok("/ci".into()));
    }

    #[test]
    fn without_a_container_or_a_parent_there_is_a_clear_error() {
        let error = own("none", &[], Some(ID)).unwrap_err();
        assert!(error.starts_with("the proxy runs in no container"), "{error}");
        let error = own("no-id", &[], None).unwrap_err();
        assert!(error.starts_with("the proxy runs in no container"), "{error}");
        let error = own("no-parent", &[("host", inspected("host", ""))], None).unwrap_err();
        assert!(error.ends_with("has no cgroup parent of its own"), "{error}");
    }

    #[test]
    fn a_domain_behind_the_hostname_does_not_matter() {
        let container = serde_json::json!({"Config": {"Hostname": "job"}});
        assert!(is_host(&container, "job"));
        assert!(is_host(&container, "job.example"));
        assert!(!is_host(&container, "jobs"));
        assert!(is_host(&serde_json::json!({}), "job"));
    }

    #[test]
    fn the_id_is_found_in_the_cgroup_of_any_driver() {
        let v1 = format!("12:pids:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/\n");
        assert_eq!(id_in_cgroup(&v1), Some(ID));
        let systemd = format!("0::/system.slice/docker-{ID}.scope\n");
        assert_eq!(id_in_cgroup(&systemd), Some(ID));
        let nested = format!("5:cpu:/docker/{OTHER}/docker/{ID}/init\n");
        assert_eq!(id_in_cgroup(&nested), Some(ID));
        let parent = format!("5:cpu:/ci/1234/{ID}\n");
        assert_eq!(id_in_cgroup(&parent), Some(ID));
    }

    #[test]
    fn no_id_is_found_outside_of_containers() {
        for text in ["0::/\n", "0::/user.slice/user-0.slice/session-1.scope\n", ""] {
            assert_eq!(id_in_cgroup(text), None);
        }
        assert_eq!(id_in_cgroup(&format!("0::/docker/{ID}0\n")), None);
        assert_eq!(id_in_cgroup(&format!("0::/docker/{}\n", ID.to_uppercase())), None);
    }

    #[test]
    fn the_id_in_mountinfo_is_not_that_of_a_layer() {
        let layers = format!(
            "600 500 0:50 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/{OTHER}/diff\n\
             601 600 8:1 /var/lib/docker/overlay2/{OTHER}/diff /etc/hosts rw - ext4 /dev/sda1 rw\n\
             602 600 8:1 /var/lib/docker/containers/{OTHER}/mounts /mnt rw - ext4 /dev/sda1 rw\n"
        );
        assert_eq!(id_in_mountinfo(&layers), None);
        let ours = format!(
            "{layers}603 600 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf \
             rw,relatime - ext4 /dev/sda1 rw\n"
        );
        assert_eq!(id_in_mountinfo(&ours), Some(ID));
        let own_disk = format!("604 600 8:1 /containers/{ID}/hostname /etc/hostname rw - ext4 x\n");
        assert_eq!(id_in_mountinfo(&own_disk), Some(ID));
        assert_eq!(id_in_mountinfo("25 1 8:1 / / rw - ext4 /dev/sda1 rw\nx\n"), None);
    }
}
