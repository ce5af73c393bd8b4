//! Writes heads; no other module writes CRLF.
//!
//! A changed head keeps all bytes that the change does not concern.

use std::io::Write;
use std::ops::Range;

use memchr::memchr;

/// Returns `head` with another request-target in the place of its own, which is `at`.
#[must_use]
pub fn with_target(head: &[u8], at: Range<usize>, target: &str) -> Vec<u8> {
    let before = head.get(..at.start).unwrap_or_default();
    let behind = head.get(at.end..).unwrap_or_default();
    [before, target.as_bytes(), behind].concat()
}

/// Returns `head` for a body of `length` bytes without transfer coding. `Content-Length` replaces
/// the old framing in place. `Trailer` and `Expect` are dropped, since they no longer apply.
#[must_use]
pub fn with_length(head: &[u8], length: usize) -> Vec<u8> {
    let mut rendered = Vec::with_capacity(head.len() + 32);
    let mut framed = false;
    for line in lines(head) {
        match name(line) {
            Some(name) if is_framing(name) => {
                if !std::mem::replace(&mut framed, true) {
                    // A vector takes all that is written.
                    write!(rendered, "Content-Length: {length}\r\n").unwrap_or_default();
                }
            }
            Some(name) if name.eq_ignore_ascii_case(b"trailer") => {}
            Some(name) if name.eq_ignore_ascii_case(b"expect") => {}
            _ => rendered.extend_from_slice(line),
        }
    }
    rendered
}

/// The head `head` of a request without a body, for one in JSON: with a length, to be replaced, and a media
/// type, unless it has them.
#[must_use]
pub fn for_document(head: &[u8]) -> Vec<u8> {
    let mut rendered = head.strip_suffix(b"\r\n").unwrap_or(head).to_vec();
    for (name, line) in [
        ("Content-Type", "Content-Type: application/json\r\n"),
        ("Content-Length", "Content-Length: 0\r\n"),
    ] {
        if value(head, name).is_none() {
            rendered.extend_from_slice(line.as_bytes());
        }
    }
    rendered.extend_from_slice(b"\r\n");
    rendered
}

fn is_framing(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"transfer-encoding")
}

/// Returns the lines of a head, each with its CRLF.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest)? + 1;
        let (line, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(line)
    })
}

/// Returns the field name of a line; the result for a start line is irrelevant.
fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr(b':', line)?;
    line.get(..colon)
}

/// Returns the fields of a head in their order, each with its value.
pub fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).skip(1).filter_map(|line| {
        let (name, value) = line.split_at_checked(memchr(b':', line)?)?;
        Some((name, value.get(1..)?.trim_ascii()))
    })
}

/// Returns the value of the first field of a head with this name.
#[must_use]
pub fn value<'h>(head: &'h [u8], wanted: &str) -> Option<&'h [u8]> {
    let [value] = values(head, [wanted]);
    value
}

/// Does the same as [`value`] for several names, in one pass.
#[must_use]
pub fn values<'h, const N: usize>(head: &'h [u8], wanted: [&str; N]) -> [Option<&'h [u8]>; N] {
    let mut values = [None; N];
    for line in lines(head) {
        for (value, wanted) in values.iter_mut().zip(wanted) {
            if value.is_none()
                && let Some((name, [b':', rest @ ..])) = line.split_at_checked(wanted.len())
                && name.eq_ignore_ascii_case(wanted.as_bytes())
            {
                *value = Some(rest.trim_ascii());
            }
        }
    }
    values
}

/// The `100 Continue` for a client whose body is collected here.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Returns a whole response in the shape of the Engine API's errors. It closes the connection. The
/// response to a HEAD has lengths but no body.
#[must_use]
pub fn answer(status: u16, message: &str, to_head: bool) -> Vec<u8> {
    let body = serde_json::json!({ "message": message }).to_string() + "\n";
    whole(status, &[("Content-Type", "application/json")], &body, to_head)
}

/// Returns a whole response with `fields` before its `Content-Length`. It closes the connection.
/// The response to a HEAD has lengths but no body.
#[must_use]
pub fn whole(status: u16, fields: &[(&str, &str)], body: &str, to_head: bool) -> Vec<u8> {
    let lines = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\n\
         {lines}\
         Content-Length: {length}\r\n\
         Connection: close\r\n\r\n",
        reason = reason(status),
        lines = lines.collect::<String>(),
        length = body.len(),
    );
    let body = if to_head { "" } else { body };
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Returns the reason phrase of a status that the proxy sends (RFC 9110 §15).
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}

#[cfg(test)]
mod tests;
