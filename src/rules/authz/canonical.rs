//! Canonical JSON bodies: the API's own spelling of known names, and no name twice. Go's decoder takes names in any
//! case and the last of several; a plugin in another language does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Operation;
use crate::engine::members::members;
use crate::json::{self, Error, Found, Object, quoted};
use crate::rules::{Reason, Refusal};

/// Maximum depth of objects and arrays in a body. A service has about ten levels.
const DEPTH: usize = 32;

/// Extra capacity in bytes for a request head.
const ROOM: usize = 1024;

/// Returns the canonical form of the body of a request for `operation`. A blank body stays as it is.
///
/// # Errors
/// A body that is malformed or nested too deeply, or a name that occurs twice in one object.
pub fn canonical(operation: &Operation, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let text = str::from_utf8(body).map_err(|error| Error::NotJson(error.to_string()))?;
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let mut document = String::with_capacity(body.len() + ROOM);
    if !text.is_empty() {
        let members = members(operation);
        write(text, &Names::of(members.iter().map(|path| &**path)), DEPTH, &mut document)?;
        return Ok(document.into_bytes());
    }
    document.push_str(str::from_utf8(body).unwrap_or_default());
    Ok(document.into_bytes())
}

/// The known names of the members of an object, each with the paths that continue in it.
#[derive(Debug, Default)]
struct Names<'n> {
    /// By the folded name.
    named: BTreeMap<String, (&'n str, Vec<&'n str>)>,
    /// The paths that continue in the value of any key.
    any: Vec<&'n str>,
}

impl<'n> Names<'n> {
    fn of(paths: impl Iterator<Item = &'n str>) -> Self {
        let mut names = Self::default();
        for path in paths {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            let inner = match name {
                "*" => &mut names.any,
                name => &mut names.named.entry(folded(name)).or_insert((name, Vec::new())).1,
            };
            if !rest.is_empty() {
                inner.push(rest);
            }
        }
        names
    }

    /// Returns the spelling of a key, and the names in its value.
    fn find<'k>(&self, key: &'k str, folded: &str) -> (&'k str, Self)
    where
        'n: 'k,
    {
        match self.named.get(folded) {
            Some((name, inner)) => (name, Self::of(inner.iter().copied())),
            None => (key, Self::of(self.any.iter().copied())),
        }
    }
}

/// Folds a name as Go's decoder does.
fn folded(name: &str) -> String {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

/// Writes one JSON value.
fn write(
    text: &str,
    names: &Names<'_>,
    depth: usize,
    document: &mut String,
) -> Result<(), Refusal> {
    match text.as_bytes().first() {
        Some(b'{' | b'[') if depth == 0 => Err(too_deep()),
        Some(b'{') => match Found::document(text, None)? {
            Found::Object(object) => write_object(&object, names, depth, document),
            Found::Absent | Found::Null(_) => Ok(()),
        },
        Some(b'[') => {
            let Some(elements) = json::elements(text) else { return Err(malformed(text)) };
            document.push('[');
            for (at, element) in elements.into_iter().enumerate() {
                if at > 0 {
                    document.push(',');
                }
                write(element, names, depth - 1, document)?;
            }
            document.push(']');
            Ok(())
        }
        _ if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => Err(malformed(text)),
        _ => {
            document.push_str(text);
            Ok(())
        }
    }
}

fn write_object(
    object: &Object<'_>,
    names: &Names<'_>,
    depth: usize,
    document: &mut String,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    document.push('{');
    for (at, member) in object.members.iter().enumerate() {
        let key = member.key();
        let fold = folded(key);
        let (name, inner) = names.find(key, &fold);
        // The keys of a map differ if their case differs.
        let identity = if names.named.is_empty() { key.to_owned() } else { fold };
        if !seen.insert(identity) {
            return Err(Error::Twice(name.to_owned(), key.to_owned()).into());
        }
        if at > 0 {
            document.push(',');
        }
        document.push_str(&quoted(name));
        document.push(':');
        write(member.value, &inner, depth - 1, document)?;
    }
    document.push('}');
    Ok(())
}

/// Refuses text that is not one JSON value, or has too many elements.
fn malformed(text: &str) -> Refusal {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Err(error) => Error::NotJson(error.to_string()).into(),
        Ok(_) => Error::ManyMembers(64 * 1024).into(),
    }
}

fn too_deep() -> Refusal {
    let text = format!("the request body has more than {DEPTH} levels of objects and arrays");
    Refusal::new(Reason::TooMany, text)
}

#[cfg(test)]
mod tests;
