//! Reads one rule of a policy.

use std::ops::Range;

use super::test::{self, Key};
use super::{BIND_SOURCES, DEFAULT, Reader, act, line, unfit, unknown};
use crate::config::file::{Item, Spanned, Table, entries};
use crate::engine::operation_names;
use crate::engine::options::{Form, GROUPS, find, named};
use crate::rules::policy::{Rule, Subject, Test};

/// The keys of a rule beside those of tests.
const KEYS: &[&str] = &["name", "do", "operation", "option", "reason"];

/// A test that is not read yet: its key with the place of that, and its value.
type Written<'a, 't> = (Key, Range<usize>, &'a Spanned<Item<'t>>);

impl Reader<'_, '_> {
    /// Reads a rule, unless it has a fault.
    pub(super) fn rule(&mut self, at: &Range<usize>, table: &Table<'_>) -> Option<Rule> {
        let faults = self.faults.len();
        let (mut name, mut decision, mut reason) = (None, None, None);
        let (mut operations, mut option, mut tests) = (Vec::new(), None, Vec::new());
        for (key, item) in entries(table) {
            let (typed, value): (&str, _) = (key.get_ref(), item.get_ref());
            match typed {
                "name" => name = self.keep(item, rule_name(value)),
                "do" => decision = self.keep(item, act(value)),
                "operation" => operations = self.operations(item),
                "option" => option = self.keep(item, path(value)),
                "reason" => reason = self.keep(item, line(value)),
                _ => {
                    tests.extend(self.key(typed, &key.span()).map(|test| (test, key.span(), item)));
                }
            }
        }
        if !table.contains_key("do") {
            self.fault(
                at,
                "expected do = \"refuse\", \"warn\" or \"allow\" in this rule".to_owned(),
            );
        }
        self.one_test(&tests, table.contains_key("option"));
        let subject = option.and_then(|(path, form)| {
            self.fit(path, &operations);
            let test = match tests.first() {
                None => Some(Test::Set),
                Some((key, _, item)) => self.test(*key, path, form, item),
            };
            test.map(|test| Subject::Option { path, form, test })
        });
        let operations = match option {
            Some((path, _)) if operations.is_empty() => having(path),
            _ => operations.into_iter().map(|(name, _)| name).collect(),
        };
        let from = self.source.place(at);
        (self.faults.len() == faults).then_some(Rule {
            name: name.unwrap_or_else(|| from.clone()),
            from,
            act: decision?,
            operations,
            subject: subject.unwrap_or(Subject::Request),
            reason: reason.unwrap_or_default(),
        })
    }

    /// Finds the key of a test.
    fn key(&mut self, typed: &str, at: &Range<usize>) -> Option<Key> {
        let found = test::key(typed);
        if found.is_none() {
            let known = KEYS.iter().copied().chain(test::keys());
            self.fault(at, unknown("key", typed, known));
        }
        found
    }

    /// Notes a test without an option, and more than one test.
    fn one_test(&mut self, tests: &[Written<'_, '_>], has_option: bool) {
        for (at, (key, span, _)) in tests.iter().enumerate() {
            if at > 0 {
                let why = "a rule has one test; expected a rule of its own for each other one";
                self.fault(span, why.to_owned());
            } else if !has_option {
                let key = key.name();
                self.fault(span, format!("{key} tests an option; expected option = \"...\", too"));
            }
        }
    }

    /// Reads the names of operations, each with its place.
    fn operations(&mut self, item: &Spanned<Item<'_>>) -> Vec<(&'static str, Range<usize>)> {
        let mut operations = Vec::new();
        let list = match item.get_ref() {
            Item::Array(list) if list.is_empty() => {
                self.fault(&item.span(), "no operation is named; expected at least one".to_owned());
                return operations;
            }
            Item::Array(list) => &list[..],
            _ => std::slice::from_ref(item),
        };
        for item in list {
            let name = self.keep(item, operation(item.get_ref()));
            operations.extend(name.map(|name| (name, item.span())));
        }
        operations
    }

    /// Notes the operations that do not have the option.
    fn fit(&mut self, path: &str, operations: &[(&'static str, Range<usize>)]) {
        for (operation, span) in operations {
            if find(operation, path).is_none() {
                let those = having(path).join(", ");
                self.fault(span, format!("{operation} has no option {path:?}; expected {those}"));
            }
        }
    }

    fn test(&mut self, key: Key, path: &str, form: Form, item: &Spanned<Item<'_>>) -> Option<Test> {
        let test = test::test(key, form, item);
        test.map_err(|(span, why)| self.fault(&span, format!("{path}: {why}"))).ok()
    }

    fn fault(&mut self, span: &Range<usize>, why: String) {
        self.faults.push(self.source.fault(span, why));
    }
}

/// Returns the operations that have the option, each once.
pub(super) fn having(path: &str) -> Vec<&'static str> {
    let mut names: Vec<_> = named(path).flat_map(|(group, ..)| group.operations).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Reads the name of a rule, which appears in messages and metrics.
fn rule_name(item: &Item<'_>) -> Result<String, String> {
    let name = item.as_str().ok_or_else(|| unfit("a string", item))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || [BIND_SOURCES, DEFAULT].contains(&name) || !name.bytes().all(plain) {
        return Err(format!(
            "{name:?} is not a usable name; expected letters, digits, \".\", \"_\" and \"-\", and neither \
             {BIND_SOURCES:?} nor {DEFAULT:?}"
        ));
    }
    Ok(name.to_owned())
}

/// Reads the name of an operation.
fn operation(item: &Item<'_>) -> Result<&'static str, String> {
    let typed = item.as_str().ok_or_else(|| unfit("the name of an operation", item))?;
    let names = operation_names();
    let found = names.iter().find(|name| **name == typed).copied();
    found.ok_or_else(|| unknown("operation", typed, names.iter().copied()))
}

/// Reads the path of an option.
fn path(item: &Item<'_>) -> Result<(&'static str, Form), String> {
    let typed = item.as_str().ok_or_else(|| unfit("the path of an option", item))?;
    if let Some((_, path, form)) = named(typed).next() {
        return Ok((path, form));
    }
    let paths = GROUPS.iter().flat_map(|group| group.options).map(|(path, _)| *path);
    // The last name alone is a usual mistake, or a flag of docker.
    let name = typed.trim_start_matches('-');
    let is_end =
        |path: &&str| path.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case(name));
    let end = paths.clone().find(is_end);
    Err(match end {
        Some(end) => format!("unknown option {typed:?}; did you mean {end:?}?"),
        None => unknown("option", typed, paths),
    })
}
