//! Reads the policy of a listener from the configuration file, and the policies that the program comes with.

mod rule;
mod test;

use std::sync::Arc;

pub use test::{described, tests};

use super::file::{Fault, Item, Source, Spanned, Table, entries, found};
use super::template::has_braces;
use super::{Invalid, has_line_bytes, paths, similar};
use crate::rules::policy::{Act, BindSource, CALLER_MOUNTS, Policy, Rule, Subject, Test};

/// The policies that the program comes with, each with its name and its text in the configuration file.
pub const PRESETS: &[(&str, &str)] = &[
    ("conservative", include_str!("presets/conservative.toml")),
    ("read-only", include_str!("presets/read-only.toml")),
    ("none", include_str!("presets/none.toml")),
];

/// The words of a decision.
pub const ACTS: &[(&str, Act)] =
    &[("refuse", Act::Refuse), ("warn", Act::Warn), ("allow", Act::Allow)];

/// The keys of a policy.
const KEYS: &[&str] = &["preset", "default", "bind_sources", "contact", "trial", "rule"];

/// The name of the rule about the sources of bind mounts.
const BIND_SOURCES: &str = "bind_sources";

/// The name of a decision where no rule decides.
const DEFAULT: &str = "default";

/// Returns the word of a decision.
#[must_use]
pub fn word(act: Act) -> &'static str {
    ACTS.iter().find(|(_, known)| *known == act).map_or("", |(word, _)| word)
}

/// Returns the text of a preset.
///
/// # Errors
/// There is none of this name.
pub fn preset_text(name: &str) -> Result<&'static str, Invalid> {
    let found = PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
    found.ok_or_else(|| Invalid::Preset(name.to_owned()))
}

/// Returns a preset as the policy of a listener.
///
/// # Errors
/// There is none of this name.
pub fn named(name: &str) -> Result<Arc<Policy>, Invalid> {
    preset(name).map(Arc::new).ok_or_else(|| Invalid::Preset(name.to_owned()))
}

/// Describes a preset that does not exist.
pub(super) fn unknown_preset(name: &str) -> String {
    unknown("preset", name, PRESETS.iter().map(|(name, _)| *name))
}

/// Returns a preset as the policy of a listener that has nothing else. The places of its rules are the name of the
/// preset with a line.
#[must_use]
pub fn preset(name: &str) -> Option<Policy> {
    let source = Source::new(name, preset_text(name).ok()?);
    let top = source.parse().ok()?;
    let table = top.get("listener")?.get_ref().as_table()?.get("policy")?.get_ref().as_table()?;
    let mut faults = Vec::new();
    let mut policy = Reader { source: &source, faults: &mut faults }.policy(table);
    policy.rules = policy.rules.iter().map(|rule| Arc::new(without_column(rule))).collect();
    name.clone_into(&mut policy.preset);
    faults.is_empty().then_some(policy)
}

/// Removes the column from the place of a rule.
fn without_column(rule: &Rule) -> Rule {
    let from = rule.from.rsplit_once(':').map_or(&*rule.from, |(line, _)| line).to_owned();
    let name = if rule.name == rule.from { from.clone() } else { rule.name.clone() };
    Rule { name, from, ..rule.clone() }
}

/// Reads a policy, and notes the faults.
#[derive(Debug)]
pub struct Reader<'r, 't> {
    /// The file.
    pub source: &'r Source<'t>,
    /// All faults until now.
    pub faults: &'r mut Vec<Fault>,
}

