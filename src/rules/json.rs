//! JSON objects and arrays as slices of the document that they stand in.
//!
//! Members are found as Go's encoding/json finds them, because that is what the daemon uses.

use std::borrow::Cow;

use serde::Deserializer;
use serde::de::IgnoredAny;

use super::scan::{Scanner, string, unescaped};
use super::{Label, Refusal};

/// Members of one object, or elements of one array, that is edited. No container, service or label
/// map has a hundredth of them, and each costs up to ten times its bytes while it is looked at.
const MEMBERS: usize = 64 * 1024;

/// Bytes that a member takes at least, usually.
const USUAL_MEMBER: usize = 16;

/// Members for which there is room at once, in an object and in one of which another is most: a
/// HostConfig has about 70, the document around it 20.
const USUAL_MEMBERS: usize = 72;
const USUAL_OUTER_MEMBERS: usize = 24;

/// One object of a document.
#[derive(Debug)]
pub(super) struct Object<'d> {
    /// What to call it in a refusal: the names that lead to it; empty for the document.
    pub(super) name: String,
    /// The object with its braces.
    pub(super) text: &'d str,
    pub(super) members: Vec<Member<'d>>,
    /// Whether a key has escapes, or letters beyond ASCII.
    odd: bool,
    /// One of the members, if it was read along.
    along: Option<Box<Object<'d>>>,
    /// Whether a member was added; the next one then needs a comma.
    pub(super) grown: bool,
}

/// One member of an object.
#[derive(Debug)]
pub(super) struct Member<'d> {
    /// The key without its quotes, as it stands there.
    key: &'d str,
    /// The same unescaped, unless it is plain: it is compared with each field that matters.
    unescaped: Option<Box<str>>,
    /// The value, as it stands there.
    pub(super) value: &'d str,
}

impl Member<'_> {
    /// The key, unescaped.
    pub(super) fn key(&self) -> &str {
        self.unescaped.as_deref().unwrap_or(self.key)
    }
}

/// What stands at a place where an object may stand.
#[derive(Debug)]
pub(super) enum Found<'d> {
    /// Nothing.
    Absent,
    /// `null`, at this slice of the document. To the daemon that is as good as nothing.
    Null(&'d str),
    /// An object.
    Object(Object<'d>),
}

impl<'d> Found<'d> {
    /// Reads `text`, which is one JSON value.
    ///
    /// # Errors
    /// It is no JSON, or neither an object nor `null`.
    pub(super) fn read(name: impl Into<String>, text: &'d str) -> Result<Self, Refusal> {
        Self::read_along(name.into(), text, None)
    }

    /// The same for a document, with the object in its field `along` in the same go: it may be most
    /// of it.
    ///
    /// # Errors
    /// As above.
    pub(super) fn document(text: &'d str, along: Option<&str>) -> Result<Self, Refusal> {
        Self::read_along(String::new(), text, along)
    }

    fn read_along(name: String, text: &'d str, along: Option<&str>) -> Result<Self, Refusal> {
        // A form feed is a blank to ASCII, but not to JSON.
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

/// Tells each member of the object that is `text`: its key, as it stands there, and its value. `None` if
/// it is none.
pub(super) fn each_member<'d>(text: &'d str, mut tell: impl FnMut(&'d str, &'d str)) -> Option<()> {
    let mut scan = Scanner::of(text.trim_matches([' ', '\t', '\r', '\n']));
    scan.each(b'{', b'}', |scan| {
        let (key, _) = scan.key()?;
        tell(key, scan.value()?);
        Some(())
    })?;
    scan.is_at_end().then_some(())
}

/// The value of the member `name`, spelt so, of the object that is `text`; empty if it has none, `None` if
/// it is no object. Nothing is kept of the other members.
pub(super) fn member<'d>(text: &'d str, name: &str) -> Option<&'d str> {
    let mut found = "";
    each_member(text, |key, value| found = if key == name { value } else { found })?;
    Some(found)
}

/// The elements of the array that is `text`.
pub(super) fn elements(text: &str) -> Option<Vec<&str>> {
    let mut elements = Vec::new();
    Scanner::of(text).each(b'[', b']', |scan| {
        elements.push(scan.value()?);
        (elements.len() <= MEMBERS).then_some(())
    })?;
    Some(elements)
}

fn not_an_object(name: String, text: &str) -> Refusal {
    if !text.starts_with('{') {
        // Asked for a map, serde_json would repeat a string that stands there, however long.
        return match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => Refusal::NotJson(error.to_string()),
            // A value of another type is well-formed JSON; only then is the type what is wrong.
            Ok(IgnoredAny) => Refusal::NotAnObject(name),
        };
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match deserializer.deserialize_map(IgnoredAny).and_then(|_| deserializer.end()) {
        Err(error) => Refusal::NotJson(error.to_string()),
        // The grammar aside, an object can only have too many members.
        Ok(()) => Refusal::ManyMembers(MEMBERS),
    }
}

/// What stands at a place where an array may stand.
#[derive(Debug)]
pub(super) enum Listed<'d> {
    /// Nothing.
    Absent,
    /// `null`, which to the daemon is as good as nothing.
    Null,
    /// An array.
    Array(Array<'d>),
}

/// One array of a document.
#[derive(Debug)]
pub(super) struct Array<'d> {
    /// What to call it in a refusal.
    name: String,
    /// The array with its brackets.
    pub(super) text: &'d str,
    pub(super) elements: Vec<&'d str>,
    /// Whether an element was added; the next one then needs a comma.
    pub(super) grown: bool,
}

