//! The tests of rules on the values of an option.

use std::borrow::Cow;

use super::{Value, ValueKind};
use crate::engine::options::Form;
use crate::json::{folded, is_field};

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
    /// Returns `true` if a value passes. A text that is no number means the same as a missing one to some daemons,
    /// so it passes all tests of numbers.
    pub(super) fn passes(&self, form: Form, value: &Value<'_>) -> bool {
        match (self, value.kind) {
            (Self::Missing, ValueKind::Unset | ValueKind::EmptyList)
            | (Self::EmptyList, ValueKind::EmptyList) => true,
            (Self::Missing, ValueKind::Set) => {
                is_number(form) && value.text.parse().unwrap_or(0_i64) == 0
            }
            (_, ValueKind::Set) => self.takes(form, &value.text),
            _ => false,
        }
    }

    /// Returns `true` if a value that is set passes.
    fn takes(&self, form: Form, text: &str) -> bool {
        let number = || text.parse::<i64>();
        match self {
            Self::Set => true,
            Self::In(list) => is_among(form, text, list),
            Self::NotIn(list) => !is_among(form, text, list),
            Self::Prefix(list) => {
                let text = normal(form, text);
                list.iter().any(|begin| text.starts_with(&*normal(form, begin)))
            }
            // A negative limit is none.
            Self::Above(limit) => number().map_or(true, |number| {
                number > *limit || number < 0 && matches!(form, Form::Bytes | Form::Cpus)
            }),
            Self::Below(limit) => number().map_or(true, |number| number < *limit),
            Self::Missing | Self::EmptyList => false,
        }
    }
}

fn is_among(form: Form, text: &str, list: &[String]) -> bool {
    // Lists of members are long, and most are spelled as there.
    if list.iter().any(|other| other == text) {
        return true;
    }
    if form == Form::Members {
        return list.iter().any(|other| is_field(text, other));
    }
    let text = normal(form, text);
    list.iter().any(|other| normal(form, other) == text)
}

fn is_number(form: Form) -> bool {
    matches!(form, Form::Number | Form::Bytes | Form::Cpus)
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
        Form::Members => Cow::Owned(folded(text)),
        Form::Text | Form::Switch | Form::Number | Form::Bytes | Form::Cpus | Form::Keys => {
            Cow::Borrowed(text)
        }
    }
}

#[cfg(test)]
mod tests;
