//! Decides about the calls of a BuildKit connection, by their names and the fields of their messages.
//!
//! A message is read as strictly as one that is edited: numbers have one encoding, and a field that has one
//! value occurs once. A build of BuildKit's own format (LLB) is a list of steps. A step of unknown kind is
//! refused if a rule is about steps. So is a nested build, which reads its steps from a file.
//!
//! A frontend makes steps in the daemon, which no proxy sees. The daemon runs them within the entitlements of
//! the call that begins the build.

mod fields;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

use self::fields::{ATTRIBUTE_MAP, ATTRIBUTES, CALLS, CallFields, Kind, Row};
use super::{BindSource, Decided, Lack, Value, ValueKind, Values};
use crate::engine::HTTP2;
use crate::engine::buildkit::named;
use crate::rules::buildkit::protobuf::{self, entry};
use crate::rules::buildkit::{
    self, EditedMessage, HOST_NETWORK, Method, Store, force, odd_message,
};
use crate::rules::socket::Note;
use crate::rules::{Profile, Refusal};

/// The beginnings of options that are about steps.
const STEPS: [&str; 2] = ["Exec.", "Source."];

/// A call whose messages are edited, or decide about it.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    /// The method, if they are edited.
    method: Option<Method>,
    /// The operation, if they decide.
    operation: Option<&'static str>,
}

/// Decides about the call of `path`. Returns it if its messages must be seen, and the notes about it.
///
/// # Errors
/// The policy refuses the call.
pub fn called(profile: &Profile, path: &[u8]) -> Result<(Option<Called>, Vec<Note>), Refusal> {
    let method = Method::of(path).filter(|_| !profile.no_buildkit);
    let (operation, notes) = match profile.policy {
        Some(_) => by_name(profile, named(path))?,
        None => (None, Vec::new()),
    };
    let sees = method.is_some() || operation.is_some();
    Ok((sees.then_some(Called { method, operation }), notes))
}

/// Decides about a connection that speaks HTTP/2 from its first byte.
///
/// # Errors
/// The policy refuses it.
pub fn connected(profile: &Profile) -> Result<Vec<Note>, Refusal> {
    by_name(profile, HTTP2.name).map(|(_, notes)| notes)
}

/// Decides by the name of an operation. Returns it if its message decides.
fn by_name(
    profile: &Profile,
    name: &'static str,
) -> Result<(Option<&'static str>, Vec<Note>), Refusal> {
    match decided(profile, name, None) {
        Ok(notes) => Ok((None, notes)),
        Err(Lack::Body) => Ok((Some(name), Vec::new())),
        Err(Lack::Unclear(refusal)) => Err(refusal),
    }
}

impl Called {
    /// Forces the operator's values into a message, and decides about it. `store` is the daemon's, if it is known.
    ///
    /// # Errors
    /// The policy refuses the message, or it is malformed.
    pub fn edit(
        self,
        profile: &Profile,
        message: &[u8],
        store: Option<Store>,
    ) -> Result<EditedMessage, Refusal> {
        let mut edited = match self.method {
            Some(method) => buildkit::edit(profile, method, message, store)?,
            None => EditedMessage { message: message.to_vec(), ..EditedMessage::default() },
        };
        let Some(name) = self.operation else { return Ok(edited) };
        match decided(profile, name, Some(&edited.message)) {
            Ok(notes) => edited.warned = notes,
            Err(Lack::Body) => return Err(odd_message("it is missing")),
            Err(Lack::Unclear(refusal)) => return Err(refusal),
        }
        Ok(edited)
    }
}

fn decided(
    profile: &Profile,
    name: &'static str,
    message: Option<&[u8]>,
) -> Result<Vec<Note>, Lack> {
    let Some(policy) = &profile.policy else { return Ok(Vec::new()) };
    let Decided { warned, .. } = policy.decide(name, &Message::new(profile, name, message))?;
    Ok(warned.into_iter().map(Box::new).map(Note::Policy).collect())
}

/// A message of a call.
struct Message<'m> {
    profile: &'m Profile,
    fields: Option<&'static CallFields>,
    /// `None` if it has not come.
    bytes: Option<&'m [u8]>,
    /// The values of its own options.
    own: OnceCell<Result<Found<'m>, Refusal>>,
    /// The values of the options of its steps.
    steps: OnceCell<Result<Found<'m>, Refusal>>,
}

/// The values of a message. Those that mean the same as missing ones are left out.
#[derive(Debug, Default)]
struct Found<'m> {
    values: Vec<(&'static str, Value<'m>)>,
    entries: Vec<Entry<'m>>,
}

/// An entry of a map.
#[derive(Debug)]
struct Entry<'m> {
    path: &'static str,
    at: usize,
    key: &'m str,
    value: &'m str,
}

impl<'m> Message<'m> {
    fn new(profile: &'m Profile, name: &str, bytes: Option<&'m [u8]>) -> Self {
        let fields = CALLS.iter().find(|fields| fields.name == name);
        Self { profile, fields, bytes, own: OnceCell::new(), steps: OnceCell::new() }
    }

