//! The text of a configuration file, with the places of its keys and values.

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

pub use toml::Spanned;
pub use toml::de::{DeTable as Table, DeValue as Item};

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place: `PATH:LINE:COLUMN`.
    pub at: String,
    /// The value or key that was found, and the expected one.
    pub why: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.why)
    }
}

/// Maximum size of a file in bytes, enough for hundreds of listeners. The time to find all faults grows with
/// the square of the size.
pub const LIMIT: u64 = 256 * 1024;

/// Reads the text of a file.
///
/// # Errors
///
/// It cannot be opened, is no regular file (reading a FIFO could last forever), is larger than [`LIMIT`], or
/// is not UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("it is larger than {LIMIT} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = valid.filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("line {line} is not UTF-8"))
    })
}

/// The text of a file.
#[derive(Debug)]
pub struct Source<'t> {
    /// The path as the operator gave it.
    path: &'t str,
    text: &'t str,
    /// The offset of each line end.
    ends: Vec<usize>,
}

impl<'t> Source<'t> {
    /// Makes the text of the file at `path`, which is the path as the operator gave it.
    #[must_use]
    pub fn new(path: &'t str, text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(offset, _)| offset).collect();
        Self { path, text, ends }
    }

    /// Parses the text as TOML.
    ///
    /// # Errors
    ///
    /// The first syntax error of each line.
    pub fn parse(&self) -> Result<Table<'t>, Vec<Fault>> {
        let (table, errors) = Table::parse_recoverable(self.text);
        let mut spans: Vec<_> =
            errors.iter().map(|error| (error.span().unwrap_or_default(), error)).collect();
        spans.sort_by_key(|(span, _)| span.start);
        spans.dedup_by_key(|(span, _)| self.line(span.start));
        if spans.is_empty() {
            return Ok(table.into_inner());
        }
        let why = |span: &Range<usize>, message| {
            reworded(message, self.text.get(span.clone()).unwrap_or_default())
        };
        Err(spans
            .iter()
            .map(|(span, error)| self.fault(span, why(span, error.message())))
            .collect())
    }

    /// Returns the place of the first byte of a span.
    #[must_use]
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{}:{}:{column}", self.path, self.line(span.start))
    }

    /// Makes the fault of what stands at a span.
    #[must_use]
    pub fn fault(&self, span: &Range<usize>, why: impl Into<String>) -> Fault {
        Fault { at: self.place(span), why: why.into() }
    }

    fn line(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }
}

/// The messages of the parser that need more words, and those words.
const REWORDED: &[(&str, &str)] = &[
    ("string values must be quoted", "a string needs quotes, like \"text\""),
    (
        "unexpected leading zero",
        "a number cannot begin with 0; a string like a file mode needs quotes",
    ),
    (
        "cannot extend value of type inline table",
        "a table in braces is complete; write this entry inside of the braces",
    ),
];

/// Rewords a message of the parser about this part of the text.
fn reworded(message: &str, part: &str) -> String {
    if message == "duplicate key" {
        return format!("the key {part:?} is there twice; expected one key or table of this name");
    }
    let row = REWORDED.iter().find(|(begin, _)| message.starts_with(begin));
    row.map_or(message.trim_end_matches(", expected nothing"), |(_, words)| words).to_owned()
}

/// An entry of a table, and of the tables in it: the names joined by dots, the place of the last one, and the
/// value.
pub type Joined<'a, 't> = (String, Range<usize>, &'a Spanned<Item<'t>>);

/// Returns the entries of a table with all entries of the tables in it, since TOML reads the dots of a name
/// without quotes as tables: `a.b = 1` is `a = { b = 1 }`. An empty table is a value, and so is one whose name
/// `ends`.
pub fn joined<'a, 't>(table: &'a Table<'t>, ends: &dyn Fn(&str) -> bool) -> Vec<Joined<'a, 't>> {
    let mut list = Vec::new();
    for (key, item) in entries(table) {
        let name = key.get_ref().to_string();
        match item.get_ref() {
            Item::Table(inner) if !inner.is_empty() && !ends(&name) => {
                let inner = joined(inner, &|inner| ends(&format!("{name}.{inner}")));
                list.extend(
                    inner.into_iter().map(|(rest, at, item)| (format!("{name}.{rest}"), at, item)),
                );
            }
            _ => list.push((name, key.span(), item)),
        }
    }
    list.sort_by_key(|(_, at, _)| at.start);
    list
}

/// Returns the entries of a table in the order of the file.
#[must_use]
pub fn entries<'a, 't>(
    table: &'a Table<'t>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'t, str>>, &'a Spanned<Item<'t>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// Describes a value that has the wrong type.
#[must_use]
pub fn found(item: &Item<'_>) -> String {
    match item {
        Item::String(text) => format!("the string {text:?}"),
        Item::Integer(number) => format!("the integer {number}"),
        Item::Float(number) => format!("the number {number}"),
        Item::Boolean(value) => format!("{value}"),
        Item::Datetime(_) => "a date".to_owned(),
        Item::Array(_) => "a list".to_owned(),
        Item::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests;
