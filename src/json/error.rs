//! Errors in JSON documents.

use std::fmt;

/// A document that is malformed or ambiguous. Names are paths of members, joined by dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The document is not JSON, or other bytes follow.
    NotJson(String),
    /// A member must be an object, or the whole document if the name is empty.
    NotAnObject(String),
    /// A member must be an array.
    NotAnArray(String),
    /// A member, or its elements, must be strings.
    NotAString(String),
    /// An object or array has more members than this.
    ManyMembers(usize),
    /// Go's decoder reads these two members as one.
    Twice(String, String),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(what) => write!(out, "the request body is not one JSON object: {what}"),
            Self::NotAnObject(name) if name.is_empty() => {
                out.write_str("the request body is JSON, but not an object")
            }
            Self::NotAnObject(name) => write!(out, "{name} in the request body is not an object"),
            Self::NotAnArray(name) => write!(out, "{name} in the request body is not an array"),
            Self::NotAString(name) => {
                write!(out, "{name} in the request body is not a string, or not of strings")
            }
            Self::ManyMembers(limit) => {
                write!(out, "an object or array in the request body has more than {limit} members")
            }
            Self::Twice(one, other) => write!(
                out,
                "the request body has the members {one} and {other}, which the daemon takes for one; \
                 send only one of them"
            ),
        }
    }
}

impl std::error::Error for Error {}
