//! JSON objects and arrays as slices of their document.
//!
//! Members are matched to fields as by Go's encoding/json, which the daemon uses.

use std::borrow::Cow;

use serde::Deserializer;
use serde::de::IgnoredAny;

use super::Error;
use super::text::{Scanner, string, unescaped};

/// Maximum number of members of an edited object, or elements of an edited array. Containers,
/// services and label maps have less than a hundredth of it, and each member costs up to ten times
/// its bytes while it is processed.
const MEMBERS: usize = 64 * 1024;

/// Minimum length in bytes that a member usually has.
const USUAL_MEMBER: usize = 16;

/// Initial capacities for members: of an object, and of a document whose largest member is an
/// object. A HostConfig has about 70 members, the document around it 20.
const USUAL_MEMBERS: usize = 72;
const USUAL_OUTER_MEMBERS: usize = 24;

/// An object of a document.
#[derive(Debug)]
pub struct Object<'d> {
    /// The path of names for refusals; empty for the document.
    pub name: String,
    /// The object with its braces.
    pub text: &'d str,
    /// Its members, in order.
    pub members: Vec<Member<'d>>,
    /// `true` if a key has escapes or non-ASCII letters.
    odd: bool,
    /// A member object that was parsed along with this object.
    along: Option<Box<Object<'d>>>,
    /// `true` if a member was added, so that the next one needs a comma.
    pub grown: bool,
}

/// A member of an object.
#[derive(Debug)]
pub struct Member<'d> {
    /// The key as written, without its quotes.
    key: &'d str,
    /// The unescaped key, unless the key is plain. It is kept because each key is compared with
    /// many field names.
    unescaped: Option<Box<str>>,
    /// The value as written.
    pub value: &'d str,
}

impl Member<'_> {
    /// Returns the unescaped key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.unescaped.as_deref().unwrap_or(self.key)
    }
}

/// The value of a field that must be an object.
#[derive(Debug)]
pub enum Found<'d> {
    /// The field is missing.
    Absent,
    /// `null`, at this slice of the document. The daemon treats it as missing.
    Null(&'d str),
    /// An object.
    Object(Object<'d>),
}

impl<'d> Found<'d> {
    /// Parses `text`, one JSON value.
    ///
    /// # Errors
    /// Malformed JSON, or a value other than an object or `null`.
    pub fn read(name: impl Into<String>, text: &'d str) -> Result<Self, Error> {
        Self::read_along(name.into(), text, None)
    }

    /// Parses a document, and the object in its field `along` in the same pass, since it may be
    /// most of the document.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn document(text: &'d str, along: Option<&str>) -> Result<Self, Error> {
        Self::read_along(String::new(), text, along)
    }

    fn read_along(name: String, text: &'d str, along: Option<&str>) -> Result<Self, Error> {
        // A form feed is ASCII whitespace, but not JSON whitespace.
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text == "null" {
            return Ok(Self::Null(text));
        }
        let mut scan = Scanner::of(text);
        match Object::take(&mut scan, along).filter(|_| scan.is_at_end()) {
            Some(object) => Ok(Self::Object(Object { name, ..object })),
            None => Err(not_an_object(name, text)),
        }
    }
}

/// Calls `visit` with the key as written and the value of each member of the object `text`. Returns
/// `None` if `text` is not an object.
#[must_use]
pub fn each_member<'d>(text: &'d str, mut visit: impl FnMut(&'d str, &'d str)) -> Option<()> {
    let mut scan = Scanner::of(text.trim_matches([' ', '\t', '\r', '\n']));
    scan.each(b'{', b'}', |scan| {
        let (key, _) = scan.key()?;
        visit(key, scan.value()?);
        Some(())
    })?;
    scan.is_at_end().then_some(())
}

/// Returns the value of the member whose key is written as `name`, without keeping other members.
/// The value is empty if there is no such member. Returns `None` if `text` is not an object.
#[must_use]
pub fn member<'d>(text: &'d str, name: &str) -> Option<&'d str> {
    members(text, [name]).map(|[value]| value)
}

