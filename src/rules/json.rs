//! JSON objects and arrays as slices of the document that they stand in.
//!
//! Members are found as Go's encoding/json finds them, because that is what the daemon uses.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{Label, Refusal};

/// Members of one object, or elements of one array, that is edited. No container, service or label map has a hundredth of
/// them, and each costs ten times its bytes while it is looked at.
const MEMBERS: usize = 64 * 1024;

/// Bytes that a member usually takes, and members for which there is room at once: a HostConfig has
/// about 60.
const USUAL_MEMBER: usize = 32;
const USUAL_MEMBERS: usize = 64;

/// One object of a document.
#[derive(Debug)]
pub(super) struct Object<'d> {
    /// What to call it in a refusal: the names that lead to it; empty for the document.
    pub(super) name: String,
    /// The object with its braces.
    pub(super) text: &'d str,
    pub(super) members: Vec<Member<'d>>,
    /// Whether a member was added; the next one then needs a comma.
    pub(super) grown: bool,
}

/// One member of an object.
#[derive(Debug, Clone)]
pub(super) struct Member<'d> {
    /// The key, unescaped.
    pub(super) key: Cow<'d, str>,
    /// The value, as it stands there.
    pub(super) value: &'d str,
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
    pub(super) fn read(name: &str, text: &'d str) -> Result<Self, Refusal> {
        // A form feed is a blank to ASCII, but not to JSON.
        let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
        if trimmed == "null" {
            return Ok(Self::Null(trimmed));
        }
        let mut deserializer = serde_json::Deserializer::from_str(trimmed);
        let members = deserializer
            .deserialize_map(Members { usual: USUAL_MEMBERS.min(1 + trimmed.len() / USUAL_MEMBER) })
            .and_then(|members| deserializer.end().map(|()| members))
            .map_err(|error| not_an_object(name, trimmed, &error))?;
        Ok(Self::Object(Object { name: name.to_owned(), text: trimmed, members, grown: false }))
    }
}

fn not_an_object(name: &str, text: &str, error: &serde_json::Error) -> Refusal {
    // A value of another type is well-formed JSON; only then is the type what is wrong.
    match serde_json::from_str::<&RawValue>(text) {
        Ok(value) if !value.get().starts_with('{') => Refusal::NotAnObject(name.to_owned()),
        // The grammar aside, an object can only have too many members.
        Ok(_) if error.is_data() => Refusal::ManyMembers(MEMBERS),
        _ => Refusal::NotJson(error.to_string()),
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
    fn read(name: &str, text: &'d str) -> Result<Self, Refusal> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let elements =
            serde_json::Deserializer::from_str(text).deserialize_seq(Elements).map_err(|_| {
                match text.as_bytes().first() {
                    // The grammar aside, an array can only have too many elements.
                    Some(b'[') => Refusal::ManyMembers(MEMBERS),
                    _ => Refusal::NotAnArray(name.to_owned()),
                }
            })?;
        Ok(Self::Array(Array { name: name.to_owned(), text, elements, grown: false }))
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
        self.elements.iter().map(|element| match Found::read(&self.name, element)? {
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
            let string = serde_json::from_str(element);
            Ok((*element, string.map_err(|_| Refusal::NotAString(self.name.clone()))?))
        })
    }
}

/// Collects the elements of an array.
struct Elements;

impl<'d> Visitor<'d> for Elements {
    type Value = Vec<&'d str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if elements.len() == MEMBERS {
                return Err(A::Error::custom("too many elements"));
            }
            elements.push(element.get());
        }
        Ok(elements)
    }
}

/// A key; it is copied only if it has escapes.
struct Key<'d>(Cow<'d, str>);

impl<'d> Deserialize<'d> for Key<'d> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor).map(Self)
    }
}

struct KeyVisitor;

