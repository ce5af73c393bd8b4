//! The tests of rules on the values of an option.

use std::borrow::Cow;

use super::{Value, ValueKind};
use crate::engine::options::Form;

/// A test of the values of an option. Values that mean the same as missing ones pass only the tests about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// It is set.
    Set,
    /// It is missing, or has a value that means the same.
    Missing,
    /// It is a list without elements.
    EmptyList,
    /// It is one of these.
    In(Vec<String>),
    /// It is none of these.
    NotIn(Vec<String>),
    /// It begins with one of these.
    Prefix(Vec<String>),
    /// It is a number above this one, or no number.
    Above(i64),
    /// It is a number below this one, or no number.
    Below(i64),
}

impl Test {
    /// Returns the values that pass.
    pub(super) fn matching<'v>(
        &self,
        form: Form,
        path: &'static str,
        values: Vec<Value<'v>>,
    ) -> Vec<Value<'v>> {
        match self {
            Self::Missing => {
                let is_missing = values.iter().all(|value| value.kind != ValueKind::Set);
                let missing = Value {
                    at: path.as_ptr().addr(),
                    text: Cow::Borrowed(""),
                    kind: ValueKind::Unset,
                };
                Vec::from_iter(is_missing.then_some(missing))
            }
            Self::EmptyList => {
                values.into_iter().filter(|value| value.kind == ValueKind::EmptyList).collect()
            }
            _ => values
                .into_iter()
                .filter(|value| value.kind == ValueKind::Set && self.takes(form, &value.text))
                .collect(),
        }
    }

    /// Returns `true` if a value that is set passes.
    fn takes(&self, form: Form, text: &str) -> bool {
        let text = normal(form, text);
        let is = |other: &String| normal(form, other) == text;
        match self {
            Self::Set => true,
            Self::In(list) => list.iter().any(is),
            Self::NotIn(list) => !list.iter().any(is),
            Self::Prefix(list) => list.iter().any(|begin| text.starts_with(&*normal(form, begin))),
            Self::Above(limit) => text.parse::<i64>().map_or(true, |number| number > *limit),
            Self::Below(limit) => text.parse::<i64>().map_or(true, |number| number < *limit),
            Self::Missing | Self::EmptyList => false,
        }
    }
}

/// Returns a value in the spelling that all equal values share.
fn normal(form: Form, text: &str) -> Cow<'_, str> {
    match form {
        Form::Capability => {
            let upper = text.trim().to_uppercase();
            match upper.strip_prefix("CAP_") {
                Some(name) => Cow::Owned(name.to_owned()),
                None => Cow::Owned(upper),
            }
        }
        Form::AnyCase => Cow::Owned(text.to_uppercase()),
        Form::Security => match text.find(['=', ':']) {
            Some(at) => {
                let (name, value) = text.split_at(at);
                Cow::Owned([name, "=", value.get(1..).unwrap_or_default()].concat())
            }
            None => Cow::Borrowed(text),
        },
        Form::Text
        | Form::Switch
        | Form::Number
        | Form::Bytes
        | Form::Cpus
        | Form::Keys
        | Form::Members => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