impl Reader<'_, '_> {
    /// Reads the table of a policy, without the faulty parts.
    pub fn policy(&mut self, table: &Table<'_>) -> Policy {
        let mut own = Policy::default();
        let (mut base, mut default, mut binds) = (None, None, None);
        for (key, item) in entries(table) {
            let name: &str = key.get_ref();
            match name {
                "preset" => base = self.keep(item, preset_named(item.get_ref())),
                "default" => default = self.keep(item, act(item.get_ref())),
                "contact" => {
                    own.contact = self.keep(item, line(item.get_ref())).unwrap_or_default();
                }
                "trial" => {
                    let trial = item.get_ref().as_bool();
                    let trial = trial.ok_or_else(|| unfit("true or false", item.get_ref()));
                    own.trial = self.keep(item, trial).unwrap_or_default();
                }
                BIND_SOURCES => {
                    let from = self.source.place(&key.span());
                    binds = self.sources(item).map(|sources| Arc::new(bind_rule(from, sources)));
                }
                "rule" => own.rules = self.rules(item),
                _ => {
                    let why = unknown("key", name, KEYS.iter().copied());
                    self.faults.push(self.source.fault(&key.span(), why));
                }
            }
        }
        let base = base.unwrap_or_default();
        own.default = default.unwrap_or(base.default);
        own.preset = base.preset;
        let replaced = binds.is_some();
        own.rules.extend(binds);
        self.dead(&own.rules);
        let count = own.rules.len();
        let rest = base.rules.into_iter();
        own.rules
            .extend(rest.filter(|rule| !replaced || !matches!(rule.subject, Subject::Binds(_))));
        self.named_twice(&own.rules, count);
        own
    }

    /// Reads the list of rules.
    fn rules(&mut self, item: &Spanned<Item<'_>>) -> Vec<Arc<Rule>> {
        let expected = "a list of rules, or [[...policy.rule]] in two brackets";
        let list = item.get_ref().as_array().ok_or_else(|| unfit(expected, item.get_ref()));
        let mut rules = Vec::new();
        for item in self.keep(item, list).into_iter().flatten() {
            let table = item.get_ref().as_table().ok_or_else(|| unfit("a rule", item.get_ref()));
            if let Some(table) = self.keep(item, table) {
                rules.extend(self.rule(&item.span(), table).map(Arc::new));
            }
        }
        rules
    }

    /// Reads the sources of bind mounts.
    fn sources(&mut self, item: &Spanned<Item<'_>>) -> Option<Vec<BindSource>> {
        let list =
            item.get_ref().as_array().ok_or_else(|| unfit("a list of strings", item.get_ref()));
        let mut sources = Vec::new();
        for item in self.keep(item, list)? {
            let source = self.keep(item, bind_source(item.get_ref()));
            if source.as_ref().is_some_and(|source| is_among(source, &sources)) {
                let why = format!("{} is there twice", found(item.get_ref()));
                self.faults.push(self.source.fault(&item.span(), why));
            }
            sources.extend(source);
        }
        Some(sources)
    }

    /// Notes the rules that an earlier one makes useless.
    fn dead(&mut self, rules: &[Arc<Rule>]) {
        for (at, rule) in rules.iter().enumerate() {
            let earlier = rules.iter().take(at).find(|earlier| decides_all(earlier, rule));
            if let Some(earlier) = earlier {
                let why = format!(
                    "no request reaches {}, since the rule at {} decides about all of its requests; remove \
                     one of them, or change their order",
                    if rule.name == BIND_SOURCES { BIND_SOURCES } else { "this rule" },
                    earlier.from
                );
                self.faults.push(Fault { at: rule.from.clone(), why });
            }
        }
    }

    /// Notes the rules with a name that another one has. The first `own` rules are the operator's, which are at
    /// fault beside one of a preset.
    fn named_twice(&mut self, rules: &[Arc<Rule>], own: usize) {
        for (at, rule) in rules.iter().enumerate() {
            let earlier = rules.iter().take(at).find(|earlier| earlier.name == rule.name);
            let Some(earlier) = earlier else { continue };
            let (at, first) = if at < own { (rule, earlier) } else { (earlier, rule) };
            let why = format!("the rule at {} has the name {:?}, too", first.from, rule.name);
            self.faults.push(Fault { at: at.from.clone(), why });
        }
    }

    fn keep<T>(&mut self, item: &Spanned<Item<'_>>, result: Result<T, String>) -> Option<T> {
        result.map_err(|why| self.faults.push(self.source.fault(&item.span(), why))).ok()
    }
}

/// Returns the rule about the sources of bind mounts.
fn bind_rule(from: String, sources: Vec<BindSource>) -> Rule {
    Rule {
        name: BIND_SOURCES.to_owned(),
        from,
        act: Act::Refuse,
        operations: Vec::new(),
        reason: match described_sources(&sources) {
            none if none.is_empty() => "no host path may be mounted; use a volume".to_owned(),
            some => format!("host paths that may be mounted: {some}"),
        },
        subject: Subject::Binds(sources),
    }
}

