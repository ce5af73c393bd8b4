//! Texts rendered from the table of flags.

use super::Exit;
use super::commands::{COMMANDS, Command};
use super::flags::{Effect, FLAGS, Flag};
use super::settings::{Form as Written, Scope};
use crate::config::{inject, policy};
use crate::engine::fields::{FIELDS, Field, Key, Kind, Zero};
use crate::engine::operation_names;
use crate::engine::options::{Form, GROUPS};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");

/// Rules for all flags.
pub const RULES: &str = "A flag overrides its variable, and an empty variable counts as unset. The \
                     configuration file overrides variables, too. If a flag that cannot be repeated is \
                     given twice, the last one counts.";

/// Width of the help, for terminals of 80 columns.
const WIDTH: usize = 78;

/// Renders `--version`, with its line end.
#[must_use]
pub fn version() -> String {
    format!("{NAME} {VERSION}\n")
}

/// Renders `--help`, also that of a command, with its last line end.
#[must_use]
pub fn help(command: Option<&Command>) -> String {
    let usage = |command: &Command| {
        let words = format!("  {NAME} {} {}", command.word, command.arguments);
        let summary = wrapped("      ", command.summary);
        std::iter::once(words.trim_end().to_owned()).chain(summary).collect::<Vec<_>>()
    };
    let mut lines = vec![format!("{NAME} {VERSION}")];
    if let Some(command) = command {
        lines.extend(["", "usage:"].map(String::from));
        lines.extend(usage(command));
    } else {
        lines.extend(wrapped("", &format!("{DESCRIPTION}.")));
        lines.extend(["", "usage:", "  dockerd-ci-proxy [flags]"].map(String::from));
        lines.extend(wrapped("      ", "Serve until a signal stops it."));
        lines.extend(COMMANDS.iter().flat_map(usage));
    }
    lines.extend(["", "flags:"].map(String::from));
    let takes = |flag: &&Flag| command.is_none_or(|command| command.action.takes(flag));
    lines.extend(FLAGS.iter().filter(takes).flat_map(paragraph));
    lines.push(String::new());
    lines.extend(wrapped("", RULES));
    lines.extend(["", "exit codes:"].map(String::from));
    lines.extend(Exit::ALL.iter().map(|exit| format!("  {}  {}", exit.code(), exit.meaning())));
    lines.join("\n") + "\n"
}

/// Renders one flag for the help.
fn paragraph(flag: &Flag) -> Vec<String> {
    let mut lines = vec![format!("  {}", spellings(flag).join(", "))];
    lines.extend(wrapped("      ", &format!("{} {}", flag.summary, flag.details)));
    lines.extend(wrapped("      ", &extras(flag, "").join(", ")));
    lines
}

/// Renders the flags as a list in Markdown, with its last line end.
#[must_use]
pub fn markdown() -> String {
    FLAGS.iter().map(item).collect()
}

/// Renders the exit codes as a table in Markdown, with its last line end.
#[must_use]
pub fn exit_codes() -> String {
    let rows = Exit::ALL.iter().map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
    ["| code | meaning |\n|---|---|\n".to_owned()].into_iter().chain(rows).collect()
}

/// Renders the keys of the configuration file as a table in Markdown, with its last line end.
#[must_use]
pub fn keys() -> String {
    let row = |flag: &Flag| {
        let key = flag.key.as_ref()?;
        let place = match key.scope {
            Scope::Process => "top",
            Scope::Listener => "`[[listener]]`, `[defaults]`",
            Scope::Own => "`[[listener]]`",
        };
        let value = match key.form {
            Written::Text => "string".to_owned(),
            Written::Switch => "true or false".to_owned(),
            Written::Chosen([one, other]) => format!("`{one:?}`, `{other:?}` or list of strings"),
            Written::Table(_) => "table of strings".to_owned(),
        };
        let flag = match flag.effect {
            Effect::Switch(_, "false") => format!("`false` is `{}`", flag.names.first()?),
            _ => format!("`{}`", flag.names.first()?),
        };
        Some(format!("| `{}` | {place} | {value} | {flag} |\n", key.name))
    };
    let head = "| key | place | value | flag |\n|---|---|---|---|\n";
    [head.to_owned()].into_iter().chain(FLAGS.iter().filter_map(row)).collect()
}

/// Renders the options of the configuration file as a table in Markdown, with its last line end.
#[must_use]
pub fn options() -> String {
    let head = "| section | option | value | treatments | also nothing | entries by |\n|---|---|---|---|---|---|\n";
    let row = |field: &Field| {
        let treatments = inject::treatments(field).collect::<Vec<_>>().join(", ");
        let (section, path, (value, nothing, key)) =
            (field.section.name(), field.path, described(field.kind));
        format!("| {section} | `{path}` | {value} | {treatments} | {nothing} | {key} |\n")
    };
    [head.to_owned()].into_iter().chain(FIELDS.iter().map(row)).collect()
}

