//! What ends an exchange before its time, and the one place where that becomes a status and words.

use std::fmt;
use std::time::Duration;

use crate::http::{Malformed, render};
use crate::http2;
use crate::rules::{Reason, Refusal};

/// Why we speak in the daemon's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The client's request is not understood.
    Request(Malformed),
    /// The client's request creates something into which nothing can be put with certainty.
    Refused(Refusal),
    /// The body of a creating request has more bytes than this.
    TooLarge(usize),
    /// All collected bodies together leave no room for this one.
    NoRoom,
    /// The client ended before the body of its creating request was complete.
    CutShort,
    /// The client did not complete a request head in time.
    SlowHead,
    /// The process is about to end.
    Draining,
    /// The daemon's response is not understood.
    Response(Malformed),
    /// The daemon's answer to a question of the proxy's own cannot be read.
    Unanswered,
    /// The daemon's answers do not describe this image, of which the volumes are to be labelled.
    Undescribed(String),
    /// What this path of the host is could not be seen in time.
    Unseen(String, Blind),
    /// The daemon ended in the middle of a response head.
    ResponseCutShort,
    /// The daemon's response is to be rewritten, and has more bytes than this.
    ResponseTooLarge(usize),
    /// The daemon left HTTP after an operation that does not do so.
    UnaskedUpgrade,
    /// The daemon cannot be reached.
    Away(Away),
    /// The client's HTTP/2 is not understood.
    Http2OfClient(http2::Malformed),
    /// The daemon's HTTP/2 is not understood.
    Http2OfDaemon(http2::Malformed),
}

/// Why the daemon cannot be reached, and under which path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The path of its socket.
    pub socket: String,
    /// What went wrong there.
    pub why: Unreachable,
}

/// What went wrong where the daemon should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreachable {
    /// There is no such socket.
    Missing,
    /// Nobody listens on it.
    Down,
    /// We may not connect to it.
    Denied,
    /// It did not accept in time.
    Slow,
    /// It ends every connection before anything was sent on it.
    HangsUp,
    /// What the operating system says.
    Other(String),
}

/// How long a daemon whose accept queue is full is asked again before the client is told.
pub const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// How long a file system may take to tell what a path is that a container mounts.
pub const LOOK_LIMIT: Duration = Duration::from_secs(10);

impl Unreachable {
    /// What whoever reads of it may look at first, as a sentence.
    fn advice(&self) -> &'static str {
        match self {
            // As docker itself says it.
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
    /// The file system has not answered in time.
    Late,
    /// It answers with this error.
    Failed(String),
    /// The process gets no thread.
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

    /// Returns the status of a gRPC call that is refused (`google.rpc.Code`).
    #[must_use]
    pub fn grpc_status(&self) -> u32 {
        Reason::from(self).grpc_status()
    }

    /// The whole answer. The response to a HEAD has lengths but no body.
    #[must_use]
    pub(super) fn answer(&self, to_head: bool) -> Vec<u8> {
        render::answer(self.status(), &format!("dockerd-ci-proxy: {self}"), to_head)
    }
}

/// Advice for a person who types a request. It has no backslash: the answer is JSON, which doubles them.
fn by_hand(malformed: Malformed) -> &'static str {
    match malformed {
        Malformed::BareLf => {
            " (by hand: curl --unix-socket SOCKET http://d/_ping, or nc -C -U SOCKET)"
        }
        _ => "",
    }
}

impl fmt::Display for Fault {
    #[expect(clippy::too_many_lines, reason = "a sentence for each, and nothing else")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(malformed) => {
                write!(out, "the client's request is malformed: {malformed}")?;
                out.write_str(by_hand(*malformed))
            }
            Self::Refused(refusal) => write!(out, "refused: {refusal}"),
            Self::TooLarge(limit) => write!(
                out,
                "the body of a request that creates something may have {} MiB, so that it can be labelled; \
                 this one is longer",
                limit / 1024 / 1024
            ),
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
            Self::Unseen(path, why) => write!(
                out,
                "cannot tell whether {path:?}, which is to be mounted, is the daemon's socket: {why}"
            ),
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

fn undescribed(image: &str, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(
        out,
        "the daemon does not describe the image {image:?} for the platform of this container, so \
         the volumes that it declares cannot be labelled; pull the image for that platform"
    )
}
