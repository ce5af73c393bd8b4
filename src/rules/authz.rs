//! Docker's authorization plugins: programs that allow or deny each request of a listener.
//!
//! ```text
//! judgement that passes or edits ── applied ──► Need::Authorization, with the edit as its draft
//! draft, as it is sent ── Authz::request ──► Authorization ── the shell asks each plugin ──► verdict
//! ```
//!
//! A plugin gets what the daemon would get: the edited request-target and the [canonical] body. The draft that
//! was authorized is sent; a new judgement needs a new authorization.

mod answer;
mod canonical;
mod message;

pub use answer::{activation, failed, no_answer, verdict};
pub use canonical::canonical;

pub use super::facts::Authorization;

use super::caller::Caller;
use super::facts::Need;
use super::policy::nothing_at_top;
use super::{Asked, Edited, Judgement, Profile, Reason, Refusal, encoded_body, form_body};
use crate::engine::{Operation, Payload, route};
use crate::http::body::Framing;
use crate::http::target::split_query;
use crate::json::Found;

/// Maximum size in bytes of a body that plugins get, as in dockerd since 29.3.1.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The path of the operation that creates a container.
const CONTAINER_CREATE: &str = "/containers/create";

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// The name by which it is found, or the path of its socket.
    pub name: String,
    /// `true` if it also decides about responses.
    pub responses: bool,
    /// The place in the configuration file.
    pub from: String,
}

/// The plugins of a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authz {
    /// The plugins, in the order in which they are asked. All of them must allow a request.
    pub plugins: Vec<Plugin>,
    /// The name or number of the caller's user; empty in the rules for any caller.
    pub user: String,
}

impl Authz {
    /// Returns the plugins for any caller.
    #[must_use]
    pub fn of(plugins: Vec<Plugin>) -> Self {
        Self { plugins, user: String::new() }
    }

    /// Returns the plugins with the user of a caller.
    pub(super) fn for_caller(&self, caller: &Caller) -> Self {
        let user = caller.user.clone().unwrap_or_else(|| caller.uid.to_string());
        Self { user, ..self.clone() }
    }

    /// Returns the question about a request with this head and, if it was gathered, this body.
    #[must_use]
    pub fn request(
        &self,
        operation: &Operation,
        head: &[u8],
        body: Option<&[u8]>,
    ) -> Authorization {
        let body = body.filter(|_| !is_secret(operation));
        self.ask(message::request(&self.user, head, body))
    }

    /// Returns the question about a connection that speaks HTTP/2 from its first byte: it is the same as an upgrade.
    #[must_use]
    pub fn http2(&self) -> Authorization {
        let head = b"POST /grpc HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        self.ask(message::request(&self.user, head, None))
    }

    fn ask(&self, message: String) -> Authorization {
        let plugins = self.plugins.iter().map(|plugin| plugin.name.clone()).collect();
        Authorization { method: "AuthZPlugin.AuthZReq", plugins, message: message.into() }
    }

    /// Returns the question about the response to a request. `message` is that of the request.
    #[must_use]
    pub fn response(
        &self,
        message: &str,
        status: u16,
        head: &[u8],
        content: &[u8],
    ) -> Authorization {
        let plugins = self.plugins.iter().filter(|plugin| plugin.responses);
        Authorization {
            method: "AuthZPlugin.AuthZRes",
            plugins: plugins.map(|plugin| plugin.name.clone()).collect(),
            message: message::response(message, status, head, content).into(),
        }
    }

    /// Returns `true` if a plugin decides about the responses of `operation`. Streams are never held.
    #[must_use]
    pub fn holds_response(&self, operation: &Operation) -> bool {
        !operation.streams() && self.plugins.iter().any(|plugin| plugin.responses)
    }
}

/// Returns `true` if the body has a password, which no plugin gets.
fn is_secret(operation: &Operation) -> bool {
    operation.path == "/auth"
}

/// Returns `true` if the body is a JSON document that plugins get.
fn is_document(asked: &Asked<'_>) -> bool {
    let payload = &asked.operation.payload;
    let is_known = matches!(payload, Payload::Body(_) | Payload::StartBody);
    !is_secret(asked.operation) && (is_known || asked.traits.json)
}

/// Makes a judgement wait for the plugins of `profile`. The body becomes canonical.
///
/// # Errors
/// A body that plugins cannot get.
pub(super) fn applied(
    profile: &Profile,
    asked: &Asked<'_>,
    judgement: Judgement,
) -> Result<Judgement, Refusal> {
    if profile.authz.is_none() {
        return Ok(judgement);
    }
    let (mut needs, mut edited) = match judgement {
        Judgement::Pass { notes } => (Vec::new(), Edited { notes, ..Edited::default() }),
        Judgement::Edit(edited) => (Vec::new(), edited),
        Judgement::Need { needs, draft: Some(edited) } => (needs, edited),
        other => return Ok(other),
    };
    check_target(asked.operation, asked.target)?;
    if asked.traits.form {
        return Err(form_body());
    }
    if is_document(asked) {
        let body = match edited.body.as_deref().or(asked.body) {
            None if asked.traits.is_empty() => None,
            _ if asked.traits.encoded => return Err(encoded_body()),
            None => {
                if is_long(asked.traits.framing) {
                    return Err(too_large());
                }
                return Ok(Judgement::Gather { forced: edited.forced });
            }
            body => body,
        };
        if let Some(body) = body {
            let document = canonical(asked.operation, body)?;
            if asked.operation.path == CONTAINER_CREATE {
                check_top(&document)?;
            }
            if document.len() > BODY_LIMIT {
                return Err(too_large());
            }
            if document != body {
                edited.body = Some(document);
            }
        }
    }
    needs.push(Need::Authorization);
    Ok(Judgement::Need { needs, draft: Some(edited) })
}

/// Refuses a request-target that plugins, which compare it with patterns, could take for another operation.
fn check_target(operation: &Operation, target: &str) -> Result<(), Refusal> {
    let (path, _) = split_query(target);
    let is_escaped = path.split('%').skip(1).any(|rest| {
        let digits = rest.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        digits.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    });
    let is_same = operation.method.is_empty()
        || std::ptr::eq(route(operation.method, path.as_bytes()), operation);
    if path.starts_with('/') && is_same && !is_escaped { Ok(()) } else { Err(odd_target()) }
}

/// Refuses a HostConfig that plugins do not see where it is.
fn check_top(document: &[u8]) -> Result<(), Refusal> {
    let document = str::from_utf8(document).unwrap_or_default();
    match Found::document(document, None)? {
        Found::Object(top) => nothing_at_top(&top, None),
        Found::Absent | Found::Null(_) => Ok(()),
    }
}

fn odd_target() -> Refusal {
    let text = "authorization plugins could read the request-target in another way than the daemon; \
                begin it with a slash, and escape nothing in the path that is no part of a name";
    Refusal::new(Reason::OddTarget, text)
}

fn is_long(framing: Framing) -> bool {
    matches!(framing, Framing::Length(length) if length > BODY_LIMIT as u64)
}

fn too_large() -> Refusal {
    let text =
        "a JSON body may have 4 MiB, so that authorization plugins can get it; this one is longer";
    Refusal::new(Reason::TooLarge, text)
}

#[cfg(test)]
mod tests;
