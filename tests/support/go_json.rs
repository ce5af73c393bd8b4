//! A model of Go's encoding/json: keys are matched without case, members of the same field are merged in
//! order, `null` is nothing. Based on it, the laws for rewritten documents.

use std::collections::BTreeMap;
use std::fmt;

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::shapes::Storage;
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::forced;

/// The members of an object in order, with their values as text.
pub type Members = Vec<(String, String)>;

/// Returns the members of `text`, or `None` if it is not an object.
pub fn members(text: &str) -> Option<Members> {
    struct Collect;
    impl<'d> Visitor<'d> for Collect {
        type Value = Members;
        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an object")
        }
        fn visit_map<A: MapAccess<'d>>(self, mut map: A) -> Result<Members, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                members.push((key, value.get().to_owned()));
            }
            Ok(members)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let members = deserializer.deserialize_map(Collect).ok()?;
    deserializer.end().ok()?;
    Some(members)
}

/// Returns `true` if Go decodes a member `key` into the field `name`.
pub fn fits(key: &str, name: &str) -> bool {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").eq_ignore_ascii_case(name)
}

/// Returns the struct or map `name` as Go decodes it from `members`; `None` is nil.
pub fn field(members: &Members, name: &str) -> Option<Members> {
    let mut merged: Option<Members> = None;
    for (_, value) in members.iter().filter(|(key, _)| fits(key, name)) {
        if value == "null" {
            merged = None;
        } else {
            let more = self::members(value).unwrap_or_else(|| panic!("{name} is {value}"));
            merged.get_or_insert_default().extend(more);
        }
    }
    merged
}

/// Decodes a map of strings as Go does.
pub fn strings(members: Members) -> BTreeMap<String, String> {
    let value = |value: String| serde_json::from_str::<Option<String>>(&value).unwrap();
    members.into_iter().map(|(key, text)| (key, value(text).unwrap_or_default())).collect()
}

/// Type of a field in Go.
enum Shape {
    /// A forced string, whose original value does not matter.
    Forced,
    Text,
    /// A map of strings.
    Strings,
    /// A map of which only the keys matter.
    Keys,
    List(&'static Shape),
    Struct(&'static [(&'static str, Shape)]),
}

const MOUNT: Shape = Shape::Struct(&[
    ("Type", Shape::Text),
    ("Target", Shape::Text),
    (
        "VolumeOptions",
        Shape::Struct(&[
            ("Labels", Shape::Strings),
            ("DriverConfig", Shape::Struct(&[("Name", Shape::Text)])),
        ]),
    ),
]);
const LABELLED: Shape = Shape::Struct(&[("Labels", Shape::Strings)]);
const CONTAINER: Shape = Shape::Struct(&[
    ("Labels", Shape::Strings),
    ("Volumes", Shape::Keys),
    ("VolumeDriver", Shape::Text),
    (
        "HostConfig",
        Shape::Struct(&[
            ("CgroupParent", Shape::Forced),
            ("VolumeDriver", Shape::Text),
            ("Tmpfs", Shape::Keys),
            ("Binds", Shape::List(&Shape::Text)),
            ("Mounts", Shape::List(&MOUNT)),
        ]),
    ),
]);
const SERVICE: Shape = Shape::Struct(&[
    ("Labels", Shape::Strings),
    (
        "TaskTemplate",
        Shape::Struct(&[(
            "ContainerSpec",
            Shape::Struct(&[("Labels", Shape::Strings), ("Mounts", Shape::List(&MOUNT))]),
        )]),
    ),
]);

impl Shape {
    /// Returns `true` if this value means the same as an absent field.
    fn is_empty(&self, value: &Value) -> bool {
        match self {
            Self::Forced | Self::Struct(_) => false,
            Self::Text => value == "",
            Self::Strings | Self::Keys => value == &json!({}),
            Self::List(_) => value == &json!([]),
        }
    }

    /// Reads `text`; returns `None` for a value of another type.
    fn read(&self, text: &str) -> Option<Value> {
        match self {
            Self::Forced => Some(serde_json::from_str(text).unwrap_or_else(|_| json!(text))),
            Self::Text => serde_json::from_str(text).ok().map(Value::String),
            Self::Strings => string_map(text).map(Value::Object),
            Self::Keys => {
                let members = members(text)?.into_iter();
                Some(Value::Object(members.map(|(key, value)| (key, value.into())).collect()))
            }
            Self::List(shape) => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                elements.into_iter().map(|element| shape.read(element.get())).collect()
            }
            Self::Struct(fields) => Some(read_struct(fields, &members(text)?)),
        }
    }
}

/// Reads a map of strings.
pub fn string_map(text: &str) -> Option<Map<String, Value>> {
    let string = |(key, value): (String, String)| match value.as_bytes() {
        b"null" => Some((key, "".into())),
        // Only Go accepts half a surrogate pair.
        [b'"', ..] => Some((key, serde_json::from_str(&value).unwrap_or(json!(value)))),
        _ => None,
    };
    members(text)?.into_iter().map(string).collect()
}

/// Reads a struct with `fields`. All other members are kept as text, under names that no field has. So are
/// repeated fields, of which some decoders take the last and others merge all.
fn read_struct(fields: &[(&str, Shape)], members: &Members) -> Value {
    let mut read = Map::new();
    let mut rest: Vec<Value> = Vec::new();
    for (key, value) in members {
        let fitting = |name: &str| members.iter().filter(|(key, _)| fits(key, name)).count();
        let field = fields.iter().find(|(name, _)| fits(key, name) && fitting(name) == 1);
        let Some((name, shape)) = field else {
            rest.push(json!([key, value]));
            continue;
        };
        match shape.read(value) {
            Some(value) if shape.is_empty(&value) => {}
            Some(value) => drop(read.insert((*name).to_owned(), value)),
            None if value == "null" => {}
            None => rest.push(json!([key, value])),
        }
    }
    if !rest.is_empty() {
        read.insert(String::new(), rest.into());
    }
    Value::Object(read)
}

/// Fails unless `after` is, for Go, exactly `before` with the forced values; and unless a decoder that
/// compares names with case and takes the last member of a name finds the forced values, too.
pub fn assert_forced(shape: &JsonShape, before: &str, after: &str) {
    let object = match shape.storage {
        Storage::Container => CONTAINER,
        Storage::Service => SERVICE,
        Storage::Nothing | Storage::Volume => LABELLED,
    };
    // `null` is as good as an object without members.
    let seen = object.read(before).unwrap_or_else(|| json!({}));
    let wanted = forced::document(seen, forced::route_of(shape));
    let got = object.read(after).unwrap_or_else(|| panic!("{after} is no object"));
    assert_eq!(got, wanted, "{before}");
    // Such a decoder may refuse what Go accepts, such as half a surrogate pair.
    if let Ok(plain) = serde_json::from_str(after) {
        assert_found(&forced::alone(&wanted), &plain);
    }
}

/// Fails unless `got` contains everything in `wanted`, with the same names at the same places.
fn assert_found(wanted: &Value, got: &Value) {
    match wanted {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| assert_found(value, &got[name]));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| assert_found(value, &got[at]));
        }
        Value::Null => {}
        value => assert_eq!(value, got),
    }
}