    /// Returns the values among which those of `path` are.
    fn found(&self, path: &str) -> Result<Option<&Found<'m>>, Lack> {
        let Some(fields) = self.fields else { return Ok(None) };
        let bytes = self.bytes.ok_or(Lack::Body)?;
        let (known, rows) = if STEPS.iter().any(|steps| path.starts_with(steps)) {
            (&self.steps, fields.steps)
        } else {
            (&self.own, fields.own)
        };
        match known.get_or_init(|| Found::read(rows, bytes)) {
            Ok(found) => Ok(Some(found)),
            Err(refusal) => Err(refusal.clone().into()),
        }
    }

    /// Returns `true` if the operator puts this value into the message.
    fn is_operators(&self, injected: &Found<'_>, path: &str, text: &str) -> bool {
        let host_network = self.profile.inject.build_options().host_network() == Some(true);
        let granted = host_network && path == "Entitlements" && text.as_bytes() == HOST_NETWORK;
        let is_same = |entry: &Entry<'_>| match entry.option(path) {
            Some(value) => value == text,
            None => false,
        };
        !self.profile.no_buildkit && (granted || injected.entries.iter().any(is_same))
    }
}

impl<'m> Found<'m> {
    fn read(rows: &'static [Row], message: &'m [u8]) -> Result<Self, Refusal> {
        let mut found = Self::default();
        found.walk(rows, message)?;
        Ok(found)
    }

    /// Adds the values of the fields in `rows`.
    fn walk(&mut self, rows: &'static [Row], message: &'m [u8]) -> Result<(), Refusal> {
        let mut seen = 0_u64;
        let mut map = BTreeMap::new();
        for field in protobuf::fields(message)? {
            let Some(row) = rows.iter().find(|row| row.is(field.number)) else { continue };
            let bit = 1 << (row.number & 63);
            if !row.repeated && seen & bit != 0 {
                return Err(odd_message("a field that has one value is there twice"));
            }
            seen |= bit;
            let at = field.text.as_ptr().addr();
            match row.kind {
                Kind::Nothing => {}
                Kind::Unknown => {
                    return Err(odd_message(
                        "a step is a nested build, or has a part that is not known",
                    ));
                }
                Kind::Text => self.add(row, at, Cow::Borrowed(text(field.bytes()?)?)),
                Kind::Switch if field.number()? == 0 => {}
                Kind::Switch => self.add(row, at, Cow::Borrowed("true")),
                Kind::Word(names) => self.add(row, at, word(names, field.number()?)),
                Kind::Implies(_) if field.bytes()?.is_empty() => {}
                Kind::Implies(text) => self.add(row, at, Cow::Borrowed(text)),
                Kind::Keys => self.add(row, at, Cow::Borrowed(text(entry(field.bytes()?)?.0)?)),
                Kind::Map => {
                    let (key, value) = entry(field.bytes()?)?;
                    let (path, key, value) = (row.path, text(key)?, text(value)?);
                    // The last entry of a key counts.
                    map.insert((path, key), Entry { path, at, key, value });
                }
                Kind::Message(rows) => self.walk(rows, field.bytes()?)?,
            }
        }
        self.entries.extend(map.into_values());
        Ok(())
    }

    fn add(&mut self, row: &Row, at: usize, text: Cow<'m, str>) {
        if !text.is_empty() {
            self.values.push((row.path, Value { at, text, kind: ValueKind::Set }));
        }
    }
}

impl<'m> Entry<'m> {
    /// Returns its key if `path` is that of the map; its value if `path` is that of the entry.
    fn option(&self, path: &str) -> Option<&'m str> {
        match path.strip_prefix(self.path)? {
            "" => Some(self.key),
            rest => (rest.strip_prefix('.')? == self.key).then_some(self.value),
        }
    }

    /// Returns the option at `path`. Key and value are two values of the message.
    fn value(&self, path: &str) -> Option<Value<'m>> {
        let text = self.option(path).filter(|text| !text.is_empty())?;
        let at = self.at + usize::from(path != self.path);
        Some(Value { at, text: Cow::Borrowed(text), kind: ValueKind::Set })
    }
}

/// Returns the word for a value of an enum, which the daemon reads as 32 bits.
fn word(names: &[&'static str], number: u64) -> Cow<'static, str> {
    let number = number & u64::from(u32::MAX);
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.map_or_else(|| Cow::Owned(number.to_string()), |name| Cow::Borrowed(*name))
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    str::from_utf8(bytes).map_err(|_| odd_message("a text is not UTF-8"))
}

impl Values for Message<'_> {
    fn of(&self, _: &str, path: &'static str) -> Result<Vec<Value<'_>>, Lack> {
        let Some(found) = self.found(path)? else { return Ok(Vec::new()) };
        let values = found.values.iter().filter(|(known, _)| *known == path);
        let values = values.map(|(_, value)| value.clone());
        let entries = found.entries.iter().filter_map(|entry| entry.value(path));
        let mut injected = Vec::new();
        if path.starts_with(ATTRIBUTES) {
            force(self.profile, &mut injected, 1)?;
        }
        let injected = Found::read(ATTRIBUTE_MAP, &injected)?;
        let mut all: Vec<_> = values.chain(entries).collect();
        for value in &mut all {
            if self.is_operators(&injected, path, &value.text) {
                value.kind = ValueKind::Operators;
            }
        }
        if all.is_empty() {
            all.push(Value { at: 0, text: Cow::Borrowed(""), kind: ValueKind::Unset });
        }
        Ok(all)
    }

    fn binds_outside(
        &self,
        _: &str,
        _: &[BindSource],
        _: &mut Vec<String>,
    ) -> Result<Vec<(&'static str, Value<'_>)>, Lack> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
