//! Reads the command line and the environment into [`Args`]. Checks only that flags exist and have their
//! values; `resolve` checks the values.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use lexopt::{Arg, Parser};

use super::commands::{self, COMMANDS, Command};
use super::flags::{Effect, FLAGS, Flag};
use super::settings::{Action, Given, Setting, Settings};
use super::usage_error::UsageError;

/// The flags and variables as they were given, not checked yet.
#[derive(Debug, Default)]
pub struct Args {
    pub(super) settings: Settings,
    /// The words behind `explain`: a method and a request-target. The words behind `run`: a command with its
    /// arguments.
    pub(super) words: Vec<OsString>,
    /// The command; `None` for `help`.
    pub(super) command: Option<&'static Command>,
    /// The action; no argument after one that only prints was read.
    pub(super) action: Action,
}

impl Args {
    /// Reads the arguments, without the name of the program.
    pub(super) fn from_words(words: Vec<OsString>) -> Result<Self, UsageError> {
        let mut args = Self::default();
        let mut parser = Parser::from_args(words);
        let mut before = "";
        while !args.action.only_prints()
            && let Some(arg) = parser.next().map_err(unwanted_value)?
        {
            if before.is_empty()
                && let Some(command) =
                    COMMANDS.iter().find(|command| arg == Arg::Value(command.word.into()))
            {
                args.action = command.action;
                args.command = Some(command).filter(|it| !it.action.only_prints());
                before = command.word;
                continue;
            }
            if let Arg::Value(word) = &arg
                && (args.action == Action::Run
                    || args.action == Action::Explain && args.words.len() < 2)
            {
                args.words.push(word.clone());
                if args.action == Action::Run {
                    // Everything behind the first word is the command's own.
                    args.words.extend(parser.raw_args().map_err(unwanted_value)?);
                }
                continue;
            }
            let (flag, by) = match arg {
                Arg::Short(letter) => {
                    commands::by_short(letter).ok_or_else(|| unknown_short(letter))
                }
                Arg::Long(name) => known(&format!("--{name}")),
                Arg::Value(word) if word == "help" => known("--help"),
                Arg::Value(word) => Err(stray(before, word)),
            }?;
            if !args.action.takes(flag) && !matches!(flag.effect, Effect::Action(Action::Version)) {
                return Err(not_taken(args.action, flag, by));
            }
            match flag.effect {
                Effect::Action(action) => args.action = action,
                Effect::Switch(setting, value) => {
                    args.settings.push(setting, Given::new(value, by));
                }
                Effect::Value(setting, _) => {
                    let value = parser.value().map_err(|_| UsageError::NeedsValue(by))?;
                    args.settings.push(setting, Given::new(value, by));
                }
            }
            before = by;
        }
        Ok(args)
    }

    /// Takes the variables of flags that were not given. An empty variable counts as unset, since many CI
    /// systems cannot unset one.
    pub(super) fn fill_from(&mut self, env: impl Fn(&str) -> Option<OsString>) {
        let typed: Vec<Setting> = self.settings.0.iter().map(|(setting, _)| *setting).collect();
        let typed = |wanted: &[Setting]| typed.iter().any(|setting| wanted.contains(setting));
        for flag in FLAGS.iter().filter(|flag| self.action.takes(flag)) {
            let (Some(setting), Some(by)) = (flag.setting(), flag.variable) else { continue };
            let Some(value) = env(by).filter(|value| !value.is_empty()) else { continue };
            let given = Given::new(value, by);
            let (label, name, value) = (Setting::Label, Setting::LabelName, Setting::LabelValue);
            match setting {
                Setting::Label if typed(&[label, name, value]) => {}
                Setting::Label => list(&given).for_each(|label| self.settings.push(setting, label)),
                Setting::LabelName | Setting::LabelValue if typed(&[label]) => {}
                _ if typed(&[setting]) => {}
                Setting::MapPath => list(&given).for_each(|path| self.settings.push(setting, path)),
                Setting::CgroupParent => self.settings.push(setting, parent_or_switch(given)),
                _ => self.settings.push(setting, given),
            }
        }
    }
}

/// Splits a list at commas and line ends. Trims each element and drops empty ones.
pub(super) fn list(given: &Given) -> impl Iterator<Item = Given> {
    let pieces = given.value.as_bytes().split(|byte| matches!(byte, b',' | b'\n'));
    let pieces = pieces.map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| Given::new(OsStr::from_bytes(piece), given.by.clone()))
}

/// Reads the variable of the cgroup parent, which older versions had as a switch.
fn parent_or_switch(given: Given) -> Given {
    match given.value.to_ascii_lowercase().to_str() {
        Some("0" | "false") => Given::new("none", given.by),
        Some("1" | "true" | "self") => Given::new("self", given.by),
        _ => given,
    }
}

fn known(name: &str) -> Result<(&'static Flag, &'static str), UsageError> {
    commands::by_name(name)
        .ok_or_else(|| UsageError::Unknown { flag: name.to_owned(), near: commands::near(name) })
}

fn unknown_short(letter: char) -> UsageError {
    UsageError::Unknown { flag: format!("-{letter}"), near: None }
}

/// The error of an argument that belongs to no flag.
fn stray(before: &str, word: OsString) -> UsageError {
    if is_old_cgroup_switch(before) {
        let by = before.to_owned();
        return UsageError::StrayParent { by, value: word };
    }
    let near = word.to_str().filter(|_| before.is_empty()).and_then(commands::near_command);
    UsageError::Stray { word, near }
}

/// The error of `--switch=value`, the only one that lexopt finds here.
fn unwanted_value(error: lexopt::Error) -> UsageError {
    match error {
        lexopt::Error::UnexpectedValue { option: by, value } if is_old_cgroup_switch(&by) => {
            UsageError::StrayParent { by, value }
        }
        lexopt::Error::UnexpectedValue { option: by, value } => {
            UsageError::TakesNoValue { by, value }
        }
        other => UsageError::Stray { word: other.to_string().into(), near: None },
    }
}

fn is_old_cgroup_switch(name: &str) -> bool {
    matches!(name, "--cgroupparent" | "--cp")
}

/// The error of a flag that the command does not take.
fn not_taken(action: Action, flag: &Flag, by: &'static str) -> UsageError {
    match action.word() {
        Some(command) => UsageError::NotOf { by, command },
        None => UsageError::OnlyOf { by, commands: commands::takers(flag) },
    }
}
