//! Judges the requests of the Engine API, and forces the operator's values into those that create.
//!
//! ```text
//! request, facts ── judge ──► Pass │ Edit │ Gather, Need: what is missing │ Refuse
//! BuildKit's message ── buildkit::edit ──► the message with the forced values
//! ```
//!
//! A judgement is pure. Its caller fetches missing facts from the daemon or the host, and judges the
//! request again.

pub mod authz;
mod body;
pub mod caller;
pub mod facts;
pub mod inject;
pub mod job;
mod lacking;
mod mounts;
pub mod own;
pub mod paths;
mod platform;
pub mod policy;
mod reason;
mod refusal;
pub mod reply;
pub mod socket;

pub use inject::buildkit;
pub use inject::{Forced, How, Inject, Injections, Value};
pub use mounts::AnonymousVolumes;
pub use reason::Reason;
use refusal::shown;
pub use refusal::{ByRule, Refusal};

use self::authz::Authz;
use self::caller::{OfCaller, Wanted};
use self::facts::{Facts, HostQuestion, Need, Order, Question};
use self::inject::{dockerfile_changes, query};
use self::paths::PathMap;
use self::policy::Policy;
use self::reply::Replies;
use self::socket::{Note, PLUGIN, SocketBind};
use std::sync::Arc;

use crate::engine::{JsonShape, Operation, Payload, QueryShape, UNKNOWN, takes_empty_body};
use crate::http::body::Framing;
use crate::http::head::Request;

/// The operator's rules for the requests of one listener.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// The forced values.
    pub inject: Injections,
    /// `true` if unknown operations are refused, and images that cannot be labelled.
    pub strict: bool,
    /// `true` if builds by BuildKit pass unchanged and unlabelled.
    pub no_buildkit: bool,
    /// Treatment of bind mounts of the daemon's socket.
    pub socket_bind: SocketBind,
    /// Treatment of anonymous volumes.
    pub anonymous_volumes: AnonymousVolumes,
    /// The plans for responses.
    pub replies: Replies,
    /// The map from paths in the caller's view to those of the host.
    pub paths: PathMap,
    /// The path in containers at which each gets a socket of its own.
    pub job_socket: Option<String>,
    /// The policy, if there is one.
    pub policy: Option<Arc<Policy>>,
    /// The authorization plugins, if there are some.
    pub authz: Option<Arc<Authz>>,
    /// The rules that depend on the caller. While they are there, the other rules are incomplete.
    pub of_caller: Option<Box<OfCaller>>,
}

impl Profile {
    /// Returns `true` if the calls of a BuildKit connection are edited, or decided about.
    #[must_use]
    pub fn sees_calls(&self) -> bool {
        !self.no_buildkit || self.policy.is_some()
    }

    /// Returns `true` if both have the same rules. Plans for responses cannot be compared.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.inject.is_like(&other.inject)
            && self.strict == other.strict
            && self.no_buildkit == other.no_buildkit
            && self.socket_bind == other.socket_bind
            && self.anonymous_volumes == other.anonymous_volumes
            && self.paths == other.paths
            && self.job_socket == other.job_socket
            && self.policy == other.policy
            && self.authz == other.authz
            && match (&self.of_caller, &other.of_caller) {
                (None, None) => true,
                (Some(one), Some(other)) => one.is_like(other),
                (Some(_), None) | (None, Some(_)) => false,
            }
    }
}

/// One label: `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Not empty; without NUL, CR, LF.
    pub key: String,
    /// May be empty; without NUL, CR, LF.
    pub value: String,
}

/// A request as a judgement sees it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// The operation that it asks for.
    pub operation: &'static Operation,
    /// The request-target as sent.
    pub target: &'r str,
    /// The facts of its head.
    pub traits: Traits,
    /// The body, if it was gathered.
    pub body: Option<&'r [u8]>,
}

/// Facts of a request head on which a judgement depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// The end of the body.
    pub framing: Framing,
    /// `true` if the body has a content coding.
    pub encoded: bool,
    /// `true` if Go's server would read the body as a form, whose fields come before those of the
    /// query.
    pub form: bool,
    /// `true` if the body is declared as JSON.
    pub json: bool,
}

