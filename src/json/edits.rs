//! Changes to a JSON document that keep all other bytes.
//!
//! Changes are collected as ranges of the document and written in one pass. So number spelling,
//! unknown members, order, whitespace and escapes stay as they are.

use std::borrow::Cow;
use std::ops::Range;

use super::Error;
use super::text::{push_quoted, quoted};
use super::value::{Array, Member, Object};

/// Extra capacity in bytes beyond the document and the new text, for new keys and a request head.
const ROOM: usize = 1024;

/// Number of changes for which there is room at the start. A container create has about as many.
const CHANGES: usize = 24;

/// The changes to one document.
#[derive(Debug)]
pub struct Edits<'d> {
    document: &'d str,
    changes: Vec<Change<'d>>,
}

/// A part of the document and what replaces it.
#[derive(Debug)]
struct Change<'d> {
    range: Range<usize>,
    /// `true` if a comma precedes the new text.
    comma: bool,
    /// The key of a new member.
    key: Option<&'d str>,
    text: Cow<'d, str>,
}

impl<'d> Edits<'d> {
    /// Starts without changes to `document`.
    #[must_use]
    pub fn of(document: &'d str) -> Self {
        Self { document, changes: Vec::with_capacity(CHANGES) }
    }

    /// Returns the number of changes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Replaces `part`, a slice of the document, by `text`.
    pub fn replace(&mut self, part: &'d str, text: impl Into<Cow<'d, str>>) {
        let start = self.offset(part);
        self.change(start..start + part.len(), text);
    }

    fn change(&mut self, range: Range<usize>, text: impl Into<Cow<'d, str>>) {
        self.changes.push(Change { range, comma: false, key: None, text: text.into() });
    }

    /// Appends a member to `object`. `value` is JSON.
    pub fn add(&mut self, object: &Object<'d>, key: &'d str, value: impl Into<Cow<'d, str>>) {
        let (at, empty) = match object.members.last() {
            Some(last) => (self.offset(last.value) + last.value.len(), false),
            None => (self.offset(object.text) + 1, true),
        };
        let comma = !empty || object.grown.replace(true);
        self.changes.push(Change { range: at..at, comma, key: Some(key), text: value.into() });
    }

    /// Appends an element to `array`. `value` is JSON.
    pub fn push(&mut self, array: &mut Array<'d>, value: impl Into<Cow<'d, str>>) {
        let (at, empty) = match array.elements.last() {
            Some(last) => (self.offset(last) + last.len(), false),
            None => (self.offset(array.text) + 1, true),
        };
        let comma = !empty || array.grown;
        array.grown = true;
        self.changes.push(Change { range: at..at, comma, key: None, text: value.into() });
    }

    /// Appends elements, which are JSON, to `array`, which has some.
    pub fn extend(&mut self, array: &'d str, elements: &'d str) {
        let inner = array.strip_suffix(']').unwrap_or(array).trim_ascii_end();
        let at = self.offset(array) + inner.len();
        let text = Cow::Borrowed(elements);
        self.changes.push(Change { range: at..at, comma: true, key: None, text });
    }

    /// Removes the elements at the ascending indices `gone` from `array`, each with one comma.
    pub fn remove(&mut self, array: &mut Array<'d>, gone: &[usize]) {
        if gone.is_empty() {
            return;
        }
        let elements = std::mem::take(&mut array.elements);
        let mut before = None;
        for (at, element) in elements.iter().enumerate() {
            if gone.binary_search(&at).is_ok() {
                let (start, end) = (self.offset(element), self.offset(element) + element.len());
                let range = match (array.elements.last(), before, elements.get(at + 1)) {
                    (Some(_), Some(before), _) => before..end,
                    (_, _, Some(next)) => start..self.offset(next),
                    (_, _, None) => start..end,
                };
                self.change(range, "");
            } else {
                array.elements.push(element);
            }
            before = Some(self.offset(element) + element.len());
        }
    }

    /// Sets the field `name` of `object` to `value`, which is JSON.
    ///
    /// # Errors
    /// The field occurs twice.
    pub fn set(
        &mut self,
        object: &Object<'d>,
        name: &'d str,
        value: impl Into<Cow<'d, str>>,
    ) -> Result<(), Error> {
        self.set_in(object, object.member(name)?, name, value);
        Ok(())
    }

    /// Sets the field `name` of `object`, which is `member` if it exists, to `value`, which is JSON.
    pub fn set_in(
        &mut self,
        object: &Object<'d>,
        member: Option<&Member<'d>>,
        name: &'d str,
        value: impl Into<Cow<'d, str>>,
    ) {
        match member {
            Some(member) => {
                self.spell_in(object, member, name);
                self.replace(member.value, value);
            }
            None => self.add(object, name, value),
        }
    }

    /// Spells the field `name` of `object` as the API does, if it exists, so that a case-sensitive
    /// decoder finds forced values. Must be called once per field.
    ///
    /// # Errors
    /// The field occurs twice.
    pub fn spell(&mut self, object: &Object<'d>, name: &str) -> Result<(), Error> {
        if let Some(member) = object.member(name)? {
            self.spell_in(object, member, name);
        }
        Ok(())
    }

    /// Spells the key of `member` of `object` as `name`.
    pub fn spell_in(&mut self, object: &Object<'d>, member: &Member<'d>, name: &str) {
        if member.key() == name {
            return;
        }
        let before = object.members.iter().take_while(|other| !std::ptr::eq(*other, member)).last();
        let start = match before {
            Some(before) => self.offset(before.value) + before.value.len(),
            None => self.offset(object.text) + 1,
        };
        let between = self.document.get(start..self.offset(member.value)).unwrap_or_default();
        let key = between.trim_matches([',', ':', ' ', '\t', '\r', '\n']);
        self.replace(key, quoted(name));
    }

    /// Returns the document with all changes.
    #[must_use]
    pub fn write(mut self) -> String {
        // A stable sort keeps the order of additions at one place, and both before a removal there.
        self.changes.sort_by_key(|change| (change.range.start, change.range.end));
        let added: usize = self.changes.iter().map(|change| change.text.len()).sum();
        let mut written = String::with_capacity(self.document.len() + added + ROOM);
        let mut rest = 0;
        for Change { range, comma, key, text } in &self.changes {
            written.push_str(self.document.get(rest..range.start).unwrap_or_default());
            if *comma {
                written.push(',');
            }
            if let Some(key) = key {
                push_quoted(&mut written, key);
                written.push(':');
            }
            written.push_str(text);
            rest = range.end;
        }
        written.push_str(self.document.get(rest..).unwrap_or_default());
        written
    }

    /// Returns the offset of `part`, a slice of the document.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.document.as_ptr().addr()
    }
}
