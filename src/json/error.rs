//! What can be wrong with a document.

use std::fmt;

/// A document in which what is looked for cannot be found with certainty. Names are those that lead
/// to a place, joined by dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It is not JSON, or something stands behind it.
    NotJson(String),
    /// A member (or the whole document, when there is no name) is not the object that it must be.
    NotAnObject(String),
    /// A member is not the array that it must be.
    NotAnArray(String),
    /// A member, or an element of it, is not the string that it must be.
    NotAString(String),
    /// One of its objects or arrays has more than so many members.
    ManyMembers(usize),
    /// Two members that Go's decoder takes for one.
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