/// Does the same as [`member`] for several names, in one pass.
#[must_use]
pub fn members<'d, const N: usize>(text: &'d str, names: [&str; N]) -> Option<[&'d str; N]> {
    let mut found = [""; N];
    each_member(text, |key, value| {
        for (found, _) in found.iter_mut().zip(names).filter(|(_, name)| *name == key) {
            *found = value;
        }
    })?;
    Some(found)
}

/// Returns the elements of the array `text`.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    Scanner::of(text).each(b'[', b']', |scan| {
        elements.push(scan.value()?);
        (elements.len() <= MEMBERS).then_some(())
    })?;
    Some(elements)
}

fn not_an_object(name: String, text: &str) -> Error {
    if !text.starts_with('{') {
        // `deserialize_map` would repeat a string in its error, however long.
        return match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => Error::NotJson(error.to_string()),
            // The value is well-formed, so its type is wrong.
            Ok(IgnoredAny) => Error::NotAnObject(name),
        };
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match deserializer.deserialize_map(IgnoredAny).and_then(|_| deserializer.end()) {
        Err(error) => Error::NotJson(error.to_string()),
        // The object is well-formed, so it has too many members.
        Ok(()) => Error::ManyMembers(MEMBERS),
    }
}

/// The value of a field that must be an array.
#[derive(Debug)]
pub enum Listed<'d> {
    /// The field is missing.
    Absent,
    /// `null`, which the daemon treats as missing.
    Null,
    /// An array.
    Array(Array<'d>),
}

/// An array of a document.
#[derive(Debug)]
pub struct Array<'d> {
    /// The path of names for refusals.
    name: String,
    /// The array with its brackets.
    pub text: &'d str,
    /// Its elements, in order.
    pub elements: Vec<&'d str>,
    /// `true` if an element was added, so that the next one needs a comma.
    pub grown: bool,
}

impl<'d> Listed<'d> {
    fn read(name: String, text: &'d str) -> Result<Self, Error> {
        if text == "null" {
            return Ok(Self::Null);
        }
        match elements(text) {
            Some(elements) => Ok(Self::Array(Array { name, text, elements, grown: false })),
            // The array is well-formed, so it has too many elements.
            None if text.starts_with('[') => Err(Error::ManyMembers(MEMBERS)),
            None => Err(Error::NotAnArray(name)),
        }
    }
}

impl Listed<'_> {
    /// Returns the number of elements.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::Absent | Self::Null => 0,
            Self::Array(array) => array.elements.len(),
        }
    }
}

impl<'d> Array<'d> {
    /// Returns the elements as objects.
    ///
    /// # Errors
    /// An element that is not an object.
    pub fn objects(&self) -> impl Iterator<Item = Result<Object<'d>, Error>> {
        self.elements.iter().map(|element| match Found::read(&*self.name, element)? {
            Found::Object(object) => Ok(object),
            Found::Absent | Found::Null(_) => Err(Error::NotAnObject(self.name.clone())),
        })
    }

    /// Returns the elements as strings, each with its slice of the document.
    ///
    /// # Errors
    /// An element that is not a string.
    pub fn strings(&self) -> impl Iterator<Item = Result<(&'d str, Cow<'d, str>), Error>> {
        self.elements.iter().map(|element| {
            let string = string(element);
            Ok((*element, string.ok_or_else(|| Error::NotAString(self.name.clone()))?))
        })
    }
}

impl<'d> Object<'d> {
    /// Parses the object at this position, and the object in its field `along`.
    fn take(scan: &mut Scanner<'d>, along: Option<&str>) -> Option<Self> {
        let start = scan.clone();
        let usual = if along.is_some() { USUAL_OUTER_MEMBERS } else { USUAL_MEMBERS };
        let mut members = Vec::with_capacity(usual.min(1 + start.left() / USUAL_MEMBER));
        let (mut odd, mut inner) = (false, None);
        scan.each(b'{', b'}', |scan| {
            let (key, plain) = scan.key()?;
            odd |= !plain;
            let unescaped = if plain { None } else { Some(unescaped(key)?.into()) };
            let value = if inner.is_none()
                && along.is_some_and(|along| key.eq_ignore_ascii_case(along))
                && scan.is_at(b'{')
                && let Some(object) = scan.attempt(|scan| Self::take(scan, None))
            {
                inner.insert(Box::new(Self { name: key.to_owned(), ..object })).text
            } else {
                scan.value()?
            };
            members.push(Member { key, unescaped, value });
            (members.len() <= MEMBERS).then_some(())
        })?;
        let text = start.until(scan)?;
        let name = String::new();
        Some(Self { name, text, members, odd, along: inner, grown: false })
    }

