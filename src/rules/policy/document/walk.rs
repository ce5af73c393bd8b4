//! The values at a path of a JSON document. Members are matched to names as the daemon matches them, so two members
//! that it takes for one are an error.

use std::borrow::Cow;
use std::rc::Rc;

use crate::engine::options::Form;
use crate::json::{Error, Found, Listed, Member, Object, string};
use crate::rules::policy::{Value, ValueKind};

/// Members of the Engine API that are lists of objects, or maps. A missing one has no elements that could lack
/// something.
const LISTS: &[&str] = &[
    "*",
    "BlkioDeviceReadBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceWriteIOps",
    "BlkioWeightDevice",
    "Config",
    "Configs",
    "DeviceRequests",
    "Devices",
    "Mounts",
    "Networks",
    "Ports",
    "Secrets",
    "Ulimits",
];

/// Maximum depth of lists in lists. `DeviceRequests.Capabilities` has two.
const DEPTH: usize = 2;

/// Parses a value that must be an object; returns `None` for `null`. The first argument is its name.
pub(super) type Open<'o, 'd> =
    &'o dyn Fn(&dyn Fn() -> String, &'d str) -> Result<Option<Rc<Object<'d>>>, Error>;

/// Parses a value that is looked at once.
pub(super) fn opened<'d>(
    name: &dyn Fn() -> String,
    text: &'d str,
) -> Result<Option<Rc<Object<'d>>>, Error> {
    Ok(match Found::read(name(), text)? {
        Found::Object(object) => Some(Rc::new(object)),
        Found::Absent | Found::Null(_) => None,
    })
}

/// Adds the values at `path` below an object.
pub(super) fn walk<'d>(
    object: &Object<'d>,
    path: &str,
    form: Form,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    let name = path.split('.').next().unwrap_or_default();
    if name == "*" {
        let mut members = object.members.iter();
        return members.try_for_each(|member| descend(object, member, path, form, open, values));
    }
    if let Some(member) = object.member(name)? {
        return descend(object, member, path, form, open, values);
    }
    missing(path, object.text, values);
    Ok(())
}

/// Adds the values of a member, at `path` from the object around it.
fn descend<'d>(
    object: &Object<'d>,
    member: &Member<'d>,
    path: &str,
    form: Form,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    let name =
        || [&*object.name, if object.name.is_empty() { "" } else { "." }, member.key()].concat();
    let Some((_, rest)) = path.split_once('.') else {
        return leaf(form, &name, member.value, open, values);
    };
    if member.value.starts_with('[') {
        if let Listed::Array(array) = object.array_in(Some(member))? {
            for element in array.elements {
                if let Some(inner) = open(&name, element)? {
                    walk(&inner, rest, form, open, values)?;
                }
            }
        }
        return Ok(());
    }
    match open(&name, member.value)? {
        Some(inner) => walk(&inner, rest, form, open, values)?,
        None => missing(path, member.value, values),
    }
    Ok(())
}

/// Adds the value that is missing at `path`, near `text`.
pub(super) fn missing<'d>(path: &str, text: &'d str, values: &mut Vec<Value<'d>>) {
    let on_the_way = path.rsplit_once('.').map_or("", |(before, _)| before);
    if !on_the_way.split('.').any(|name| LISTS.contains(&name)) {
        push(text, Cow::Borrowed(""), ValueKind::Unset, values);
    }
}

/// Adds the values that are written in `text`, one JSON value.
pub(super) fn leaf<'d>(
    form: Form,
    name: &dyn Fn() -> String,
    text: &'d str,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    element(form, name, text, 0, open, values)
}

fn element<'d>(
    form: Form,
    name: &dyn Fn() -> String,
    text: &'d str,
    depth: usize,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    // An element is there, whatever it is: `[""]` masks no path.
    let in_list = depth > 0;
    let kind = match text.as_bytes().first() {
        Some(b'n') if in_list => {
            push(text, Cow::Borrowed(""), ValueKind::Set, values);
            return Ok(());
        }
        Some(b'"') => {
            let content = string(text).ok_or_else(|| Error::NotAString(name()))?;
            let is_missing = content.is_empty() && !in_list;
            let kind = if is_missing { ValueKind::Unset } else { ValueKind::Set };
            push(text, content, kind, values);
            return Ok(());
        }
        Some(b'[') if depth < DEPTH => return list(form, name, text, depth, open, values),
        Some(b'{') if matches!(form, Form::Keys | Form::Members) => {
            return keys(form, name, text, open, values);
        }
        Some(b'{') if !in_list && is_closed(text) => ValueKind::Unset,
        Some(b'n' | b'f') | None => ValueKind::Unset,
        Some(_) if text == "0" => ValueKind::Unset,
        Some(_) => ValueKind::Set,
    };
    push(text, Cow::Borrowed(text), kind, values);
    Ok(())
}

fn list<'d>(
    form: Form,
    name: &dyn Fn() -> String,
    text: &'d str,
    depth: usize,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    let Listed::Array(array) = Listed::read(name, text)? else { return Ok(()) };
    if array.elements.is_empty() {
        push(text, Cow::Borrowed(text), ValueKind::EmptyList, values);
    }
    let mut elements = array.elements.into_iter();
    elements.try_for_each(|text| element(form, name, text, depth + 1, open, values))
}

/// Adds the keys of an object; of [`Form::Members`] those with a value that is set.
fn keys<'d>(
    form: Form,
    name: &dyn Fn() -> String,
    text: &'d str,
    open: Open<'_, 'd>,
    values: &mut Vec<Value<'d>>,
) -> Result<(), Error> {
    let before = values.len();
    if let Some(object) = open(name, text)? {
        for member in object.members.iter().filter(|member| form == Form::Keys || is_set(member)) {
            let key = Cow::Owned(member.key().to_owned());
            push(member.value, key, ValueKind::Set, values);
        }
    }
    if values.len() == before {
        push(text, Cow::Borrowed(""), ValueKind::Unset, values);
    }
    Ok(())
}

/// Returns `true` if a member means more than a missing one.
fn is_set(member: &Member<'_>) -> bool {
    match member.value.as_bytes().first() {
        Some(b'[' | b'{') => !is_closed(member.value),
        Some(b'n' | b'f') | None => false,
        Some(_) => !matches!(member.value, "0" | "\"\""),
    }
}

/// Returns `true` if nothing is in this list or object.
fn is_closed(text: &str) -> bool {
    let inner = text.get(1..).unwrap_or_default().trim_ascii_start();
    inner.starts_with(['}', ']'])
}

fn push<'d>(at: &str, text: Cow<'d, str>, kind: ValueKind, values: &mut Vec<Value<'d>>) {
    values.push(Value { at: at.as_ptr().addr(), text, kind });
}
