//! The operator's labels.

use super::template::{has_braces, template};
use super::{Invalid, has_line_bytes};
use crate::rules::Label;

/// Reads `KEY=VALUE`; the key ends at the first `=`.
///
/// # Errors
///
/// No `=`, and the errors of [`label`].
pub fn label_pair(text: &str) -> Result<Label, Invalid> {
    let (key, value) = text.split_once('=').ok_or_else(|| Invalid::NoEquals(text.to_owned()))?;
    label(key, value)
}

/// Reads `KEY=VALUE` without placeholders, for a label that is looked for.
///
/// # Errors
///
/// No `=`, an empty key or one with a blank, and a NUL.
pub fn plain_label(text: &str) -> Result<Label, Invalid> {
    let (key, value) = text.split_once('=').ok_or_else(|| Invalid::NoEquals(text.to_owned()))?;
    match key {
        "" => Err(Invalid::EmptyKey),
        _ if text.contains('\0') => Err(Invalid::LineBytes(text.to_owned())),
        _ if key.contains(char::is_whitespace) => Err(Invalid::BlankInKey(key.to_owned())),
        _ => Ok(Label { key: key.to_owned(), value: value.to_owned() }),
    }
}

/// Makes a label of a key and a value, which may be empty and may have placeholders.
///
/// # Errors
///
/// An empty key, a blank or a placeholder in the key, a mistake in a placeholder of the value, and NUL, CR or
/// LF in either.
pub fn label(key: &str, value: &str) -> Result<Label, Invalid> {
    if key.is_empty() {
        return Err(Invalid::EmptyKey);
    }
    // Commits and imports take labels as lines of a Dockerfile, where these bytes cannot be quoted.
    if has_line_bytes(key) || has_line_bytes(value) {
        return Err(Invalid::LineBytes(format!("{key}={value}")));
    }
    // A mistake: the docker command itself makes no such label.
    if key.contains(char::is_whitespace) {
        return Err(Invalid::BlankInKey(key.to_owned()));
    }
    if has_braces(key) {
        return Err(Invalid::PlaceholderInName(key.to_owned()));
    }
    template(value)?;
    Ok(Label { key: key.to_owned(), value: value.to_owned() })
}

#[cfg(test)]
mod tests;
