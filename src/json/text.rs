//! The grammar of JSON (RFC 8259), parsed strictly into slices of the document.
//!
//! The scanner only accepts or rejects; error messages come from `serde_json`. A test checks that
//! both accept the same documents.

use std::borrow::Cow;

/// A position in a document. After a failed parse the position is unspecified.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'d> {
    text: &'d str,
    at: usize,
    /// The closing brackets of the open objects and arrays, within one value.
    open: Vec<u8>,
}

impl<'d> Scanner<'d> {
    /// Starts at the beginning of `text`.
    pub(super) fn of(text: &'d str) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// Returns the number of bytes that are left.
    pub(super) fn left(&self) -> usize {
        self.text.len() - self.at
    }

    /// Returns `true` if `byte` is the next byte.
    pub(super) fn is_at(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    /// Returns the text between this position and a later one.
    pub(super) fn until(&self, end: &Self) -> Option<&'d str> {
        self.text.get(self.at..end.at)
    }

    /// Returns `true` if no bytes are left.
    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    /// Parses with `take`, or keeps the position if that fails.
    pub(super) fn attempt<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let taken = take(self);
        if taken.is_none() {
            self.at = start;
        }
        taken
    }

    /// Parses an object or array between these brackets; `one` parses a member or an element.
    pub(super) fn each(
        &mut self,
        open: u8,
        close: u8,
        mut one: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        self.blanks();
        if self.take(close) {
            return Some(());
        }
        loop {
            one(self)?;
            self.blanks();
            match self.next()? {
                b',' => self.blanks(),
                end => return (end == close).then_some(()),
            }
        }
    }

    /// Parses the key of a member, and the colon after it. Returns the key without its quotes, and
    /// `true` if it is plain: it has neither escapes nor non-ASCII letters.
    pub(super) fn key(&mut self) -> Option<(&'d str, bool)> {
        let start = self.at + 1;
        let plain = self.string()?;
        let key = self.text.get(start..self.at - 1)?;
        self.colon()?;
        Some((key, plain))
    }

    /// Parses a value of any depth, without recursion.
    #[inline]
    pub(super) fn value(&mut self) -> Option<&'d str> {
        let start = self.at;
        match self.peek()? {
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        self.text.get(start..self.at)
    }

    /// Parses an object or array of any depth.
    fn nested(&mut self) -> Option<()> {
        self.open.clear();
        loop {
            let complete = match self.peek()? {
                b'{' => self.enter(b'}'),
                b'[' => self.enter(b']'),
                _ => self.scalar().map(|()| true)?,
            };
            if complete && self.leave()? {
                return Some(());
            }
            if self.open.last() == Some(&b'}') {
                self.string()?;
                self.colon()?;
            }
        }
    }

    /// Enters an object or array; returns `true` if it is empty and thus complete.
    fn enter(&mut self, close: u8) -> bool {
        self.at += 1;
        self.blanks();
        let empty = self.take(close);
        if !empty {
            self.open.push(close);
        }
        empty
    }

    /// Leaves the objects and arrays that end after a value, and moves to the next value. Returns
    /// `true` if the outermost one has ended.
    fn leave(&mut self) -> Option<bool> {
        while let Some(&close) = self.open.last() {
            self.blanks();
            match self.next()? {
                b',' => {
                    self.blanks();
                    return Some(false);
                }
                end if end == close => drop(self.open.pop()),
                _ => return None,
            }
        }
        Some(true)
    }

    fn scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'n' => self.word("null"),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_it = self.rest().starts_with(word.as_bytes());
        self.at += word.len();
        is_it.then_some(())
    }

    /// Parses `-` integer fraction exponent.
    fn number(&mut self) -> Option<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        (digits > 0).then_some(())
    }

    /// Parses a string; returns `true` if it is plain: it has neither escapes nor non-ASCII
    /// letters.
    #[inline]
    fn string(&mut self) -> Option<bool> {
        let inner = self.rest().strip_prefix(b"\"")?;
        let (usual, plain) = usual_bytes(inner);
        self.at += 1 + usual;
        if self.take(b'"') { Some(plain) } else { self.rest_of_string() }
    }

    /// Parses the rest of a string from its first special byte, which is not its end. The string is not
    /// plain.
    #[cold]
    fn rest_of_string(&mut self) -> Option<bool> {
        loop {
            match self.next()? {
                b'"' => return Some(false),
                b'\\' => self.escape()?,
                _ => return None,
            }
            self.at += usual_bytes(self.rest()).0;
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.rest().get(..4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn colon(&mut self) -> Option<()> {
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Some(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_it = self.is_at(byte);
        self.at += usize::from(is_it);
        is_it
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'d [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}

/// Returns the string value `text`; `None` if it is not a string of Unicode characters.
#[must_use]
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    unescaped(text.strip_prefix('"')?.strip_suffix('"')?)
}

/// Unescapes the text between the quotes of a string, and copies it only if it has escapes. Returns
/// `None` if it is not Unicode.
#[must_use]
pub fn unescaped(inner: &str) -> Option<Cow<'_, str>> {
    if inner.as_bytes().contains(&b'\\') {
        return serde_json::from_str(&["\"", inner, "\""].concat()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// Returns the number of bytes before the first quote, backslash or control character, and `true`
/// if they are all ASCII. Reads eight bytes at once.
#[inline]
fn usual_bytes(text: &[u8]) -> (usize, bool) {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    // Returns the bytes below `limit`, as their highest bits. A borrow in the subtraction affects
    // only bytes after the first match.
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let (words, rest) = text.as_chunks();
    let mut seen = 0;
    for (before, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // With this bit flipped, a quote is adjacent to the control characters.
        let special =
            below(word ^ (EACH * 2), b' ' + 1) | below(word ^ (EACH * u64::from(b'\\')), 1);
        let special = special & HIGHEST;
        if special != 0 {
            let bits = special.trailing_zeros() & !7;
            seen |= word & !(u64::MAX << bits);
            return (8 * before + bits as usize / 8, seen & HIGHEST == 0);
        }
        seen |= word;
    }
    let usual = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..b' ')).count();
    let rest = rest.get(..usual).unwrap_or_default();
    (text.len() - text.len() % 8 + usual, seen & HIGHEST == 0 && rest.is_ascii())
}

/// Returns `text` as a JSON string.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

/// Appends `text` to `json` as a string.
pub(super) fn push_quoted(json: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(plain) {
        json.extend(["\"", text, "\""]);
    } else {
        *json += &serde_json::Value::from(text).to_string();
    }
}

#[cfg(test)]
mod tests;