/// Renders the options that a policy may name as a table in Markdown, with its last line end.
#[must_use]
pub fn policy_options() -> String {
    let mut rows: Vec<(&str, Vec<&str>, Form)> = Vec::new();
    for group in GROUPS {
        for (path, form) in group.options {
            match rows.iter_mut().find(|(known, ..)| known == path) {
                Some((_, operations, _)) => operations.extend(group.operations),
                None => rows.push((path, group.operations.to_vec(), *form)),
            }
        }
    }
    let row = |(path, operations, form): (&str, Vec<&str>, Form)| {
        let tests = policy::tests(form).collect::<Vec<_>>().join(", ");
        let (operations, form) = (operations.join(", "), policy::described(form));
        format!("| `{path}` | {operations} | {form} | {tests} |\n")
    };
    let head = "| option | operations | value | tests |\n|---|---|---|---|\n";
    [head.to_owned()].into_iter().chain(rows.into_iter().map(row)).collect()
}

/// Renders the names of all operations as a paragraph in Markdown, with its last line end.
#[must_use]
pub fn operations() -> String {
    let mut names = operation_names();
    names.sort_unstable();
    names.dedup();
    wrapped("", &names.join(", ")).join("\n") + "\n"
}

/// Describes the values of an option: their type, those that are the same as a missing one, and what tells
/// entries apart.
fn described(kind: Kind) -> (&'static str, String, &'static str) {
    let number = |zero| match zero {
        Zero::Unlimited => "`0`; no limit".to_owned(),
        Zero::Twice(other) => format!("`0`; twice `{other}`, or no limit"),
        Zero::Value => "`-1`".to_owned(),
        Zero::Endless => String::new(),
        Zero::Default | Zero::Signed | Zero::Kept | Zero::Lifted => "`0`".to_owned(),
    };
    match kind {
        Kind::Switch => ("true or false", "`false`".to_owned(), ""),
        Kind::Choice => ("true or false", String::new(), ""),
        Kind::Text => ("string", "`\"\"`".to_owned(), ""),
        Kind::Word(word) => ("string", format!("`\"\"`, `\"{word}\"`"), ""),
        Kind::Number(zero) => ("integer", number(zero), ""),
        Kind::Bytes(zero) => ("size", number(zero), ""),
        Kind::Cpus(zero) => ("processors", number(zero), ""),
        Kind::List(key) => ("list of strings", "`[]`".to_owned(), part(key)),
        Kind::Map => ("table of strings", "`{}`".to_owned(), "key"),
        Kind::Objects(_) => ("list of tables", "`[]`".to_owned(), "`Name`"),
    }
}

/// Describes the part of an entry that names it.
fn part(key: Key) -> &'static str {
    match key {
        Key::Whole => "whole entry",
        Key::BeforeEquals => "`NAME` of `NAME=VALUE`",
        Key::BeforeColon => "`HOST` of `HOST:ADDRESS`",
        Key::BehindSpace => "`HOST` of `ADDRESS HOST`",
        Key::Target => "`TARGET` of `SOURCE:TARGET:OPTIONS`",
        Key::Option => "`OPTION` of `OPTION=VALUE`",
    }
}

fn item(flag: &Flag) -> String {
    let names: Vec<_> = spellings(flag).iter().map(|name| format!("`{name}`")).collect();
    let extras = match extras(flag, "`").join(", ") {
        none if none.is_empty() => none,
        some => format!(" ({some})"),
    };
    let text = format!("- {}{extras}: {} {}", names.join(", "), flag.summary, flag.details);
    format!("{}\n", text.trim_end())
}

/// Returns all names of a flag; the last one shows the value.
#[must_use]
pub fn spellings(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|short| format!("-{short}"));
    let mut names: Vec<_> = flag.names.iter().map(ToString::to_string).collect();
    names.extend(short);
    if let (Effect::Value(_, value), Some(last)) = (&flag.effect, names.last_mut()) {
        last.push(' ');
        last.push_str(value);
    }
    names
}

/// Returns the default, the variable and the key of the file, if any, each between two `quote`s.
#[must_use]
pub fn extras(flag: &Flag, quote: &str) -> Vec<String> {
    let named = |what: &str, text: &str| format!("{what} {quote}{text}{quote}");
    let default = flag.default.map(|text| named("default", text));
    let variable = flag.variable.map(|text| named("variable", text));
    let key = flag.key.as_ref().map(|key| named("key", key.name));
    default.into_iter().chain(variable).chain(key).collect()
}

/// Wraps a text to indented lines of at most [`WIDTH`] columns; no words give no line.
fn wrapped(indent: &str, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests;