impl Traits {
    /// Reads the traits of `request`.
    #[must_use]
    pub fn of(request: &Request<'_>) -> Self {
        let framing = request.framing;
        let content_type = request.content_type.filter(|_| !is_empty(framing));
        let form = content_type.is_some_and(may_be_form);
        let json = content_type.is_some_and(|text| may_be(text, &[b"application/json"]));
        Self { framing, encoded: request.encoded, form, json }
    }

    /// Returns `true` if there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        is_empty(self.framing)
    }
}

/// The decision about one request.
#[derive(Debug)]
pub enum Judgement {
    /// It passes unchanged.
    Pass {
        /// Notes for the log.
        notes: Vec<Note>,
    },
    /// It passes edited.
    Edit(Edited),
    /// Its body is missing. The caller gathers it and judges the request again.
    Gather {
        /// The injections that the body will get.
        forced: Forced,
    },
    /// Facts are missing. The caller finds them and judges the request again.
    Need {
        /// The facts. Those after a host question are asked for only if its answer is no news.
        needs: Vec<Need>,
        /// The edit, if none of them is [news](facts::Learned::News).
        draft: Option<Edited>,
    },
    /// It is refused.
    Refuse(Refusal),
}

/// An edit of a request.
#[derive(Debug, Default)]
pub struct Edited {
    /// The new request-target; `None` if it stays.
    pub target: Option<String>,
    /// The new body; `None` if it stays.
    pub body: Option<Vec<u8>>,
    /// The kinds of forced values.
    pub forced: Forced,
    /// Notes for the log about ways around the proxy.
    pub notes: Vec<Note>,
    /// Orders that precede the request.
    pub before: Vec<Order>,
}

/// A request-target with the forced values.
#[derive(Debug, PartialEq, Eq)]
struct Retarget {
    target: String,
    forced: Forced,
}

impl From<Retarget> for Judgement {
    fn from(Retarget { target, forced }: Retarget) -> Self {
        Self::Edit(Edited { target: Some(target), forced, ..Edited::default() })
    }
}

/// Judges a request by the known `facts`. A judgement that needs more names only facts that are not
/// among them.
#[must_use]
pub fn judge(profile: &Profile, asked: &Asked<'_>, facts: &Facts) -> Judgement {
    let judged = judged(profile, asked, facts);
    // Most profiles have neither, and a judgement is large to move.
    let judged = if profile.policy.is_none() && profile.authz.is_none() {
        judged
    } else {
        judged
            .and_then(|judgement| policy::applied(profile, asked, facts, judgement))
            .and_then(|judgement| authz::applied(profile, asked, judgement))
    };
    judged.unwrap_or_else(Judgement::Refuse)
}

fn judged(profile: &Profile, asked: &Asked<'_>, facts: &Facts) -> Result<Judgement, Refusal> {
    let Asked { operation, target, traits, body } = *asked;
    if let Some(wanted) = caller(profile, operation, target)? {
        let needs = vec![Need::Host(HostQuestion::Caller(wanted))];
        return Ok(Judgement::Need { needs, draft: None });
    }
    let labels_images = !profile.inject.image_labels().is_empty();
    match operation.payload {
        Payload::Nothing if profile.strict && *operation == UNKNOWN => Err(unknown()),
        Payload::Nothing => Ok(pass()),
        Payload::Plugin => Ok(Judgement::Pass { notes: vec![PLUGIN] }),
        Payload::Query(QueryShape::Commit | QueryShape::Import) if !labels_images => Ok(pass()),
        Payload::Query(_) if traits.form => Err(form_body()),
        Payload::Query(QueryShape::Build) => query::plan(profile, target).map(Into::into),
        Payload::Query(QueryShape::Commit) => {
            dockerfile_changes::of_commit(profile, target).map(Into::into)
        }
        Payload::Query(QueryShape::Import) => {
            Ok(dockerfile_changes::of_import(profile, target)?.map_or_else(pass, Into::into))
        }
        Payload::StartBody => start(traits.framing),
        Payload::Libpod => Err(libpod()),
        Payload::LibpodOptions(shape) if !profile.inject.edits(shape) => Ok(pass()),
        Payload::LibpodOptions(_) => Err(libpod_options()),
        Payload::Body(shape) if !profile.inject.edits(shape) => Ok(pass()),
        Payload::Body(_) if traits.encoded => Err(encoded_body()),
        Payload::Body(shape) => match body {
            _ if traits.is_empty() => without_body(profile, shape, asked, facts),
            Some(body) => job::judge(profile, shape, asked, body, facts),
            None => Ok(Judgement::Gather { forced: profile.inject.forced_by(shape) }),
        },
    }
}

