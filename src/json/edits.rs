//! Changes to a JSON document that keep all other bytes.
//!
//! Changes are collected as ranges of the document and written in one pass. So number spelling,
//! unknown members, order, whitespace and escapes stay as they are.

use std::ops::Range;

use super::Error;
use super::value::{Array, Member, Object, quoted};

/// Extra capacity in bytes beyond the document, for the usual additions and a request head.
const ROOM: usize = 1024;

/// Number of changes that a create of a container usually needs.
const USUAL: usize = 8;

/// The changes to one document.
#[derive(Debug)]
pub struct Edits<'d> {
    document: &'d str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'d> Edits<'d> {
    /// Starts without changes to `document`.
    #[must_use]
    pub fn of(document: &'d str) -> Self {
        Self { document, changes: Vec::with_capacity(USUAL) }
    }

    /// Returns the number of changes.
    #[must_use]
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Replaces `part`, a slice of the document, by `text`.
    pub fn replace(&mut self, part: &'d str, text: String) {
        let start = self.offset(part);
        self.changes.push((start..start + part.len(), text));
    }

    /// Appends a member to `object`. `value` is JSON.
    pub fn add(&mut self, object: &mut Object<'d>, key: &str, value: &str) {
        let last = object.members.last().map(|last| last.value);
        let place = self.behind(last, object.text);
        let comma = if last.is_some() || object.grown { "," } else { "" };
        object.grown = true;
        self.changes.push((place..place, format!("{comma}{}:{value}", quoted(key))));
    }

    /// Appends an element to `array`. `value` is JSON.
    pub fn push(&mut self, array: &mut Array<'d>, value: &str) {
        let last = array.elements.last().copied();
        let place = self.behind(last, array.text);
        let comma = if last.is_some() || array.grown { "," } else { "" };
        array.grown = true;
        self.changes.push((place..place, format!("{comma}{value}")));
    }

    /// Removes the elements at the ascending indices `gone` from `array`, each with one comma.
    pub fn remove(&mut self, array: &mut Array<'d>, gone: &[usize]) {
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
                self.changes.push((range, String::new()));
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
    pub fn set(&mut self, object: &mut Object<'d>, name: &str, value: &str) -> Result<(), Error> {
        match self.spell(object, name)? {
            Some(member) => self.replace(member.value, value.to_owned()),
            None => self.add(object, name, value),
        }
        Ok(())
    }

    /// Spells the field `name` of `object` as the API does, if it exists, so that a case-sensitive
    /// decoder finds forced values. Must be called once per field. Returns the member.
    ///
    /// # Errors
    /// The field occurs twice.
    pub fn spell<'o>(
        &mut self,
        object: &'o Object<'d>,
        name: &str,
    ) -> Result<Option<&'o Member<'d>>, Error> {
        let found = object.member(name)?;
        let Some(member) = found.filter(|member| member.key() != name) else {
            return Ok(found);
        };
        let before = object.members.iter().take_while(|other| !std::ptr::eq(*other, member)).last();
        let start = self.behind(before.map(|before| before.value), object.text);
        let between = self.document.get(start..self.offset(member.value)).unwrap_or_default();
        let key = between.trim_matches([',', ':', ' ', '\t', '\r', '\n']);
        self.replace(key, quoted(name));
        Ok(found)
    }

    /// Returns the document with all changes.
    #[must_use]
    pub fn write(mut self) -> String {
        // A stable sort keeps the order of additions at one place, and both before a removal there.
        self.changes.sort_by_key(|(range, _)| (range.start, range.end));
        let mut written = String::with_capacity(self.document.len() + ROOM);
        let mut rest = 0;
        for (range, text) in &self.changes {
            written.push_str(self.document.get(rest..range.start).unwrap_or_default());
            written.push_str(text);
            rest = range.end;
        }
        written.push_str(self.document.get(rest..).unwrap_or_default());
        written
    }

    /// Returns the offset behind the value `last` of an object or array, or behind its opening bracket.
    fn behind(&self, last: Option<&str>, whole: &str) -> usize {
        last.map_or(self.offset(whole) + 1, |last| self.offset(last) + last.len())
    }

    /// Returns the offset of `part`, a slice of the document.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.document.as_ptr().addr()
    }
}
