//! Messages to plugins: the members of Docker's `authorization.Request`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::render;

/// The header fields that plugins do not get: those with passwords, and those that Go's server takes out.
const LEFT_OUT: &[&str] =
    &["Authorization", "X-Registry-Config", "X-Registry-Auth", "Host", "Transfer-Encoding"];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Describes a request. Members that are empty are missing, as in dockerd.
pub(super) fn request(user: &str, head: &[u8], body: Option<&[u8]>) -> String {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let body = body.unwrap_or_default();
    let mut fields = fields(head);
    if !body.is_empty() {
        // Plugins compare the text.
        fields.insert("Content-Type".to_owned(), "application/json".into());
    }
    let mut members = Map::new();
    for (name, value) in [
        ("User", user),
        ("UserAuthNMethod", "PEERCRED"),
        ("RequestMethod", method),
        ("RequestUri", target),
        ("RequestBody", &base64(body)),
    ] {
        if !value.is_empty() {
            members.insert(name.to_owned(), value.into());
        }
    }
    if !fields.is_empty() {
        members.insert("RequestHeaders".to_owned(), Value::Object(fields));
    }
    Value::Object(members).to_string()
}

/// Describes the response to a request that is described by `message`.
pub(super) fn response(message: &str, status: u16, head: &[u8], content: &[u8]) -> String {
    let mut members = message.strip_suffix('}').unwrap_or(message).to_owned();
    members.extend([",\"ResponseStatusCode\":", &status.to_string()]);
    if !content.is_empty() {
        members.extend([",\"ResponseBody\":\"", &base64(content), "\""]);
    }
    let fields = fields(head);
    if !fields.is_empty() {
        members.extend([",\"ResponseHeaders\":", &Value::Object(fields).to_string()]);
    }
    members + "}"
}

/// Returns the fields of a head, each with its last value.
fn fields(head: &[u8]) -> Map<String, Value> {
    let fields: BTreeMap<String, Value> = render::fields(head)
        .map(|(name, value)| (canonical_name(name), String::from_utf8_lossy(value).into()))
        .filter(|(name, _)| !LEFT_OUT.contains(&&**name))
        .collect();
    fields.into_iter().collect()
}

/// Returns the name of a field as Go's server spells it.
fn canonical_name(name: &[u8]) -> String {
    let mut begins = true;
    let spelled = name.iter().map(|byte| {
        let byte = if begins { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        begins = byte == b'-';
        char::from(byte)
    });
    spelled.collect()
}

/// Encodes `bytes` in base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_usize {
            let digit = word >> (18 - 6 * place) & 63;
            let letter = ALPHABET.get(digit as usize).copied().unwrap_or_default();
            encoded.push(if place > group.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
