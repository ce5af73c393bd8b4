//! Reads the test of a rule, whose value depends on the form of the option.

use std::ops::Range;

use super::unfit;
use crate::config::file::{Item, Spanned};
use crate::config::quantity;
use crate::engine::options::Form;
use crate::rules::policy::Test;

/// A key of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Is,
    In,
    NotIn,
    Prefix,
    Above,
    Below,
}

/// The keys, each with its name.
const KEYS: &[(&str, Key)] = &[
    ("is", Key::Is),
    ("in", Key::In),
    ("not_in", Key::NotIn),
    ("prefix", Key::Prefix),
    ("above", Key::Above),
    ("below", Key::Below),
];

/// Returns the names of all keys.
pub(super) fn keys() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().map(|(name, _)| *name)
}

/// Finds a key by its name.
pub(super) fn key(name: &str) -> Option<Key> {
    KEYS.iter().find(|(known, _)| *known == name).map(|(_, key)| *key)
}

impl Key {
    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        KEYS.iter().find(|(_, key)| *key == self).map_or("", |(name, _)| name)
    }

    /// Returns `true` if options of this form can have the test.
    fn fits(self, form: Form) -> bool {
        match self {
            Self::Is => true,
            Self::In | Self::NotIn => form != Form::Switch,
            Self::Prefix => form != Form::Switch && !is_number(form),
            Self::Above | Self::Below => is_number(form),
        }
    }
}

/// Describes the form of the values of an option.
#[must_use]
pub fn described(form: Form) -> &'static str {
    match form {
        Form::Text => "string",
        Form::Switch => "switch",
        Form::Number => "number",
        Form::Bytes => "size",
        Form::Cpus => "number of processors",
        Form::Capability => "capability",
        Form::AnyCase => "word in any case",
        Form::Security => "security option",
        Form::Keys => "key",
        Form::Members => "name of a member that is set",
    }
}

/// Returns the names of the tests that options of this form can have.
pub fn tests(form: Form) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |(_, key)| key.fits(form)).map(|(name, _)| *name)
}

/// Reads a test.
///
/// # Errors
/// The place of a value that the option cannot have, and the reason.
pub(super) fn test(
    key: Key,
    form: Form,
    item: &Spanned<Item<'_>>,
) -> Result<Test, (Range<usize>, String)> {
    let here = |why| (item.span(), why);
    if !key.fits(form) {
        let those = tests(form).collect::<Vec<_>>().join(", ");
        let (key, form) = (key.name(), described(form));
        return Err(here(format!(
            "its values are a {form}, for which there is no {key}; expected {those}"
        )));
    }
    match key {
        Key::Is => is(form, item.get_ref()).map_err(here),
        Key::In => values(form, item).map(Test::In),
        Key::NotIn => values(form, item).map(Test::NotIn),
        Key::Prefix => values(form, item).map(Test::Prefix),
        Key::Above => number(form, item.get_ref()).map(Test::Above).map_err(here),
        Key::Below => number(form, item.get_ref()).map(Test::Below).map_err(here),
    }
}

fn is_number(form: Form) -> bool {
    matches!(form, Form::Number | Form::Bytes | Form::Cpus)
}

/// Reads the value of `is`.
fn is(form: Form, item: &Item<'_>) -> Result<Test, String> {
    match item {
        Item::Boolean(false) => Ok(Test::Missing),
        Item::Boolean(true) if form == Form::Switch => Ok(Test::Set),
        Item::String(text) if text.is_empty() && form != Form::Switch => Ok(Test::Missing),
        Item::Array(list) if !list.is_empty() => {
            Err("is takes one value; expected in for several".to_owned())
        }
        Item::Array(_) if form == Form::Switch || is_number(form) => {
            Err(format!("its values are a {}, which is never an empty list", described(form)))
        }
        Item::Array(_) if matches!(form, Form::Keys | Form::Members) => {
            Err("it has no list; expected is = false for none".to_owned())
        }
        Item::Array(_) => Ok(Test::EmptyList),
        _ if is_number(form) && number(form, item) == Ok(0) => Ok(Test::Missing),
        _ => value(form, item).map(|value| Test::In(vec![value])),
    }
}

/// Reads one value or a list of them.
fn values(form: Form, item: &Spanned<Item<'_>>) -> Result<Vec<String>, (Range<usize>, String)> {
    let list = match item.get_ref() {
        Item::Array(list) if list.is_empty() => {
            return Err((item.span(), "the list is empty; expected at least one value".to_owned()));
        }
        Item::Array(list) => &list[..],
        _ => std::slice::from_ref(item),
    };
    let read = |item: &Spanned<Item<'_>>| match value(form, item.get_ref()) {
        Ok(value) if value.is_empty() || is_number(form) && value == "0" => Err((
            item.span(),
            "this is the same as a missing value; expected a rule with is = false".to_owned(),
        )),
        Ok(value) => Ok(value),
        Err(why) => Err((item.span(), why)),
    };
    list.iter().map(read).collect()
}

/// Reads a value as requests have it.
fn value(form: Form, item: &Item<'_>) -> Result<String, String> {
    match item {
        _ if is_number(form) => number(form, item).map(|number| number.to_string()),
        Item::String(text) if form != Form::Switch => Ok(text.to_string()),
        _ if form == Form::Switch => Err(unfit("true or false", item)),
        _ => Err(unfit("a string", item)),
    }
}

/// Reads a number in the unit of requests.
fn number(form: Form, item: &Item<'_>) -> Result<i64, String> {
    let (read, expected) = match (form, item) {
        (Form::Number | Form::Bytes, Item::Integer(number)) => {
            let read = i64::from_str_radix(number.as_str(), number.radix());
            return read.map_err(|_| format!("{number} has more than 64 bits"));
        }
        (Form::Bytes, Item::String(text)) => (quantity::bytes(text), "a size like \"2g\""),
        (Form::Bytes, _) => (None, "an integer or a size like \"2g\""),
        (Form::Cpus, Item::String(text)) => {
            (quantity::processors(text), "a number of processors in quotes like \"1.5\"")
        }
        (Form::Cpus, _) => (None, "a number of processors in quotes like \"1.5\""),
        _ => (None, "an integer"),
    };
    read.ok_or_else(|| unfit(expected, item))
}
