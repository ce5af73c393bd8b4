//! Faults that end an exchange early, and their status codes and messages.

use std::fmt;
use std::time::Duration;

use crate::http::{Malformed, render};
use crate::http2;
use crate::rules::{Reason, Refusal};

/// The reason for an answer by the proxy instead of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The client's request is malformed.
    Request(Malformed),
    /// The rules refuse the client's request.
    Refused(Refusal),
    /// The body of a creating request has more bytes than this.
    TooLarge(usize),
    /// The budget for gathered bodies is exhausted.
    NoRoom,
    /// The client ended before the body of its creating request was complete.
    CutShort,
    /// The client did not complete a request head in time.
    SlowHead,
    /// The process is shutting down.
    Draining,
    /// The daemon's response is malformed.
    Response(Malformed),
    /// The daemon's answer to a question of the proxy cannot be read.
    Unanswered,
    /// The daemon does not describe this image, whose volumes are to be labelled.
    Undescribed(String),
    /// The relation of this host path to the daemon's socket is not known.
    Unseen(String, Blind),
    /// The daemon ended in the middle of a response head.
    ResponseCutShort,
    /// The daemon's response is to be rewritten, and has more bytes than this.
    ResponseTooLarge(usize),
    /// The daemon left HTTP after an operation without upgrade.
    UnaskedUpgrade,
    /// The daemon cannot be reached.
    Away(Away),
    /// The client's HTTP/2 is malformed.
    Http2OfClient(http2::Malformed),
    /// The daemon's HTTP/2 is malformed.
    Http2OfDaemon(http2::Malformed),
}

/// A daemon that cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The path of its socket.
    pub socket: String,
    /// The reason.
    pub why: Unreachable,
}

/// The reason why a daemon cannot be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreachable {
    /// The socket does not exist.
    Missing,
    /// No process listens on the socket.
    Down,
    /// The proxy may not connect to the socket.
    Denied,
    /// The daemon did not accept in time.
    Slow,
    /// The daemon ends every connection before anything was sent on it.
    HangsUp,
    /// Another error of the operating system.
    Other(String),
}

/// Maximum time for connecting to a daemon whose accept queue is full.
pub const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// Maximum time for a file system to report the type of a mounted path.
pub const LOOK_LIMIT: Duration = Duration::from_secs(10);

impl Unreachable {
    /// Returns the first thing to check, as a sentence.
    fn advice(&self) -> &'static str {
        match self {
            // The wording of the docker CLI.
            Self::Missing | Self::Down | Self::Other(_) => "Is the docker daemon running?",
            Self::Denied => {
                "The user that runs dockerd-ci-proxy has to be in the group of that socket."
            }
            Self::Slow => "Is the docker daemon overloaded?",
            Self::HangsUp => "The log of the docker daemon may tell why.",
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str("no such file or directory"),
            Self::Down => out.write_str("connection refused"),
            Self::Denied => out.write_str("permission denied"),
            Self::Slow => {
                write!(out, "it did not accept a connection in {} seconds", DIAL_LIMIT.as_secs())
            }
            Self::HangsUp => out.write_str("it ends every connection at once"),
            Self::Other(words) => out.write_str(words),
        }
    }
}

/// The reason why the relation of a path to the daemon's socket is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blind {
    /// The file system did not answer in time.
    Late,
    /// The file system returned this error.
    Failed(String),
    /// No thread could be started.
    NoThread,
}

impl fmt::Display for Blind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => write!(
                out,
                "its file system has not answered for {} seconds. Is its server (NFS, FUSE) down?",
                LOOK_LIMIT.as_secs()
            ),
            Self::Failed(error) => write!(out, "its file system answers {error:?}"),
            Self::NoThread => out.write_str(
                "the proxy gets no thread to look at it with. Is a limit of processes reached?",
            ),
        }
    }
}

impl fmt::Display for Away {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, why } = self;
        let advice = why.advice();
        write!(out, "cannot reach the Docker daemon at unix://{socket}: {why}. {advice}")
    }
}

impl Fault {
    /// Returns the status of the answer (RFC 9110 §15).
    #[must_use]
    pub fn status(&self) -> u16 {
        Reason::from(self).status()
    }

    /// Returns the whole answer. The response to a HEAD has lengths but no body.
    #[must_use]
    pub(super) fn answer(&self, to_head: bool) -> Vec<u8> {
        render::answer(self.status(), &format!("dockerd-ci-proxy: {self}"), to_head)
    }
}

/// Returns advice for requests that are typed by hand. It has no backslash, which JSON would double.
fn by_hand(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::BareLf => {
            " (by hand: curl --unix-socket SOCKET http://d/_ping, or nc -C -U SOCKET)"
        }
        _ => "",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(malformed) => {
                write!(out, "the client's request is malformed: {malformed}")?;
                out.write_str(by_hand(*malformed))
            }
            Self::Refused(refusal) => write!(out, "refused: {refusal}"),
            Self::TooLarge(limit) => too_large(*limit, out),
            Self::NoRoom => out
                .write_str("too many large requests are being labelled at this moment; try again"),
            Self::CutShort => {
                out.write_str("the client ended before its request body was complete")
            }
            Self::SlowHead => {
                out.write_str("the client did not complete its request head in 5 minutes")
            }
            Self::Draining => out.write_str(
                "the proxy is shutting down and takes no new requests; try again when it is back",
            ),
            Self::Response(malformed) => {
                write!(out, "the daemon's response is malformed: {malformed}")
            }
            Self::Unanswered => out.write_str(
                "the daemon gave no answer that can be read when it was asked about the image or the \
                 volumes of this container",
            ),
            Self::Undescribed(image) => undescribed(image, out),
            Self::Unseen(path, why) => unseen(path, why, out),
            Self::ResponseCutShort => {
                out.write_str("the daemon hung up in the middle of a response head")
            }
            Self::ResponseTooLarge(limit) => write!(
                out,
                "a response that is to be rewritten may have {} MiB; the daemon's is longer",
                limit / 1024 / 1024
            ),
            Self::UnaskedUpgrade => out.write_str(
                "the daemon switched protocols after a request that does not ask for that",
            ),
            Self::Away(away) => away.fmt(out),
            Self::Http2OfClient(malformed) => {
                write!(out, "the client's HTTP/2 is malformed: {malformed}")
            }
            Self::Http2OfDaemon(malformed) => {
                write!(out, "the daemon's HTTP/2 is malformed: {malformed}")
            }
        }
    }
}

fn too_large(limit: usize, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        out,
        "the body of a request that creates something may have {} MiB, so that it can be labelled; \
         this one is longer",
        limit / 1024 / 1024
    )
}

fn unseen(path: &str, why: &Blind, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        out,
        "cannot tell whether {path:?}, which is to be mounted, is the daemon's socket: {why}"
    )
}

fn undescribed(image: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        out,
        "the daemon does not describe the image {image:?} for the platform of this container, so \
         the volumes that it declares cannot be labelled; pull the image for that platform"
    )
}
