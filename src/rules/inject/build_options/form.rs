//! The encodings of options of a build in a query and in attributes of a BuildKit frontend.

use super::setting::{Entry, Setting};
use crate::json::{self, Found, Object, quoted};
use crate::rules::inject::Value;

/// The encoding of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A string.
    Text,
    /// A network mode. This word is the same as a missing one; clients send it unasked.
    Network(&'static str),
    /// A decimal number.
    Number,
    /// A decimal number. The daemon refuses others than positive ones, so they are left out.
    Positive,
    /// A boolean as Docker's `httputils.BoolValue` reads it.
    Flag,
    /// A boolean that is true if the key exists.
    Presence,
    /// A boolean, as BuildKit's mode of resolving images.
    ResolveMode,
    /// One key for each entry, `HOST:ADDRESS`.
    Hosts,
    /// A JSON object of strings.
    Map,
    /// A JSON array of objects with a `Name`.
    List,
    /// A line of comma-separated entries, `KEY=VALUE`. Keys fold case.
    Csv,
    /// One key for each entry, with the key of the entry at its end.
    Prefix,
}

/// A client's entries of one option: the key behind the option's, and the value.
pub(super) type Given<'c> = [(&'c [u8], &'c [u8])];

/// The faults of a client's value, as what is expected.
type Wanted = &'static str;

const NUMBER: Wanted = "a decimal number";
const TEXT: Wanted = "UTF-8";
const MAP: Wanted = "a JSON object of strings";
const LIST: Wanted = "a JSON array of objects with names";
const CSV: Wanted = "a list of entries without quotes and line breaks, separated by commas";

impl Form {
    /// Returns the operator's value; `None` if it is of another type.
    pub(super) fn setting(self, value: &Value) -> Option<Setting> {
        Some(match value {
            Value::Text(text) => Setting::Text(text.clone()),
            Value::Number(number) => Setting::Number(*number),
            Value::Switch(is_on) => Setting::Switch(*is_on),
            Value::List(hosts) => {
                Setting::Entries(hosts.iter().map(|host| self.host(host)).collect())
            }
            Value::Entry(entry) => Setting::Entries(vec![self.member(&entry.key, &entry.value)]),
            Value::Map(map) => Setting::Entries(
                map.iter().map(|entry| self.member(&entry.key, &entry.value)).collect(),
            ),
            Value::Objects(limits) => {
                let limit = |(name, json): &(String, String)| self.limit(name, json);
                Setting::Entries(limits.iter().map(limit).collect::<Option<_>>()?)
            }
        })
    }

    fn host(self, host: &str) -> Entry {
        let text = if self == Self::Csv { host.replacen(':', "=", 1) } else { host.to_owned() };
        Entry::new(host_name(host, ':'), text)
    }

    fn member(self, key: &str, value: &str) -> Entry {
        let text = if self == Self::Map { quoted(value) } else { value.to_owned() };
        Entry::new(key, text)
    }

    fn limit(self, name: &str, json: &str) -> Option<Entry> {
        if self != Self::Csv {
            return Some(Entry::new(name.to_ascii_lowercase(), json));
        }
        let Ok(Found::Object(object)) = Found::read("", json) else { return None };
        let number =
            |name: &str| Some(object.member(name).ok()?.map_or("0", |member| member.value));
        Some(Entry::new(
            name.to_ascii_lowercase(),
            format!("{name}={}:{}", number("Soft")?, number("Hard")?),
        ))
    }

    /// Reads a client's value. Of several entries the last one counts, unless each is an entry of a list.
    ///
    /// # Errors
    /// The expected value.
    pub(super) fn read(self, given: &Given<'_>) -> Result<Setting, Wanted> {
        let (_, last) = given.last().copied().unwrap_or_default();
        let last = text(last)?;
        Ok(match self {
            Self::Network(nothing) if last == nothing => Setting::Text(String::new()),
            Self::Text | Self::Network(_) => Setting::Text(last.to_owned()),
            Self::Number | Self::Positive if last.is_empty() => Setting::Number(0),
            Self::Number | Self::Positive => Setting::Number(last.parse().map_err(|_| NUMBER)?),
            Self::Flag => Setting::Switch(is_on(last)),
            Self::Presence => Setting::Switch(!given.is_empty()),
            Self::ResolveMode => Setting::Switch(last == "pull"),
            Self::Hosts => {
                let host = |(_, host): &(_, &[u8])| text(host).map(|host| self.host(host));
                Setting::Entries(given.iter().map(host).collect::<Result<_, _>>()?)
            }
            Self::Map => Setting::Entries(map(last)?),
            Self::List => Setting::Entries(list(last)?),
            Self::Csv if last.contains(['"', '\r', '\n']) => return Err(CSV),
            Self::Csv => {
                let entries = last.split(',').filter(|_| !last.is_empty());
                Setting::Entries(
                    entries.map(|entry| Entry::new(host_name(entry, '='), entry)).collect(),
                )
            }
            Self::Prefix => {
                let entry = |&(key, value): &(&[u8], &[u8])| -> Result<Entry, Wanted> {
                    Ok(Entry::new(text(key)?, text(value)?))
                };
                Setting::Entries(given.iter().map(entry).collect::<Result<_, _>>()?)
            }
        })
    }

