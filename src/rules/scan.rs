//! The grammar of JSON (RFC 8259), read strictly and told as slices of the document.
//!
//! It tells only whether something is well-formed; the words for what is wrong come from `serde_json`,
//! which judges the same documents in a test.

use std::borrow::Cow;

/// A place in a document. What is not taken as it should be leaves it anywhere.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'d> {
    text: &'d str,
    at: usize,
    /// What closes the objects and arrays around this place, within one value.
    open: Vec<u8>,
}

impl<'d> Scanner<'d> {
    /// The start of `text`.
    pub(super) fn of(text: &'d str) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.text.len() - self.at
    }

    /// Whether this is the next byte.
    pub(super) fn is_at(&self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    /// What stands between this place and a later one.
    pub(super) fn until(&self, end: &Self) -> Option<&'d str> {
        self.text.get(self.at..end.at)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    /// Takes what `take` does, or stays where it is.
    pub(super) fn attempt<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let taken = take(self);
        if taken.is_none() {
            self.at = start;
        }
        taken
    }

    /// Takes an object or array, between these brackets: `one` takes a member or an element.
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

    /// Takes the key of a member, and what separates it from the value. It is given without its
    /// quotes, and whether it is plain: without escapes, which may be of no letter at all, and letters
    /// beyond ASCII.
    pub(super) fn key(&mut self) -> Option<(&'d str, bool)> {
        let start = self.at + 1;
        let plain = self.string()?;
        let key = self.text.get(start..self.at - 1)?;
        self.colon()?;
        Some((key, plain))
    }

    /// Takes a value with everything in it, however deep: this is no recursion.
    #[inline]
    pub(super) fn value(&mut self) -> Option<&'d str> {
        let start = self.at;
        match self.peek()? {
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        self.text.get(start..self.at)
    }

    /// Takes an object or array with everything in it.
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

    /// Goes into an object or array; whether it is complete, for nothing is in it.
    fn enter(&mut self, close: u8) -> bool {
        self.at += 1;
        self.blanks();
        let empty = self.take(close);
        if !empty {
            self.open.push(close);
        }
        empty
    }

    /// Goes out of what ends behind a value, and to the next one; whether there is none, for
    /// everything has ended.
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

    /// `-` integer fraction exponent
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

    /// Takes a string; whether it is plain: without escapes and letters beyond ASCII.
    #[inline]
    fn string(&mut self) -> Option<bool> {
        let inner = self.rest().strip_prefix(b"\"")?;
        let (usual, plain) = usual_bytes(inner);
        self.at += 1 + usual;
        if self.take(b'"') { Some(plain) } else { self.rest_of_string() }
    }

    /// Takes a string from its first unusual byte on, which is not its end; it is not plain.
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

/// The string that the value `text` is; `None` if it is none, or none in Unicode.
pub(super) fn string(text: &str) -> Option<Cow<'_, str>> {
    unescaped(text.strip_prefix('"')?.strip_suffix('"')?)
}

/// What stands between the quotes of a string, unescaped; it is copied only if it has escapes.
/// `None` if it is not in Unicode.
pub(super) fn unescaped(inner: &str) -> Option<Cow<'_, str>> {
    if inner.as_bytes().contains(&b'\\') {
        return serde_json::from_str(&["\"", inner, "\""].concat()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// How many bytes stand before the first quote, backslash or control character, and whether they are
/// all ASCII. Eight are looked at in one go.
#[inline]
fn usual_bytes(text: &[u8]) -> (usize, bool) {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    // Which bytes are smaller than `limit`, as their highest bits. What is borrowed in the subtraction
    // spoils only what stands behind the first.
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let (words, rest) = text.as_chunks();
    let mut seen = 0;
    for (before, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // With this bit turned, a quote is what comes next to the control characters.
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

#[cfg(test)]
mod tests;