/// Describes the sources of bind mounts; empty for none.
#[must_use]
pub fn described_sources(sources: &[BindSource]) -> String {
    let described = sources.iter().map(|source| match source {
        BindSource::Path { path, read_only: false } => path.clone(),
        BindSource::Path { path, read_only: true } => format!("{path} (read-only)"),
        BindSource::CallerMounts => "what the client's own container mounts".to_owned(),
    });
    described.collect::<Vec<_>>().join(", ")
}

/// Returns `true` if nothing is left to `later`.
fn decides_all(earlier: &Rule, later: &Rule) -> bool {
    let mut operations = later.operations.iter();
    let covers = earlier.operations.is_empty()
        || !later.operations.is_empty() && operations.all(|name| earlier.covers(name));
    covers
        && match (&earlier.subject, &later.subject) {
            (Subject::Request, _) => true,
            (
                Subject::Option { path: one, test, .. },
                Subject::Option { path: other, test: rest, .. },
            ) if one == other => {
                test == rest
                    || *test == Test::Set && !matches!(rest, Test::Missing | Test::EmptyList)
            }
            _ => false,
        }
}

fn is_among(source: &BindSource, sources: &[BindSource]) -> bool {
    sources.iter().any(|known| match (known, source) {
        (BindSource::Path { path: one, .. }, BindSource::Path { path: other, .. }) => one == other,
        _ => known == source,
    })
}

/// Reads the name of a preset.
fn preset_named(item: &Item<'_>) -> Result<Policy, String> {
    let name = item.as_str().ok_or_else(|| unfit("the name of a preset", item))?;
    preset(name).ok_or_else(|| unknown_preset(name))
}

/// Reads a decision.
fn act(item: &Item<'_>) -> Result<Act, String> {
    let found = ACTS.iter().find(|(word, _)| item.as_str() == Some(word));
    found.map(|(_, act)| *act).ok_or_else(|| unfit("\"refuse\", \"warn\" or \"allow\"", item))
}

/// Reads a text for a message.
fn line(item: &Item<'_>) -> Result<String, String> {
    match item.as_str() {
        Some(text) if !has_line_bytes(text) => Ok(text.to_owned()),
        Some(text) => Err(format!("{text:?} contains NUL, CR or LF")),
        None => Err(unfit("a string", item)),
    }
}

/// Reads a source of bind mounts.
fn bind_source(item: &Item<'_>) -> Result<BindSource, String> {
    let text = item.as_str().ok_or_else(|| unfit("a string", item))?;
    if text == CALLER_MOUNTS {
        return Ok(BindSource::CallerMounts);
    }
    if has_braces(text) {
        return Err(format!("{text:?} has a placeholder; expected {CALLER_MOUNTS:?} or a path"));
    }
    let (path, mode) = text.split_once(':').unwrap_or((text, "rw"));
    let read_only = match mode {
        "ro" => true,
        "rw" => false,
        other => {
            return Err(format!("unknown mode {other:?} of {path:?}; expected \"ro\" or \"rw\""));
        }
    };
    let path =
        paths::cleaned(path).ok_or_else(|| Invalid::NotAbsolute(path.to_owned()).to_string())?;
    Ok(BindSource::Path { path, read_only })
}

/// Describes an unknown name: the one that was probably meant, or all if they are few.
fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    let folded = known.clone().find(|known| known.eq_ignore_ascii_case(name));
    match folded.or_else(|| similar::nearest(name, "", known.clone())) {
        Some(near) => format!("unknown {what} {name:?}; did you mean {near:?}?"),
        None if known.clone().nth(FEW).is_none() => {
            let known: Vec<_> = known.collect();
            format!("unknown {what} {name:?}; expected {}", known.join(", "))
        }
        None => format!("unknown {what} {name:?}"),
    }
}

/// Maximum number of names in a message.
const FEW: usize = 12;

fn unfit(expected: &str, item: &Item<'_>) -> String {
    format!("expected {expected}, but found {}", found(item))
}

#[cfg(test)]
mod tests;
