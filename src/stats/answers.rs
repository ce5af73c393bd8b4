//! The proxy's own responses, at the stats socket. Each connection carries one request.

use super::page::{self, MEDIA_TYPE};
use super::{Counters, Present, summary};
use crate::http::head::{self, Scan};
use crate::http::render;
use crate::proxy::{Answer, Query, Readiness};

const PLAIN: &str = "text/plain; charset=utf-8";

/// The resources of the stats socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    /// `/metrics`: the counters, for programs.
    Metrics,
    /// `/healthz`: `ok` while the process serves.
    Health,
    /// `/readyz`: the readiness of the daemon.
    Ready,
    /// `/status`: the counters and the readiness of the daemon, for people.
    Status,
}

/// Answers a request, unless the readiness of the daemon has to be known first.
#[must_use]
pub fn answer(query: &Query, counters: &Counters, present: &Present) -> Answer {
    let (resource, to_head) = match parse(&query.request) {
        Ok(parsed) => parsed,
        Err(response) => return Answer::Response(response),
    };
    let stopping = || present.draining.then(|| Err("the proxy is shutting down".to_owned()));
    let ready = stopping().or_else(|| query.ready.clone());
    let response = match (resource, ready) {
        (Resource::Metrics, _) => {
            render(200, MEDIA_TYPE, &page::render(counters, present), to_head)
        }
        (Resource::Health, _) => render(200, PLAIN, "ok\n", to_head),
        (Resource::Ready | Resource::Status, None) => return Answer::AskDaemon,
        (Resource::Ready, Some(ready)) => {
            render(status(&ready), PLAIN, &(words(&ready) + "\n"), to_head)
        }
        (Resource::Status, Some(ready)) => {
            let text = summary::render(counters, present, &words(&ready));
            render(status(&ready), PLAIN, &text, to_head)
        }
    };
    Answer::Response(response)
}

fn status(ready: &Readiness) -> u16 {
    if ready.is_ok() { 200 } else { 503 }
}

fn words(ready: &Readiness) -> String {
    match ready {
        Ok(()) => "ready".to_owned(),
        Err(why) => format!("not ready: {why}"),
    }
}

/// Parses a request. The flag is `true` for a HEAD, whose response has no body.
///
/// # Errors
/// The response to a bad request.
fn parse(request: &[u8]) -> Result<(Resource, bool), Vec<u8>> {
    let head = match Scan::default().end_of_head(request) {
        Ok(Some(end)) => request.get(..end).unwrap_or_default(),
        Ok(None) => return Err(wrong(431, "the request is too long for this socket", false)),
        Err(malformed) => return Err(wrong(400, &malformed.to_string(), false)),
    };
    let request =
        head::request(head).map_err(|malformed| wrong(400, &malformed.to_string(), false))?;
    let to_head = request.method == "HEAD";
    let resource = match request.target.split('?').next().unwrap_or_default() {
        "/metrics" => Resource::Metrics,
        "/healthz" => Resource::Health,
        "/readyz" => Resource::Ready,
        "/status" => Resource::Status,
        _ => {
            let why = "not found; there are /metrics, /healthz, /readyz and /status";
            return Err(wrong(404, why, to_head));
        }
    };
    match request.method {
        "GET" | "HEAD" => Ok((resource, to_head)),
        _ => Err(wrong(405, "only GET and HEAD are answered here", false)),
    }
}

fn wrong(status: u16, why: &str, to_head: bool) -> Vec<u8> {
    render(status, PLAIN, &format!("{why}\n"), to_head)
}

fn render(status: u16, media_type: &str, body: &str, to_head: bool) -> Vec<u8> {
    let allow: &[_] = if status == 405 { &[("Allow", "GET, HEAD")] } else { &[] };
    let fields = [&[("Content-Type", media_type), ("Cache-Control", "no-store")], allow].concat();
    render::whole(status, &fields, body, to_head)
}

#[cfg(test)]
mod tests;