impl<'d> Visitor<'d> for KeyVisitor {
    type Value = Cow<'d, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'d str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// Collects the members of an object in order, duplicates included.
struct Members {
    /// How many there probably are.
    usual: usize,
}

impl<'d> Visitor<'d> for Members {
    type Value = Vec<Member<'d>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(self.usual);
        while let Some(Key(key)) = map.next_key()? {
            if members.len() == MEMBERS {
                return Err(A::Error::custom("too many members"));
            }
            let value = map.next_value::<&RawValue>()?.get();
            members.push(Member { key, value });
        }
        Ok(members)
    }
}

impl<'d> Object<'d> {
    /// The member that Go's decoder would put into the field `name`.
    ///
    /// # Errors
    /// There are two: Go would merge them, other parsers take one.
    pub(super) fn member(&self, name: &str) -> Result<Option<&Member<'d>>, Refusal> {
        let mut fitting = self.members.iter().filter(|member| is_field(&member.key, name));
        let first = fitting.next();
        match (first, fitting.next()) {
            (Some(one), Some(two)) => {
                let path = |member: &Member<'_>| join(&self.name, &member.key);
                Err(Refusal::Twice(path(one), path(two)))
            }
            _ => Ok(first),
        }
    }

    /// What stands in the field `name`, which may only be an object.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn object(&self, name: &str) -> Result<Found<'d>, Refusal> {
        match self.member(name)? {
            None => Ok(Found::Absent),
            Some(member) => Found::read(&join(&self.name, &member.key), member.value),
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
        let path = || Refusal::NotAString(join(&self.name, &member.key));
        serde_json::from_str(member.value).map_err(|_| path())
    }

    /// What stands in the field `name`, which may only be an array.
    ///
    /// # Errors
    /// It stands there twice, or is something else.
    pub(super) fn array(&self, name: &str) -> Result<Listed<'d>, Refusal> {
        match self.member(name)? {
            None => Ok(Listed::Absent),
            Some(member) => Listed::read(&join(&self.name, &member.key), member.value),
        }
    }

    /// Whether the field `name` is `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.member(name).is_ok_and(|member| member.is_some_and(|member| member.value == "true"))
    }

    /// The keys of all members, unescaped.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &*member.key)
    }

    /// The key and the value of each member that Go would put into one of the fields `names`.
    pub(super) fn all_of(&self, names: &[&str]) -> impl Iterator<Item = (&str, &'d str)> {
        let is_one = |key: &str| names.iter().any(|name| is_field(key, name));
        let found = self.members.iter().filter(move |member| is_one(&member.key));
        found.map(|member| (&*member.key, member.value))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Whether Go's decoder puts a member `key` into the field `name`: equal under simple case
/// folding, by which the long s (U+017F) is an `s` and the Kelvin sign (U+212A) a `k`.
///
/// Each member is compared with each field that matters, so this is quick about the lengths: both
/// odd letters are longer than what they are folded to.
#[inline]
pub(super) fn is_field(key: &str, name: &str) -> bool {
    if key.len() == name.len() {
        return key.eq_ignore_ascii_case(name);
    }
    key.len() > name.len() && !key.is_ascii() && is_folded(key, name)
}

fn is_folded(key: &str, name: &str) -> bool {
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
mod tests {
    use super::*;

    #[test]
    fn keys_are_matched_as_go_matches_them() {
        for key in ["Labels", "labels", "LABELS", "Label\u{17f}"] {
            assert!(is_field(key, "Labels"), "{key}");
        }
        assert!(is_field("networ\u{212a}mode", "NetworkMode"));
        assert!(is_field("\u{17f}ource", "Source"));
        for key in ["Label", "Labelss", "L\u{e4}bels", "Labels ", "\u{17f}abels", "\u{212a}", ""] {
            assert!(!is_field(key, "Labels"), "{key}");
        }
    }

    #[test]
    fn an_object_has_a_limit_of_members() {
        let object = |members: usize| format!("{{{}}}", vec!["\"\":1"; members].join(","));
        assert!(Found::read("", &object(MEMBERS)).is_ok());
        let larger = object(MEMBERS + 1);
        let refused = Found::read("", &larger).unwrap_err();
        assert_eq!(refused, Refusal::ManyMembers(MEMBERS));
    }
}
