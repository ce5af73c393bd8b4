//! Reads transcripts.
//!
//! ```text
//! # the reason for this transcript
//! C> GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n      the client sends
//! >D GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n      the daemon must have got
//! D> HTTP/1.1 200 OK\r\n...                      the daemon sends
//! >C HTTP/1.1 200 OK\r\n...                      the client must have got
//! C> <end>                                       the client half-closes
//! >C <answer 400 refused: ...>                   a response of the proxy itself
//! >C <answer-to-head 400 refused: ...>           the same without its body
//! C> <headers 1 end: :path=/x>                   a frame of HTTP/2; see `http2.rs`
//! = --strict                                      an additional flag of the proxy
//! = store containerd                              the daemon's answer about its image store
//! = caller unknown                                the client's process: `unknown`, or in no container (`host`)
//! ```
//!
//! Adjacent lines of one kind are joined. Expectations are compared when the next line sends something, and
//! at the end.

use std::fs;
use std::path::{Path, PathBuf};

use super::http2;

/// Kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    ClientSends,
    DaemonSends,
    DaemonGot,
    ClientGot,
}

/// Content that is sent or expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Bytes(Vec<u8>),
    /// `<end>`, `<gone>`, `<away>`, `<closed>`, `<dialled>`.
    Mark(String),
}

#[derive(Debug)]
pub struct Transcript {
    pub path: PathBuf,
    /// Additional flags of the proxy.
    pub flags: Vec<String>,
    /// The daemon's answer about its image store, if the transcript has one.
    pub store: Option<String>,
    /// The client's process, if it is not the one in a container.
    pub caller: Option<String>,
    pub lines: Vec<(Line, What)>,
}

impl Transcript {
    /// Returns the number of bytes that both sides send.
    pub fn length(&self) -> usize {
        let sent = |(line, what): &(Line, What)| match (line, what) {
            (Line::ClientSends | Line::DaemonSends, What::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        self.lines.iter().map(sent).sum()
    }
}

/// The path of the daemon's socket in the transcripts.
pub const SOCKET: &str = "/run/docker.sock";

/// Returns all transcripts, sorted by name.
pub fn all() -> Vec<Transcript> {
    paths().into_iter().map(|path| read(path, SOCKET)).collect()
}

/// Returns the folder `tests`, also for the fuzz targets, which are a package beside it.
pub fn tests() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|at| at.join("tests"));
    folders.find(|folder| folder.join("support").is_dir()).unwrap()
}

/// Returns their paths.
pub fn paths() -> Vec<PathBuf> {
    let root = tests().join("transcripts");
    let mut paths: Vec<PathBuf> = Vec::new();
    for area in fs::read_dir(&root).unwrap() {
        let pages = fs::read_dir(area.unwrap().path()).unwrap();
        paths.extend(pages.map(|page| page.unwrap().path()));
    }
    paths.sort();
    assert!(!paths.is_empty(), "no transcripts in {}", root.display());
    paths
}

/// Reads a transcript, with `socket` as the path of the daemon's socket.
pub fn read(path: PathBuf, socket: &str) -> Transcript {
    let text = fs::read_to_string(&path).unwrap().replace(SOCKET, socket);
    let mut lines: Vec<(Line, What)> = Vec::new();
    let (mut flags, mut store, mut caller) = (Vec::new(), None, None);
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(option) = line.strip_prefix("= ") {
            match option.split_once(' ') {
                Some(("store", kind)) => store = Some(kind.to_owned()),
                Some(("caller", kind)) => caller = Some(kind.to_owned()),
                _ => flags.push(option.to_owned()),
            }
            continue;
        }
        let (kind, what) = said(line).unwrap_or_else(|| panic!("{}: {line:?}?", path.display()));
        match (lines.last_mut(), what) {
            (Some((last, What::Bytes(bytes))), What::Bytes(more)) if *last == kind => {
                bytes.extend(more);
            }
            (_, what) => lines.push((kind, what)),
        }
    }
    Transcript { path, flags, store, caller, lines }
}

/// Reads a line that is neither empty nor a comment; returns `None` for an unknown one.
pub fn said(line: &str) -> Option<(Line, What)> {
    let (kind, rest) = line.split_at_checked(3)?;
    let kind = match kind {
        "C> " => Line::ClientSends,
        "D> " => Line::DaemonSends,
        ">D " => Line::DaemonGot,
        ">C " => Line::ClientGot,
        _ => return None,
    };
    Some((kind, what(rest)))
}

fn what(text: &str) -> What {
    if let Some(answer) = text.strip_prefix("<answer ") {
        let (status, message) = answer.trim_end_matches('>').split_once(' ').unwrap();
        return What::Bytes(own_answer(status, message));
    }
    if let Some(answer) = text.strip_prefix("<answer-to-head ") {
        let (status, message) = answer.trim_end_matches('>').split_once(' ').unwrap();
        let mut whole = own_answer(status, message);
        let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        whole.truncate(head);
        return What::Bytes(whole);
    }
    if let Some(repeated) = text.strip_prefix("<repeat ") {
        let (times, bytes) = repeated.strip_suffix('>').unwrap().split_once(' ').unwrap();
        return What::Bytes(unescape(bytes).repeat(times.parse().unwrap()));
    }
    match text.strip_prefix('<').and_then(|mark| mark.strip_suffix('>')) {
        Some(mark) => match http2::bytes(mark) {
            Some(bytes) => What::Bytes(bytes),
            None => What::Mark(mark.to_owned()),
        },
        None => What::Bytes(unescape(text)),
    }
}

/// Builds a response of the proxy itself, without the program's code.
fn own_answer(status: &str, message: &str) -> Vec<u8> {
    let reason = match status {
        "400" => "Bad Request",
        "403" => "Forbidden",
        "413" => "Content Too Large",
        "415" => "Unsupported Media Type",
        "431" => "Request Header Fields Too Large",
        "502" => "Bad Gateway",
        "503" => "Service Unavailable",
        _ => panic!("no reason phrase for {status}"),
    };
    let message = String::from_utf8(unescape(message)).unwrap();
    let quoted = serde_json::to_string(&format!("dockerd-ci-proxy: {message}")).unwrap();
    let body = format!("{{\"message\":{quoted}}}\n");
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    (head + &body).into_bytes()
}

pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'r') => bytes.push(b'\r'),
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'\\') => bytes.push(b'\\'),
            Some(b'x') => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            other => panic!("no such escape: \\{other:?} in {text:?}"),
        }
    }
    bytes
}