    /// Encodes a value, as keys behind the option's and values.
    pub(super) fn write(self, setting: &Setting) -> Vec<(String, String)> {
        let one = |value: &str| vec![(String::new(), value.to_owned())];
        match (self, setting) {
            (Self::Network(nothing), Setting::Text(mode)) if mode == "default" => one(nothing),
            (_, Setting::Text(text)) => one(text),
            (Self::Positive, Setting::Number(..=0)) | (Self::Presence, Setting::Switch(false)) => {
                Vec::new()
            }
            (_, Setting::Number(number)) => one(&number.to_string()),
            (Self::Presence, Setting::Switch(_)) => one(""),
            (Self::ResolveMode, Setting::Switch(is_on)) => {
                one(if *is_on { "pull" } else { "default" })
            }
            (_, Setting::Switch(is_on)) => one(if *is_on { "1" } else { "0" }),
            (_, Setting::Entries(entries)) => self.write_entries(entries),
        }
    }

    fn write_entries(self, entries: &[Entry]) -> Vec<(String, String)> {
        let joined = |entries: Vec<String>| entries.join(",");
        let texts = || joined(entries.iter().map(|entry| entry.text.clone()).collect());
        let one = |value: String| vec![(String::new(), value)];
        match self {
            Self::Prefix => {
                entries.iter().map(|entry| (entry.key.clone(), entry.text.clone())).collect()
            }
            Self::Map => {
                let member = |entry: &Entry| format!("{}:{}", quoted(&entry.key), entry.text);
                one(format!("{{{}}}", joined(entries.iter().map(member).collect())))
            }
            Self::List => one(format!("[{}]", texts())),
            Self::Csv => one(texts()),
            _ => entries.iter().map(|entry| (String::new(), entry.text.clone())).collect(),
        }
    }
}

fn text(bytes: &[u8]) -> Result<&str, Wanted> {
    str::from_utf8(bytes).map_err(|_| TEXT)
}

/// Returns the folded name before the first `mark`.
fn host_name(entry: &str, mark: char) -> String {
    entry.split(mark).next().unwrap_or_default().to_lowercase()
}

fn is_on(flag: &str) -> bool {
    !matches!(&*flag.trim().to_lowercase(), "" | "0" | "no" | "false" | "none")
}

fn map(document: &str) -> Result<Vec<Entry>, Wanted> {
    if document.is_empty() {
        return Ok(Vec::new());
    }
    let object = match Found::read("", document).map_err(|_| MAP)? {
        Found::Absent | Found::Null(_) => return Ok(Vec::new()),
        Found::Object(object) => object,
    };
    let members = object.members.iter().map(|member| {
        let null = member.value == "null";
        let is_text = null || member.value.starts_with('"');
        let entry = Entry { null, ..Entry::new(member.key(), member.value) };
        is_text.then_some(entry).ok_or(MAP)
    });
    members.collect()
}

fn list(document: &str) -> Result<Vec<Entry>, Wanted> {
    let document = document.trim_matches([' ', '\t', '\r', '\n']);
    if matches!(document, "" | "null") {
        return Ok(Vec::new());
    }
    let name = |object: Object<'_>| object.string("Name").ok()?.map(String::from);
    let entry = |element: &&str| match Found::read("", element) {
        Ok(Found::Object(object)) => Some(Entry::new(name(object)?.to_ascii_lowercase(), *element)),
        _ => None,
    };
    let elements = json::elements(document).ok_or(LIST)?;
    elements.iter().map(entry).collect::<Option<_>>().ok_or(LIST)
}

#[cfg(test)]
mod tests;
