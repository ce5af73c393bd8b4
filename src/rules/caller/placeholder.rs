//! Placeholders in the operator's values, like `{container.name}`.
//!
//! ```text
//! text        = *( literal / "{{" / "}}" / placeholder )
//! placeholder = "{" name [ ":" key ] [ ":-" fallback ] "}"
//! ```
//!
//! A fallback stands for a value that is known not to exist. Nothing stands for one that cannot be found out.

use std::fmt;

use super::{Caller, Container, Wanted};
use crate::rules::refusal::shown;
use crate::rules::{Reason, Refusal};

/// Maximum length of a value in bytes. A variable of a container may be longer, but no label or option
/// that people read.
const VALUE_LIMIT: usize = 4096;

/// A fact about a caller, or a name of the operator's, that a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placeholder {
    /// The full id of the container.
    Container,
    /// The name of the container.
    Name,
    /// The value of a label of the container.
    Label(String),
    /// The value of a variable of the container.
    Env(String),
    /// The number of the user.
    Uid,
    /// The name of the user.
    User,
    /// The number of the group.
    Gid,
    /// The number of the process.
    Pid,
    /// The path of the cgroup.
    Cgroup,
    /// The cgroup parent of a sibling.
    CgroupParent,
    /// The name of the listener.
    Listener,
}

/// The placeholders without a key, by name.
const PLAIN: [(&str, Placeholder); 9] = [
    ("container", Placeholder::Container),
    ("container.name", Placeholder::Name),
    ("uid", Placeholder::Uid),
    ("user", Placeholder::User),
    ("gid", Placeholder::Gid),
    ("pid", Placeholder::Pid),
    ("cgroup", Placeholder::Cgroup),
    ("cgroup.parent", Placeholder::CgroupParent),
    ("listener", Placeholder::Listener),
];

const LABEL: &str = "container.label:";
const ENV: &str = "container.env:";

impl Placeholder {
    /// Returns the names of all placeholders. Those that end in `:` have a key.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        let plain = PLAIN.iter().map(|(name, _)| *name);
        // Those of the container come first.
        plain.clone().take(2).chain([LABEL, ENV]).chain(plain.skip(2))
    }

    /// Reads the part before the fallback.
    fn read(text: &str) -> Result<Self, TemplateError> {
        let keyed = [(LABEL, Self::Label as fn(String) -> Self), (ENV, Self::Env)];
        for (name, of_key) in keyed {
            match text.strip_prefix(name) {
                Some("") => {
                    return Err(TemplateError::NoKey(text.trim_end_matches(':').to_owned()));
                }
                Some(key) => return Ok(of_key(key.to_owned())),
                None if name.strip_suffix(':') == Some(text) => {
                    return Err(TemplateError::NoKey(text.to_owned()));
                }
                None => {}
            }
        }
        let plain = PLAIN.iter().find(|(name, _)| *name == text);
        plain.map(|(_, of)| of.clone()).ok_or_else(|| TemplateError::Unknown(text.to_owned()))
    }

    /// Returns the facts that it needs.
    fn wants(&self) -> Wanted {
        match self {
            Self::Container | Self::Name | Self::Label(_) | Self::Env(_) => Wanted::CONTAINER,
            Self::User => Wanted::USER,
            Self::Pid => Wanted::PID,
            Self::Cgroup => Wanted::CGROUP,
            Self::CgroupParent => Wanted::PARENT,
            Self::Uid | Self::Gid | Self::Listener => Wanted::PROCESS,
        }
    }

    /// Returns its value, or the reason why there is none.
    fn value(&self, of: &Of<'_>) -> Result<String, String> {
        let Of { caller, listener } = of;
        let in_container =
            |find: &dyn Fn(&Container) -> Option<String>, what: &str| match &caller.container {
                None => Err("the caller runs in no container of the daemon".to_owned()),
                Some(container) => find(container).ok_or_else(|| {
                    format!("the caller's container {} has no such {what}", shown(&container.name))
                }),
            };
        let entry = |list: &[(String, String)], key: &str| {
            let of_key = list.iter().rev().find(|(known, _)| known == key);
            of_key.map(|(_, value)| value.clone())
        };
        match self {
            Self::Container => in_container(&|container| Some(container.id.clone()), "id"),
            Self::Name => in_container(&|container| Some(container.name.clone()), "name"),
            Self::Label(key) => in_container(&|container| entry(&container.labels, key), "label"),
            Self::Env(key) => in_container(&|container| entry(&container.env, key), "variable"),
            Self::Uid => Ok(caller.uid.to_string()),
            Self::Gid => Ok(caller.gid.to_string()),
            Self::Pid => Ok(caller.pid.to_string()),
            Self::User => caller.user.clone().ok_or_else(|| {
                format!("the caller's user {} has no name on the proxy's host", caller.uid)
            }),
            Self::Cgroup => caller.cgroup.clone().ok_or_else(|| "it is not known".to_owned()),
            Self::CgroupParent => caller.parent.clone().ok_or_else(|| "it is not known".to_owned()),
            Self::Listener if listener.is_empty() => Err("the listener has no name".to_owned()),
            Self::Listener => Ok((*listener).to_owned()),
        }
    }

    /// Returns `true` if people other than the operator choose the value.
    fn is_foreign(&self) -> bool {
        matches!(self, Self::Name | Self::Label(_) | Self::Env(_) | Self::User)
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(key) => write!(out, "{LABEL}{key}"),
            Self::Env(key) => write!(out, "{ENV}{key}"),
            plain => {
                let row = PLAIN.iter().find(|(_, of)| of == plain);
                out.write_str(row.map_or("", |(name, _)| *name))
            }
        }
    }
}

