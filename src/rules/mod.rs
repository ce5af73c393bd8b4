//! What is forced into the creating requests of the Engine API, and how.
//!
//! ```text
//! Operation, Request ── plan ──► Pass │ Retarget(target) │ Rewrite(carrier) │ refused
//! BuildKit's message ── buildkit::edit ──► the message with the same
//! body, carrier ── body::rewrite ──► the body with the operator's labels and cgroup parent
//! ```

pub mod body;
pub mod errands;
pub mod inject;
mod mounts;
pub mod platform;
mod reason;
mod refusal;
pub mod reply;
pub mod socket;

pub use inject::buildkit;
pub use inject::{Forced, Inject, Injections};
pub use mounts::AnonymousVolumes;
pub use reason::Reason;
pub use refusal::Refusal;

use self::inject::{dockerfile_changes, query};
use self::reply::Replies;
use self::socket::{Look, SocketBind};
use crate::engine::{Carrier, JsonCarrier, Operation, QueryCarrier, UNKNOWN};
use crate::http::body::Framing;
use crate::http::head::Request;

/// What the operator wants every created resource to carry.
#[derive(Debug, Clone, Default)]
pub struct Injection {
    /// What is injected.
    pub inject: Injections,
    /// Whether what is not known to be an operation of the Engine API is refused, and images that
    /// cannot be labelled.
    pub strict: bool,
    /// Whether what BuildKit builds passes as it came, unlabelled.
    pub no_buildkit: bool,
    /// What is done with the daemon's socket in a container.
    pub socket_bind: SocketBind,
    /// Handling of anonymous volumes.
    pub anonymous_volumes: AnonymousVolumes,
    /// Knows the daemon's socket under all its names.
    pub look: Look,
    /// The plans for responses.
    pub replies: Replies,
}

/// One label: `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Not empty; without NUL, CR, LF.
    pub key: String,
    /// May be empty; without NUL, CR, LF.
    pub value: String,
}

/// What is to happen to one request.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// It passes as it came.
    Pass,
    /// It passes with another request-target.
    Retarget {
        /// The request-target.
        target: String,
        /// What was put in.
        forced: Forced,
    },
    /// Its body is gathered, rewritten by [`body::rewrite`] and sent with its new length.
    Rewrite(&'static JsonCarrier),
}

/// Decides what is to happen to `request`, which asks for `operation`.
///
/// # Errors
/// A creating request into which nothing can be put with certainty.
pub fn plan(
    injection: &Injection,
    operation: &Operation,
    request: &Request<'_>,
) -> Result<Plan, Refusal> {
    let target = request.target;
    let labels_images = !injection.inject.image_labels().is_empty();
    match operation.carrier {
        Carrier::Nothing if injection.strict && *operation == UNKNOWN => Err(unknown()),
        Carrier::Nothing | Carrier::Plugin => Ok(Plan::Pass),
        Carrier::Query(QueryCarrier::Commit | QueryCarrier::Import) if !labels_images => {
            Ok(Plan::Pass)
        }
        Carrier::Query(_) if is_form(request) => Err(form_body()),
        Carrier::Query(QueryCarrier::Build) => query::plan(injection, target),
        Carrier::Query(QueryCarrier::Commit) => dockerfile_changes::of_commit(injection, target),
        Carrier::Query(QueryCarrier::Import) => dockerfile_changes::of_import(injection, target),
        Carrier::StartBody => start(request.framing),
        Carrier::Libpod => Err(libpod()),
        Carrier::Body(_) if request.encoded => Err(encoded_body()),
        Carrier::Body(_) if is_empty(request.framing) && !operation.may_be_empty() => {
            Err(empty_body())
        }
        Carrier::Body(carrier) => Ok(Plan::Rewrite(carrier)),
    }
}

fn is_empty(framing: Framing) -> bool {
    matches!(framing, Framing::None | Framing::Length(0))
}

/// A start with a body is refused if a daemon that takes a HostConfig with it would look at that;
/// shorter ones are spellings of nothing.
fn start(framing: Framing) -> Result<Plan, Refusal> {
    match framing {
        Framing::None | Framing::Length(..=7) => Ok(Plan::Pass),
        Framing::Length(_) | Framing::Chunked | Framing::UntilClose => Err(start_body()),
    }
}

/// Whether Go's server would read the body as a form, whose fields come before those of the query.
fn is_form(request: &Request<'_>) -> bool {
    !is_empty(request.framing) && request.content_type.is_some_and(may_be_form)
}

/// Whether Go's server could read a body of this media type as a form, whose fields then come
/// before those of the query.
///
/// Go folds case and trims blanks as Unicode has them, so that a form may be spelled with a
/// no-break space or a dotted capital I. No media type is spelled beyond ASCII in earnest.
fn may_be_form(content_type: &[u8]) -> bool {
    if !content_type.is_ascii() {
        return true;
    }
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    let media_type = content_type.get(..end).unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
        || media_type.eq_ignore_ascii_case(b"multipart/form-data")
}

fn unknown() -> Refusal {
    let text = "this is no operation of the Engine API that the proxy knows, and --strict lets no \
                others pass";
    Refusal::new(Reason::UnknownOperation, text)
}

fn form_body() -> Refusal {
    let text = "the request body is declared as a form, whose fields could replace the labels; send it \
                as application/x-tar";
    Refusal::new(Reason::FormBody, text)
}

fn libpod() -> Refusal {
    let text = "what Podman's own API (/libpod) creates cannot be labelled here; use the \
                Docker-compatible API";
    Refusal::new(Reason::Libpod, text)
}

fn encoded_body() -> Refusal {
    let text =
        "the request body has a Content-Encoding, so it cannot be labelled; plain JSON is wanted";
    Refusal::new(Reason::EncodedBody, text)
}

/// Refuses a request that has no body where one is wanted.
#[must_use]
pub fn empty_body() -> Refusal {
    Refusal::new(Reason::EmptyBody, "the request has no body; a JSON object is wanted")
}

fn start_body() -> Refusal {
    let text = "a start takes no body; give the HostConfig when the container is created";
    Refusal::new(Reason::StartBody, text)
}

#[cfg(test)]
mod tests;
