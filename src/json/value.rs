//! JSON objects and arrays as slices of their document.
//!
//! Members are matched to fields as by Go's encoding/json, which the daemon uses.

use std::borrow::Cow;
use std::cell::Cell;

use serde::Deserializer;
use serde::de::IgnoredAny;

use super::Error;
use super::keys::{is_field, tag};
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

/// Minimum number of members of an object that keeps tags. Fewer are compared one by one.
const TAGGED: usize = 8;

/// Length in bytes that an element of a long array usually has.
const USUAL_ELEMENT: usize = 32;

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
    /// The [`tag`] of each key, unless there are few keys or odd ones.
    tags: Vec<u8>,
    /// A member object that was parsed along with this object.
    along: Option<Box<Object<'d>>>,
    /// `true` if a member was added, so that the next one needs a comma.
    pub grown: Cell<bool>,
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

/// Returns the elements of the array `text`.
#[must_use]
pub fn elements(text: &str) -> Option<Vec<&str>> {
    let mut elements = Vec::with_capacity(USUAL_MEMBERS.min(text.len() / USUAL_ELEMENT));
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
    /// Parses `text`, one JSON value of a document that was parsed.
    ///
    /// # Errors
    /// It is neither an array nor `null`, or has too many elements.
    pub fn read(name: impl FnOnce() -> String, text: &'d str) -> Result<Self, Error> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let name = name();
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
        let escaped = memchr::memchr(b'\\', self.text.as_bytes()).is_some();
        self.elements.iter().map(move |element| {
            let inner = element.strip_prefix('"').and_then(|inner| inner.strip_suffix('"'));
            let string = if escaped { string(element) } else { inner.map(Cow::Borrowed) };
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
        let few = odd || members.len() < TAGGED;
        let tags = if few { Vec::new() } else { members.iter().map(|m| tag(m.key)).collect() };
        let text = start.until(scan)?;
        let name = String::new();
        Some(Self { name, text, members, odd, tags, along: inner, grown: Cell::new(false) })
    }

    /// Returns the member that Go's decoder puts into the field `name`.
    ///
    /// # Errors
    /// Two such members: Go merges them, other parsers choose one.
    pub fn member(&self, name: &str) -> Result<Option<&Member<'d>>, Error> {
        if self.tags.is_empty() {
            return self.only(name, self.members.iter());
        }
        // Cheap filter, since each member is compared with many field names.
        let tagged = memchr::memchr_iter(tag(name), &self.tags);
        self.only(name, tagged.filter_map(|at| self.members.get(at)))
    }

    /// Returns the one of `members` that is the field `name`.
    fn only<'o>(
        &'o self,
        name: &str,
        members: impl Iterator<Item = &'o Member<'d>>,
    ) -> Result<Option<&'o Member<'d>>, Error> {
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
        member.key == name
            || member.key.eq_ignore_ascii_case(name)
            || self.odd && is_field(member.key(), name)
    }

    /// Returns the value of the field `name`, which must be an object.
    ///
    /// # Errors
    /// The field occurs twice or has another type.
    pub fn object(&self, name: &str) -> Result<Found<'d>, Error> {
        self.object_in(self.member(name)?)
    }

    /// Returns the value of `member`, which must be an object.
    ///
    /// # Errors
    /// It has another type.
    pub fn object_in(&self, member: Option<&Member<'d>>) -> Result<Found<'d>, Error> {
        match member {
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
        self.array_in(self.member(name)?)
    }

    /// Returns the value of `member`, which must be an array.
    ///
    /// # Errors
    /// It has another type.
    pub fn array_in(&self, member: Option<&Member<'d>>) -> Result<Listed<'d>, Error> {
        match member {
            None => Ok(Listed::Absent),
            Some(member) => Listed::read(|| join(&self.name, member.key()), member.value),
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

#[cfg(test)]
mod tests;
