//! Reads a configuration file: one table of keys, and one walk over the text. The values of settings are
//! checked later, together with those of flags and variables.

use std::sync::Arc;

use super::flags::FLAGS;
use super::settings::{Form, Given, Key, Scope, Setting, Settings};
use crate::config::file::{Item, Source, Spanned, Table, entries, found, joined};
use crate::config::inject::{Reader, TREATMENTS};
use crate::config::{Fault, Sourced, authz, policy, similar};
use crate::engine::fields::Section;
use crate::rules::authz::Plugin;
use crate::rules::inject::Inject;
use crate::rules::policy::Policy;

/// The settings of a file, not checked yet.
#[derive(Debug, Default)]
pub(super) struct File {
    /// The settings of the process.
    pub(super) process: Settings,
    /// The settings of listeners that do not have them themselves.
    pub(super) defaults: Level,
    pub(super) listeners: Vec<Level>,
}

/// The settings of a listener, or of the defaults.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// The place of the table.
    pub(super) at: String,
    pub(super) name: Option<Given>,
    pub(super) settings: Settings,
    pub(super) inject: Vec<Inject>,
    pub(super) policy: Option<Sourced<Arc<Policy>>>,
    pub(super) authz: Option<Vec<Plugin>>,
}

/// A table of the file that has keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Top,
    Defaults,
    Listener,
}

/// Meaning of a key.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Listeners,
    Defaults,
    Name,
    Policy,
    Plugins,
    Section(Section),
    Setting(Setting, Form),
}

/// The keys that are no settings.
const STRUCTURE: &[(&str, &[Part], Meaning)] = &[
    ("listener", &[Part::Top], Meaning::Listeners),
    ("defaults", &[Part::Top], Meaning::Defaults),
    ("name", &[Part::Listener], Meaning::Name),
    ("policy", &[Part::Listener, Part::Defaults], Meaning::Policy),
    ("authz_plugins", &[Part::Listener, Part::Defaults], Meaning::Plugins),
];

/// Returns all keys, each with the tables that may have it.
fn keys() -> impl Iterator<Item = (&'static str, &'static [Part], Meaning)> {
    let settings = FLAGS.iter().filter_map(|flag| {
        let Key { name, scope, form } = flag.key.as_ref()?;
        Some((*name, parts(*scope), Meaning::Setting(flag.setting()?, *form)))
    });
    let sections = Section::ALL.iter();
    let sections = sections
        .map(|section| (section.name(), parts(Scope::Listener), Meaning::Section(*section)));
    STRUCTURE.iter().copied().chain(settings).chain(sections)
}

fn parts(scope: Scope) -> &'static [Part] {
    match scope {
        Scope::Process => &[Part::Top],
        Scope::Listener => &[Part::Listener, Part::Defaults],
        Scope::Own => &[Part::Listener],
    }
}

/// Reads a file.
///
/// # Errors
///
/// All faults, in the order of the file; syntax errors alone if there are any.
pub(super) fn read(source: Source<'_>) -> Result<File, Vec<Fault>> {
    let table = source.parse()?;
    let mut walk = Walk { source, file: File::default(), faults: Vec::new() };
    let top = walk.level(Part::Top, String::new(), &table);
    walk.file.process = top.settings;
    if walk.faults.is_empty() { Ok(walk.file) } else { Err(walk.faults) }
}

