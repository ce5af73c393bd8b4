//! Request-targets (RFC 9112 §3.2), read as the daemon's router reads them.
//!
//! The daemon routes on the percent-decoded path, whatever scheme and authority stand before it:
//! `/containers/create`, `/containers%2Fcreate` and `unix:///containers/create` are one path. So
//! decisions must never be made on the raw bytes.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

use super::Malformed;

/// Characters that are not escaped in a query: the unreserved characters of RFC 3986 §2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Splits a target at its first `?`. A request-target has no fragment: a `#` belongs to the path or
/// query.
#[must_use]
pub fn split_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (target, None),
    }
}

/// Returns the path that the daemon routes on, decoded as by Go's `url.ParseRequestURI`.
///
/// # Errors
/// A percent sign that is not followed by two hexadecimal digits.
pub fn decoded_path(target: &str) -> Result<Cow<'_, [u8]>, Malformed> {
    let (before, _) = split_query(target);
    let path = raw_path(before).as_bytes();
    if !path.contains(&b'%') {
        return Ok(Cow::Borrowed(path));
    }
    decode(path)
}

/// Returns the path of an origin-form or absolute-form target without its query.
fn raw_path(target: &str) -> &str {
    if target.starts_with('/') {
        return target;
    }
    let Some((scheme, rest)) = target.split_once(':') else {
        return target;
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match rest.strip_prefix("//") {
        _ if !is_scheme => target,
        Some(authority) => authority.find('/').and_then(|at| authority.get(at..)).unwrap_or(""),
        None => rest,
    }
}

/// One `key=value` of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'q> {
    /// The pair as sent.
    pub raw: &'q str,
    /// The key, decoded.
    pub key: Cow<'q, [u8]>,
    /// The value as sent; empty without a `=`.
    raw_value: &'q str,
}

impl Pair<'_> {
    /// Returns the decoded value.
    ///
    /// # Errors
    /// A bad percent-escape.
    pub fn value(&self) -> Result<Cow<'_, [u8]>, Malformed> {
        decode_component(self.raw_value)
    }
}

/// Returns the pairs of `query` in order, split as by Go's `url.ParseQuery`.
///
/// # Errors
/// A pair with `;` or a bad escape. Go drops such a pair, on some endpoints silently.
pub fn pairs(query: &str) -> impl Iterator<Item = Result<Pair<'_>, Malformed>> {
    query.split('&').filter(|raw| !raw.is_empty()).map(|raw| {
        if raw.contains(';') {
            return Err(Malformed::Escape);
        }
        let (key, raw_value) = raw.split_once('=').unwrap_or((raw, ""));
        let pair = Pair { raw, key: decode_component(key)?, raw_value };
        pair.value()?;
        Ok(pair)
    })
}

/// Escapes `text` for a path; slashes stay.
#[must_use]
pub fn encode_path(text: &str) -> String {
    const PATH: &AsciiSet = &UNRESERVED.remove(b'/');
    utf8_percent_encode(text, PATH).to_string()
}

/// Escapes `text` for a query.
#[must_use]
pub fn encode_component(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Decodes a query key or value, in which `+` is a space.
fn decode_component(text: &str) -> Result<Cow<'_, [u8]>, Malformed> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return decode(spaced.as_bytes()).map(|decoded| Cow::Owned(decoded.into_owned()));
    }
    decode(text.as_bytes())
}

fn decode(text: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let mut escapes = text.iter().enumerate().filter(|&(_, &byte)| byte == b'%');
    let complete = escapes.all(|(at, _)| match text.get(at + 1..at + 3) {
        Some(digits) => digits.iter().all(u8::is_ascii_hexdigit),
        None => false,
    });
    if complete { Ok(percent_decode(text).into()) } else { Err(Malformed::Escape) }
}

#[cfg(test)]
mod tests;
