//! The last frames of a connection after a refusal: the reason for each open call, then GOAWAY.

use std::fmt::Write;

use super::Failure;
use super::send_queue::RewrittenCall;
use crate::http2::frame::{self, END_HEADERS, END_STREAM, FrameType};
use crate::http2::hpack;
use crate::proxy::fault::Fault;
use crate::rules::Reason;

/// Maximum length of a message in bytes; the escaped message must fit into one frame.
const MESSAGE: usize = 4000;

/// Returns the last frames for the client, whose newest stream is `newest`.
pub(super) fn frames<'c>(
    failure: &Failure,
    calls: impl Iterator<Item = (&'c u32, &'c RewrittenCall)>,
    newest: u32,
) -> Vec<u8> {
    let message = format!("dockerd-ci-proxy: {}", failure.fault);
    let mut frames = Vec::new();
    let open = calls.filter(|(_, call)| !call.finished);
    let mut reported: Vec<(u32, bool)> =
        open.map(|(stream, call)| (*stream, call.answered)).collect();
    if let Some(stream) = failure.stream
        && reported.iter().all(|(open, _)| *open != stream)
    {
        reported.push((stream, false));
    }
    let reason = Reason::from(&failure.fault);
    for (stream, answered) in reported {
        frames.extend(if reason == Reason::PlainHttp2 && failure.stream == Some(stream) {
            response(stream, reason.status(), &message)
        } else {
            status(stream, answered, reason.grpc_status(), &message)
        });
    }
    let code = match failure.fault {
        Fault::Http2OfClient(malformed) | Fault::Http2OfDaemon(malformed) => malformed.code(),
        _ => 0,
    };
    frames.extend(frame::goaway(newest, code, &message));
    frames
}

/// Ends a gRPC call: with `Trailers` if it is `answered`, otherwise with `Trailers-Only`.
fn status(stream: u32, answered: bool, code: u32, message: &str) -> Vec<u8> {
    let code = code.to_string();
    let message = escaped(message);
    let fields = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", &code),
        ("grpc-message", &message),
    ];
    let fields = if answered { fields.split_at(2).1 } else { &fields };
    frame::frame(FrameType::HEADERS, END_STREAM | END_HEADERS, stream, &hpack::encode(fields))
}

/// Returns a response in the shape of the Engine API's errors.
fn response(stream: u32, status: u16, message: &str) -> Vec<u8> {
    let body = serde_json::json!({ "message": message }).to_string() + "\n";
    let (status, length) = (status.to_string(), body.len().to_string());
    let fields =
        [(":status", &*status), ("content-type", "application/json"), ("content-length", &length)];
    let head = frame::frame(FrameType::HEADERS, END_HEADERS, stream, &hpack::encode(&fields));
    [head, frame::frame(FrameType::DATA, END_STREAM, stream, body.as_bytes())].concat()
}

/// Escapes a message for `grpc-message`: all bytes but printable ASCII are percent-encoded.
fn escaped(message: &str) -> String {
    let mut escaped = String::new();
    for byte in message.bytes().take(MESSAGE / 3) {
        match byte {
            b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => write!(escaped, "%{byte:02X}").unwrap_or_default(),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