    /// Returns the member that Go's decoder puts into the field `name`.
    ///
    /// # Errors
    /// Two such members: Go merges them, other parsers choose one.
    pub fn member(&self, name: &str) -> Result<Option<&Member<'d>>, Error> {
        // Cheap filter, since each member is compared with many field names.
        let may_fit = |member: &&Member<'_>| member.key.len() == name.len() || self.odd;
        let members = self.members.iter().filter(may_fit);
        let mut fitting = members.filter(|member| self.is_field(member, name));
        let first = fitting.next();
        match (first, fitting.next()) {
            (Some(one), Some(two)) => {
                let path = |member: &Member<'_>| join(&self.name, member.key());
                Err(Error::Twice(path(one), path(two)))
            }
            _ => Ok(first),
        }
    }

    /// Does the same as [`is_field`], without folding plain keys letter by letter.
    fn is_field(&self, member: &Member<'_>, name: &str) -> bool {
        member.key.eq_ignore_ascii_case(name) || self.odd && is_field(member.key(), name)
    }

    /// Returns the value of the field `name`, which must be an object.
    ///
    /// # Errors
    /// The field occurs twice or has another type.
    pub fn object(&self, name: &str) -> Result<Found<'d>, Error> {
        match self.member(name)? {
            None => Ok(Found::Absent),
            Some(member) => Found::read(join(&self.name, member.key()), member.value),
        }
    }

    /// Returns the value of the field that was parsed along with the document.
    ///
    /// # Errors
    /// Those of [`object`](Self::object).
    pub fn object_along(&mut self, name: &str) -> Result<Found<'d>, Error> {
        self.member(name)?;
        match self.along.take() {
            Some(object) => Ok(Found::Object(*object)),
            None => self.object(name),
        }
    }

    /// Returns the string in the field `name`; `None` if it is missing or `null`.
    ///
    /// # Errors
    /// The field occurs twice or has another type.
    pub fn string(&self, name: &str) -> Result<Option<Cow<'d, str>>, Error> {
        let Some(member) = self.member(name)? else {
            return Ok(None);
        };
        if member.value == "null" {
            return Ok(None);
        }
        let path = || Error::NotAString(join(&self.name, member.key()));
        string(member.value).map(Some).ok_or_else(path)
    }

    /// Returns the value of the field `name`, which must be an array.
    ///
    /// # Errors
    /// The field occurs twice or has another type.
    pub fn array(&self, name: &str) -> Result<Listed<'d>, Error> {
        match self.member(name)? {
            None => Ok(Listed::Absent),
            Some(member) => Listed::read(join(&self.name, member.key()), member.value),
        }
    }

    /// Returns `true` if the field `name` is `true`.
    #[must_use]
    pub fn is_true(&self, name: &str) -> bool {
        self.member(name).is_ok_and(|member| member.is_some_and(|member| member.value == "true"))
    }

    /// Returns the unescaped keys of all members.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(Member::key)
    }

    /// Returns each member that Go puts into one of the fields `names`.
    pub fn all_of(&self, names: &[&str]) -> impl Iterator<Item = &Member<'d>> {
        let is_one = |member: &&Member<'_>| names.iter().any(|name| self.is_field(member, name));
        self.members.iter().filter(is_one)
    }
}

fn join(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    [path, dot, key].concat()
}

/// Returns `true` if Go's decoder puts a member `key` into the field `name`: the names are equal
/// under simple case folding, by which the long s (U+017F) is an `s` and the Kelvin sign (U+212A) a
/// `k`.
#[must_use]
pub fn is_field(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// Returns `text` as a JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(plain) {
        return ["\"", text, "\""].concat();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