struct Walk<'t> {
    source: Source<'t>,
    file: File,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    /// Reads the keys of a table.
    fn level(&mut self, part: Part, at: String, table: &Table<'_>) -> Level {
        let mut level = Level { at, ..Level::default() };
        for (key, item) in entries(table) {
            let name: &str = key.get_ref();
            let found = keys().find(|(known, parts, _)| *known == name && parts.contains(&part));
            let by = format!("{}: {name}", self.source.place(&key.span()));
            match found.map(|(.., meaning)| meaning) {
                None => {
                    self.faults.push(self.source.fault(&key.span(), unknown(name, part)));
                }
                Some(Meaning::Name) => {
                    level.name = self.text(item).map(|name| Given::new(name, by));
                }
                Some(Meaning::Policy) if item.get_ref().is_str() => {
                    self.unfit(item, "a table like { preset = \"conservative\" }");
                }
                Some(Meaning::Policy) => {
                    if let Some(table) = self.table(item) {
                        let mut reader =
                            policy::Reader { source: &self.source, faults: &mut self.faults };
                        let value = Arc::new(reader.policy(table));
                        level.policy = Some(Sourced { value, by });
                    }
                }
                Some(Meaning::Plugins) => {
                    level.authz = Some(authz::plugins(&self.source, item, &mut self.faults));
                }
                Some(Meaning::Setting(setting, form)) => {
                    self.setting(&mut level.settings, setting, form, by, item);
                }
                Some(Meaning::Section(section)) => self.section(&mut level.inject, section, item),
                Some(Meaning::Defaults) => {
                    let at = self.source.place(&key.span());
                    if let Some(table) = self.table(item) {
                        self.file.defaults = self.level(Part::Defaults, at, table);
                    }
                }
                Some(Meaning::Listeners) => self.listeners(item),
            }
        }
        level
    }

    fn listeners(&mut self, item: &Spanned<Item<'_>>) {
        let Item::Array(listeners) = item.get_ref() else {
            let why = "each listener begins with [[listener]], in two brackets";
            return self.faults.push(self.source.fault(&item.span(), why));
        };
        for item in listeners {
            if let Some(table) = self.table(item) {
                let at = self.source.place(&item.span());
                let level = self.level(Part::Listener, at, table);
                self.file.listeners.push(level);
            }
        }
    }

    fn setting(
        &mut self,
        settings: &mut Settings,
        setting: Setting,
        form: Form,
        by: String,
        item: &Spanned<Item<'_>>,
    ) {
        match (form, item.get_ref()) {
            (Form::Text, Item::String(text)) => settings.push(setting, Given::new(&**text, by)),
            (Form::Chosen(words), Item::String(text)) if words.contains(&&**text) => {
                settings.push(setting, Given::new(&**text, by));
            }
            (Form::Chosen(_), Item::Array(list)) => {
                let texts: Vec<_> = list.iter().filter_map(|item| self.text(item)).collect();
                settings.push(setting, Given::new(texts.join("\n"), by));
            }
            (Form::Switch, Item::Boolean(value)) => {
                settings.push(setting, Given::new(value.to_string(), by));
            }
            (Form::Table(nothing), Item::Table(table)) if table.is_empty() => {
                settings.push(nothing, Given::new("", by));
            }
            (Form::Table(_), Item::Table(table)) => {
                let key = by.rsplit(' ').next().unwrap_or_default();
                for (name, at, item) in joined(table, &|_| false) {
                    let by = format!("{}: {key}", self.source.place(&at));
                    if let Some(value) = self.text(item) {
                        let name = Some(name);
                        settings.push(setting, Given { name, ..Given::new(value, by) });
                    }
                }
            }
            (Form::Text, _) => self.unfit(item, "a string"),
            (Form::Switch, _) => self.unfit(item, "true or false"),
            (Form::Table(_), _) => self.unfit(item, "a table of strings"),
            (Form::Chosen([one, other]), _) => {
                self.unfit(item, &format!("{one:?}, {other:?} or a list of strings"));
            }
        }
    }

    fn section(&mut self, inject: &mut Vec<Inject>, section: Section, item: &Spanned<Item<'_>>) {
        let Some(table) = self.table(item) else { return };
        for (key, item) in entries(table) {
            let name: &str = key.get_ref();
            let Some((_, how)) = TREATMENTS.iter().find(|(known, _)| *known == name) else {
                let names = TREATMENTS.iter().map(|(name, _)| *name);
                let why = unknown_of(name, names).unwrap_or_else(|| misplaced(name, section));
                self.faults.push(self.source.fault(&key.span(), why));
                continue;
            };
            let Some(options) = self.table(item) else { continue };
            let mut reader = Reader { source: &self.source, faults: &mut self.faults };
            inject.extend(reader.options(section, *how, options));
        }
    }

    fn table<'a, 'i>(&mut self, item: &'a Spanned<Item<'i>>) -> Option<&'a Table<'i>> {
        let table = item.get_ref().as_table();
        if table.is_none() {
            self.unfit(item, "a table");
        }
        table
    }

    fn text(&mut self, item: &Spanned<Item<'_>>) -> Option<String> {
        let text = item.get_ref().as_str().map(ToOwned::to_owned);
        if text.is_none() {
            self.unfit(item, "a string");
        }
        text
    }

    fn unfit(&mut self, item: &Spanned<Item<'_>>, expected: &str) {
        let why = format!("expected {expected}, but found {}", found(item.get_ref()));
        self.faults.push(self.source.fault(&item.span(), why));
    }
}

/// Describes a key that a table cannot have.
fn unknown(name: &str, part: Part) -> String {
    let of = |part: Part| keys().filter(move |(_, parts, _)| parts.contains(&part));
    let elsewhere = keys().find(|(known, ..)| *known == name);
    if let Some((_, parts, meaning)) = elsewhere {
        return match (parts, meaning) {
            (_, Meaning::Section(_)) => {
                format!("{name:?} belongs in a listener; its table begins with [listener.{name}]")
            }
            ([Part::Top], _) => {
                format!("{name:?} belongs at the top of the file, above all tables")
            }
            ([_], _) => format!("{name:?} belongs in [[listener]]"),
            _ => format!("{name:?} belongs in [[listener]] or [defaults]"),
        };
    }
    if let Some((how, _)) = TREATMENTS.iter().find(|(known, _)| *known == name) {
        return format!("{how:?} belongs in a section like [listener.container]");
    }
    let all = of(part).map(|(name, ..)| name).collect::<Vec<_>>();
    unknown_of(name, all.iter().copied())
        .or_else(|| unknown_of(name, keys().map(|(name, ..)| name).collect::<Vec<_>>().into_iter()))
        .unwrap_or_else(|| format!("unknown key {name:?}"))
}

/// Describes a key that a section cannot have.
fn misplaced(name: &str, section: Section) -> String {
    let section = section.name();
    if keys().any(|(known, ..)| known == name) {
        return format!("{name:?} is below [listener.{section}]; move it above that line");
    }
    format!("unknown key {name:?}; options belong in force, default, cap or append")
}

fn unknown_of<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> Option<String> {
    let near = similar::nearest(name, "", names)?;
    Some(format!("unknown key {name:?}; did you mean {near:?}?"))
}

#[cfg(test)]
mod tests;