/// Returns the facts about the caller that the rules for a request need, if any.
fn caller(
    profile: &Profile,
    operation: &Operation,
    target: &str,
) -> Result<Option<Wanted>, Refusal> {
    let Some(of_caller) = &profile.of_caller else { return Ok(None) };
    if !of_caller.concerns(operation, profile.no_buildkit) {
        return Ok(None);
    }
    let import = operation.payload == Payload::Query(QueryShape::Import) && profile.authz.is_none();
    Ok((!import || !dockerfile_changes::pulls(target)?).then(|| of_caller.wanted()))
}

fn pass() -> Judgement {
    Judgement::Pass { notes: Vec::new() }
}

/// Judges a request that lacks its required body. Some daemons treat that as an empty document.
fn without_body(
    profile: &Profile,
    shape: &JsonShape,
    asked: &Asked<'_>,
    facts: &Facts,
) -> Result<Judgement, Refusal> {
    match facts.version.as_deref().map(takes_empty_body) {
        _ if !asked.operation.may_be_empty() => Err(empty_body()),
        None => Ok(Judgement::Need { needs: vec![Need::Daemon(Question::Version)], draft: None }),
        Some(None) => Err(empty_body()),
        // The daemon refuses it with its own message.
        Some(Some(false)) => Ok(pass()),
        Some(Some(true)) => job::judge(profile, shape, asked, b"{}", facts),
    }
}

fn is_empty(framing: Framing) -> bool {
    matches!(framing, Framing::None | Framing::Length(0))
}

/// Refuses a start with a body that daemons could read as a HostConfig. Docker ignores shorter ones,
/// which are spellings of an empty document.
fn start(framing: Framing) -> Result<Judgement, Refusal> {
    match framing {
        Framing::None | Framing::Length(..=7) => Ok(pass()),
        Framing::Length(_) | Framing::Chunked | Framing::UntilClose => Err(start_body()),
    }
}

/// Returns `true` if Go's server could read a body of this media type as a form, whose fields take
/// precedence over those of the query.
///
/// Go folds case and trims whitespace by Unicode, so a form may be spelled with a no-break space or a
/// dotted capital I. Real media types are ASCII.
fn may_be_form(content_type: &[u8]) -> bool {
    may_be(content_type, &[b"application/x-www-form-urlencoded", b"multipart/form-data"])
}

/// Returns `true` if Go's server could read `content_type` as one of `media_types`.
fn may_be(content_type: &[u8], media_types: &[&[u8]]) -> bool {
    if !content_type.is_ascii() {
        return true;
    }
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    let media_type = content_type.get(..end).unwrap_or_default().trim_ascii();
    media_types.iter().any(|known| media_type.eq_ignore_ascii_case(known))
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

fn libpod_options() -> Refusal {
    let text = "what Podman's own API (/libpod) runs or changes in a container cannot get the operator's \
                options here; use the Docker-compatible API";
    Refusal::new(Reason::Libpod, text)
}

fn encoded_body() -> Refusal {
    let text =
        "the request body has a Content-Encoding, so it cannot be labelled; plain JSON is wanted";
    Refusal::new(Reason::EncodedBody, text)
}

fn empty_body() -> Refusal {
    Refusal::new(Reason::EmptyBody, "the request has no body; a JSON object is wanted")
}

fn start_body() -> Refusal {
    let text = "a start takes no body; give the HostConfig when the container is created";
    Refusal::new(Reason::StartBody, text)
}

#[cfg(test)]
mod tests;