/// The facts from which values come.
#[derive(Debug, Clone, Copy)]
pub struct Of<'o> {
    /// The caller.
    pub caller: &'o Caller,
    /// The name of the listener.
    pub listener: &'o str,
}

/// The place of a text, which limits the values in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Anywhere but in a path.
    Any,
    /// A path. The value must be one part of it, and must not end it.
    Path,
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value { of: Placeholder, fallback: Option<String> },
}

/// The mistake in a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// A `{` without its `}`, and the text from there.
    Unclosed(String),
    /// A `}` without its `{`.
    Stray,
    /// A placeholder that does not exist.
    Unknown(String),
    /// A placeholder of this name lacks its key.
    NoKey(String),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclosed(rest) => write!(
                out,
                "the placeholder {rest:?} has no \"}}\"; a brace itself is written {{{{"
            ),
            Self::Stray => {
                write!(out, "a \"}}\" has no \"{{\" before it; a brace itself is written }}}}")
            }
            Self::Unknown(name) => {
                write!(out, "unknown placeholder {{{name}}}; a brace itself is written {{{{")
            }
            Self::NoKey(name) => {
                write!(out, "the placeholder {{{name}}} needs a key: {{{name}:KEY}}")
            }
        }
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// A placeholder that is unknown or not complete, or a single brace.
    pub fn read(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            literal.push_str(before);
            let doubled = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}"));
            if let Some(behind) = doubled {
                literal.extend(brace.chars().next());
                rest = behind;
                continue;
            }
            let inner = brace.strip_prefix('{').ok_or(TemplateError::Stray)?;
            let closed = inner.split_once('}').filter(|(inner, _)| !inner.contains('{'));
            let (inner, behind) =
                closed.ok_or_else(|| TemplateError::Unclosed(brace.to_owned()))?;
            let (name, fallback) = match inner.split_once(":-") {
                Some((name, fallback)) => (name, Some(fallback.to_owned())),
                None => (inner, None),
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value { of: Placeholder::read(name)?, fallback });
            rest = behind;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self(parts))
    }

    /// Reads a text that was checked before. Another one has no placeholders.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::read(text).unwrap_or_else(|_| Self(vec![Part::Literal(text.to_owned())]))
    }

    /// Returns the facts about the caller that it needs; `None` if it is the same for all callers.
    #[must_use]
    pub fn wants(&self) -> Option<Wanted> {
        let of_caller = self.placeholders().filter(|(of, _)| **of != Placeholder::Listener);
        of_caller.map(|(of, _)| of.wants()).reduce(|all, wanted| all | wanted)
    }

    /// Returns the placeholders, each with its fallback.
    pub fn placeholders(&self) -> impl Iterator<Item = (&Placeholder, Option<&str>)> {
        self.0.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Value { of, fallback } => Some((of, fallback.as_deref())),
        })
    }

    /// Returns the text with what `value` returns for each placeholder and its fallback.
    pub fn with(&self, mut value: impl FnMut(&Placeholder, Option<&str>) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Value { of, fallback } => value(of, fallback.as_deref()),
        };
        self.0.iter().map(part).collect()
    }

    /// Returns the text with its placeholders as they are written, but for that of the listener, and with
    /// single braces.
    #[must_use]
    pub fn shown(&self, listener: &str) -> String {
        self.with(|of, fallback| match (of, fallback) {
            (Placeholder::Listener, Some(fallback)) if listener.is_empty() => fallback.to_owned(),
            (Placeholder::Listener, _) => listener.to_owned(),
            (_, Some(fallback)) => format!("{{{of}:-{fallback}}}"),
            (_, None) => format!("{{{of}}}"),
        })
    }

    /// Returns the text for a caller. `from` is the place at which the operator gave it.
    ///
    /// # Errors
    /// A placeholder has no value and no fallback, or its value does not fit.
    pub fn fill(&self, of: &Of<'_>, word: Word, from: &str) -> Result<String, Refusal> {
        let mut refusal = None;
        let text = self.with(|placeholder, fallback| {
            let why = match (placeholder.value(of), fallback) {
                (Ok(value), _) => match fits(placeholder, &value, word) {
                    Ok(()) => return value,
                    Err(why) => why.to_owned(),
                },
                (Err(_), Some(fallback)) => return fallback.to_owned(),
                (Err(why), None) => why,
            };
            refusal.get_or_insert_with(|| missing(placeholder, from, &why));
            String::new()
        });
        refusal.map_or(Ok(text), Err)
    }
}

/// Checks a value against the place at which it is to stand.
fn fits(of: &Placeholder, value: &str, word: Word) -> Result<(), &'static str> {
    if value.len() > VALUE_LIMIT {
        return Err("its value is longer than 4096 bytes");
    }
    if value.contains(['\0', '\r', '\n']) {
        return Err("its value has a line break or a NUL");
    }
    if word == Word::Any {
        return Ok(());
    }
    if value.contains([':', ',']) {
        return Err("its value has a \":\" or a \",\", which would end the path in which it is");
    }
    // The slice "-.slice" is that of the whole host.
    if of.is_foreign() && (value.contains('/') || ["", ".", "..", "-"].contains(&value)) {
        return Err("its value is not one part of a path");
    }
    Ok(())
}

fn missing(of: &Placeholder, from: &str, why: &str) -> Refusal {
    let text = format!("the operator's setting at {from} has {{{of}}}, and {why}");
    Refusal::new(Reason::CallerValue, text)
}

#[cfg(test)]
mod tests;
