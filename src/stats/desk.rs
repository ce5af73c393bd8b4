//! Requests and responses of the stats socket. Each connection carries one request.

use super::page::MEDIA_TYPE;
use crate::http::head::{self, Scan};
use crate::http::{Malformed, render};

/// Maximum length of a request in bytes.
pub const REQUEST_LIMIT: usize = 4096;

/// The request to the daemon that checks its readiness.
pub const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// Maximum number of bytes read of the daemon's response, which has a few hundred.
pub const PONG_LIMIT: usize = 16 * 1024;

const PLAIN: &str = "text/plain; charset=utf-8";

/// The resources of the stats socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `/metrics`: the counters.
    Metrics,
    /// `/healthz`: `ok` while the process serves.
    Health,
    /// `/readyz`: the daemon's readiness.
    Ready,
}

/// A parsed request.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// An incomplete request.
    Partly,
    /// A request for this resource. The flag is `true` for a HEAD, which is answered without a
    /// body.
    For(Question, bool),
    /// A bad request, with its response.
    Wrong(Vec<u8>),
}

/// Parses a request, of which `bytes` have arrived.
#[must_use]
pub fn asked(bytes: &[u8]) -> Asked {
    let head = match Scan::default().end_of_head(bytes) {
        Ok(Some(end)) => bytes.get(..end).unwrap_or_default(),
        Ok(None) if bytes.len() < REQUEST_LIMIT => return Asked::Partly,
        Ok(None) => return wrong(431, "the request is too long for this socket", false),
        Err(malformed) => return wrong(400, &malformed.to_string(), false),
    };
    let request = match head::request(head) {
        Ok(request) => request,
        Err(malformed) => return wrong(400, &malformed.to_string(), false),
    };
    let to_head = request.method == "HEAD";
    let path = request.target.split('?').next().unwrap_or_default();
    let question = match path {
        "/metrics" => Question::Metrics,
        "/healthz" => Question::Health,
        "/readyz" => Question::Ready,
        _ => return wrong(404, "not found; there are /metrics, /healthz and /readyz", to_head),
    };
    match request.method {
        "GET" | "HEAD" => Asked::For(question, to_head),
        _ => wrong(405, "only GET and HEAD are answered here", false),
    }
}

fn wrong(status: u16, why: &str, to_head: bool) -> Asked {
    Asked::Wrong(answer(status, PLAIN, &format!("{why}\n"), to_head))
}

fn answer(status: u16, media_type: &str, body: &str, to_head: bool) -> Vec<u8> {
    let allow: &[_] = if status == 405 { &[("Allow", "GET, HEAD")] } else { &[] };
    let fields = [&[("Content-Type", media_type), ("Cache-Control", "no-store")], allow].concat();
    render::whole(status, &fields, body, to_head)
}

/// Returns the response to [`Question::Metrics`].
#[must_use]
pub fn metrics(page: &str, to_head: bool) -> Vec<u8> {
    answer(200, MEDIA_TYPE, page, to_head)
}

/// Returns the response to [`Question::Health`].
#[must_use]
pub fn health(to_head: bool) -> Vec<u8> {
    answer(200, PLAIN, "ok\n", to_head)
}

/// Returns the response to [`Question::Ready`].
#[must_use]
pub fn ready(ready: Result<(), &str>, to_head: bool) -> Vec<u8> {
    match ready {
        Ok(()) => answer(200, PLAIN, "ready\n", to_head),
        Err(why) => answer(503, PLAIN, &format!("not ready: {why}\n"), to_head),
    }
}

/// Parses the daemon's response to [`PING`], of which `bytes` have arrived; `None` while it is
/// incomplete.
///
/// # Errors
/// The reason why the daemon is not ready.
#[must_use]
pub fn pong(bytes: &[u8], ended: bool) -> Option<Result<(), String>> {
    let head = match Scan::default().end_of_head(bytes) {
        Ok(Some(end)) => bytes.get(..end).unwrap_or_default(),
        Ok(None) if ended => {
            return Some(Err("the daemon hung up instead of answering /_ping".to_owned()));
        }
        Ok(None) if bytes.len() < PONG_LIMIT => return None,
        Ok(None) => return Some(Err("the daemon's answer to /_ping is too long".to_owned())),
        Err(malformed) => return Some(Err(nonsense(malformed))),
    };
    Some(match head::response(head, false) {
        Ok(response) if response.status == 200 => Ok(()),
        Ok(response) => Err(format!("the daemon answered /_ping with status {}", response.status)),
        Err(malformed) => Err(nonsense(malformed)),
    })
}

fn nonsense(malformed: Malformed) -> String {
    format!("the daemon's answer to /_ping is malformed: {malformed}")
}

#[cfg(test)]
mod tests;