impl<'d> Listed<'d> {
    fn read(name: String, text: &'d str) -> Result<Self, Refusal> {
        if text == "null" {
            return Ok(Self::Null);
        }
        match elements(text) {
            Some(elements) => Ok(Self::Array(Array { name, text, elements, grown: false })),
            // The grammar aside, an array can only have too many elements.
            None if text.starts_with('[') => Err(Refusal::ManyMembers(MEMBERS)),
            None => Err(Refusal::NotAnArray(name)),
        }
    }
}

impl Listed<'_> {
    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Absent | Self::Null => 0,
            Self::Array(array) => array.elements.len(),
        }
    }
}

impl<'d> Array<'d> {
    /// The elements, which may only be objects.
    ///
    /// # Errors
    /// One is something else.
    pub(super) fn objects(&self) -> impl Iterator<Item = Result<Object<'d>, Refusal>> {
        self.elements.iter().map(|element| match Found::read(&*self.name, element)? {
            Found::Object(object) => Ok(object),
            Found::Absent | Found::Null(_) => Err(Refusal::NotAnObject(self.name.clone())),
        })
    }

    /// The elements, which may only be strings, each with its slice of the document.
    ///
    /// # Errors
    /// One is something else.
    pub(super) fn strings(&self) -> impl Iterator<Item = Result<(&'d str, Cow<'d, str>), Refusal>> {
        self.elements.iter().map(|element| {
            let string = string(element);
            Ok((*element, string.ok_or_else(|| Refusal::NotAString(self.name.clone()))?))
        })
    }
}

impl<'d> Object<'d> {
    /// Takes the object at this place of a document, and the one in its field `along`.
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

    /// The member that Go's decoder would put into the field `name`.
    ///
    /// # Errors
    /// There are two: Go would merge them, other parsers take one.
    pub(super) fn member(&self, name: &str) -> Result<Option<&Member<'d>>, Refusal> {
        // Quick, for each member is compared with each field that matters.
        let may_fit = |member: &&Member<'_>| member.key.len() == name.len() || self.odd;
        let members = self.members.iter().filter(may_fit);
        let mut fitting = members.filter(|member| self.is_field(member, name));
        let first = fitting.next();
        match (first, fitting.next()) {
            (Some(one), Some(two)) => {
                let path = |member: &Member<'_>| join(&self.name, member.key());
                Err(Refusal::Twice(path(one), path(two)))
            }
            _ => Ok(first),
        }
    }

    /// As the function has it, but without a look at each letter of plain keys.
    fn is_field(&self, member: &Member<'_>, name: &str) -> bool {
        member.key.eq_ignore_ascii_case(name) || self.odd && is_field(member.key(), name)
    }

    /// What stands in the field `name`, which may only be an object.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn object(&self, name: &str) -> Result<Found<'d>, Refusal> {
        match self.member(name)? {
            None => Ok(Found::Absent),
            Some(member) => Found::read(join(&self.name, member.key()), member.value),
        }
    }

    /// The same for the field that was read along with the document.
    ///
    /// # Errors
    /// As above.
    pub(super) fn object_along(&mut self, name: &str) -> Result<Found<'d>, Refusal> {
        self.member(name)?;
        match self.along.take() {
            Some(object) => Ok(Found::Object(*object)),
            None => self.object(name),
        }
    }

    /// The string in the field `name`; `None` when it is absent or `null`.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn string(&self, name: &str) -> Result<Option<Cow<'d, str>>, Refusal> {
        let Some(member) = self.member(name)? else {
            return Ok(None);
        };
        if member.value == "null" {
            return Ok(None);
        }
        let path = || Refusal::NotAString(join(&self.name, member.key()));
        string(member.value).map(Some).ok_or_else(path)
    }

    /// What stands in the field `name`, which may only be an array.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn array(&self, name: &str) -> Result<Listed<'d>, Refusal> {
        match self.member(name)? {
            None => Ok(Listed::Absent),
            Some(member) => Listed::read(join(&self.name, member.key()), member.value),
        }
    }

    /// Whether the field `name` is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.member(name).is_ok_and(|member| member.is_some_and(|member| member.value == "true"))
    }

    /// The keys of all members, unescaped.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(Member::key)
    }

    /// Each member that Go would put into one of the fields `names`.
    pub(super) fn all_of(&self, names: &[&str]) -> impl Iterator<Item = &Member<'d>> {
        let is_one = |member: &&Member<'_>| names.iter().any(|name| self.is_field(member, name));
        self.members.iter().filter(is_one)
    }
}

fn join(path: &str, key: &str) -> String {
    let dot = if path.is_empty() { "" } else { "." };
    [path, dot, key].concat()
}

/// Whether Go's decoder puts a member `key` into the field `name`: equal under simple case
/// folding, by which the long s (U+017F) is an `s` and the Kelvin sign (U+212A) a `k`.
pub(super) fn is_field(key: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(plain) {
        return ["\"", text, "\""].concat();
    }
    serde_json::Value::from(text).to_string()
}

/// `labels` as a JSON object.
pub(super) fn label_map(labels: &[Label]) -> String {
    let mut map = String::from("{");
    for Label { key, value } in labels {
        if map.len() > 1 {
            map.push(',');
        }
        map.extend([&quoted(key), ":", &quoted(value)]);
    }
    map.push('}');
    map
}

#[cfg(test)]
mod tests;
