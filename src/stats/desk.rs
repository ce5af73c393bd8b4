//! The desk, where the proxy answers questions about itself: what a request asks for, and what it is
//! answered with. A client asks once; the connection ends behind the answer.

use super::page::MEDIA_TYPE;
use crate::http::head::{self, Scan};
use crate::http::{Malformed, render};

/// Bytes that a request may have: nobody who asks here has much to say.
pub const REQUEST_LIMIT: usize = 4096;

/// What the daemon is asked, to find out whether it is ready.
pub const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// Bytes of the daemon's answer that are looked at; it has a few hundred.
pub const PONG_LIMIT: usize = 16 * 1024;

const PLAIN: &str = "text/plain; charset=utf-8";

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// `/metrics`: what was counted.
    Metrics,
    /// `/healthz`: whether this process serves.
    Health,
    /// `/readyz`: whether the daemon would answer a client now.
    Ready,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is not complete.
    Partly,
    /// A question, and whether it is a HEAD, which is answered without the body.
    For(Question, bool),
    /// Nothing that can be had here, which this answer says.
    Wrong(Vec<u8>),
}

/// Reads a request, of which `bytes` have come.
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

/// The answer to [`Question::Metrics`].
#[must_use]
pub fn metrics(page: &str, to_head: bool) -> Vec<u8> {
    answer(200, MEDIA_TYPE, page, to_head)
}

/// The answer to [`Question::Health`]: whoever answers is alive.
#[must_use]
pub fn health(to_head: bool) -> Vec<u8> {
    answer(200, PLAIN, "ok\n", to_head)
}

/// The answer to [`Question::Ready`].
#[must_use]
pub fn ready(ready: Result<(), &str>, to_head: bool) -> Vec<u8> {
    match ready {
        Ok(()) => answer(200, PLAIN, "ready\n", to_head),
        Err(why) => answer(503, PLAIN, &format!("not ready: {why}\n"), to_head),
    }
}

/// Reads the daemon's answer to [`PING`], of which `bytes` have come; `None` while it may still
/// become one.
///
/// # Errors
/// What is wrong with it.
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
mod tests {
    use super::*;

    fn ask(line: &str) -> Asked {
        asked(format!("{line}\r\nHost: x\r\n\r\n").as_bytes())
    }

    /// Status and body of an answer.
    fn read(answer: &[u8]) -> (u16, String) {
        let text = str::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}\r\n", body.len());
        assert!(head.contains(&length) && head.contains("\r\nConnection: close"), "{head}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[test]
    fn there_are_three_questions() {
        assert_eq!(ask("GET /metrics HTTP/1.1"), Asked::For(Question::Metrics, false));
        assert_eq!(ask("GET /metrics?name[]=x HTTP/1.0"), Asked::For(Question::Metrics, false));
        assert_eq!(ask("HEAD /healthz HTTP/1.1"), Asked::For(Question::Health, true));
        assert_eq!(ask("GET /readyz HTTP/1.1"), Asked::For(Question::Ready, false));
    }

    #[test]
    fn all_else_is_told_what_is_wrong_with_it() {
        for (line, status) in [
            ("GET / HTTP/1.1", 404),
            ("GET /metrics/ HTTP/1.1", 404),
            ("POST /containers/create HTTP/1.1", 404),
            ("POST /metrics HTTP/1.1", 405),
            ("GET /metrics HTTP/3.0", 400),
            ("GET /metrics", 400),
            ("\u{1}", 400),
        ] {
            let Asked::Wrong(answer) = ask(line) else { panic!("{line}") };
            assert_eq!(read(&answer).0, status, "{line}");
        }
        let Asked::Wrong(answer) = ask("DELETE /readyz HTTP/1.1") else { panic!() };
        assert!(str::from_utf8(&answer).unwrap().contains("\r\nAllow: GET, HEAD\r\n"));
        let Asked::Wrong(answer) = ask("HEAD /x HTTP/1.1") else { panic!() };
        assert!(answer.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn a_request_may_come_in_pieces_but_not_be_long() {
        let whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(asked(&whole[..cut]), Asked::Partly, "{cut}");
        }
        let long = format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(REQUEST_LIMIT));
        assert_eq!(asked(&long.as_bytes()[..REQUEST_LIMIT - 1]), Asked::Partly);
        let Asked::Wrong(answer) = asked(&long.as_bytes()[..REQUEST_LIMIT]) else { panic!() };
        assert_eq!(read(&answer).0, 431);
    }

    #[test]
    fn readiness_is_the_daemons_200() {
        let answer = |status| format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nOK");
        assert_eq!(pong(answer("200").as_bytes(), false), Some(Ok(())));
        assert_eq!(pong(b"HTTP/1.1 200 OK\r\nContent-Le", false), None);
        for (bytes, ended, why) in [
            (answer("500"), false, "with status 500"),
            ("HTTP/1.1 200 OK\r\n".to_owned(), true, "hung up"),
            (String::new(), true, "hung up"),
            ("\u{7f}".to_owned(), false, "malformed"),
            ("HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(PONG_LIMIT), false, "too long"),
        ] {
            let said = pong(bytes.as_bytes(), ended).unwrap().unwrap_err();
            assert!(said.contains(why), "{said}");
        }
        assert_eq!(read(&ready(Ok(()), false)), (200, "ready\n".to_owned()));
        assert_eq!(read(&ready(Err("away"), false)), (503, "not ready: away\n".to_owned()));
    }
}
