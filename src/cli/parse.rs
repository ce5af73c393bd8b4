//! Reads the command line and the environment into [`Args`]. Checks only that flags exist and have their
//! values; `resolve` checks the values.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lexopt::{Arg, Parser};

use super::flags::{self, Effect};
use super::usage_error::UsageError;
use crate::config::socket;

/// A value as it was given, not checked yet.
#[derive(Debug, Clone)]
pub struct Given {
    /// The value.
    pub value: OsString,
    /// The flag or variable of the value, as it was given.
    pub by: &'static str,
}

impl Given {
    /// A value that a flag implies or has by default.
    pub(super) fn implied(value: &str, by: &'static str) -> Self {
        Self { value: value.into(), by }
    }

    /// Returns the value as text. Only paths may be other bytes.
    ///
    /// # Errors
    ///
    /// The value is not UTF-8.
    pub(super) fn text(&self) -> Result<&str, UsageError> {
        self.value.to_str().ok_or_else(|| UsageError::NotText(self.by, self.value.clone()))
    }
}

/// The flags and variables as they were given, not checked yet.
#[derive(Debug, Default)]
pub struct Args {
    pub(super) daemon: Option<Given>,
    pub(super) listen: Option<Given>,
    pub(super) labels: Vec<Given>,
    pub(super) label_names: Vec<Given>,
    pub(super) label_values: Vec<Given>,
    pub(super) image_labels: Option<Given>,
    pub(super) cgroup_parent: Option<Given>,
    pub(super) build_cgroup_parent: Option<Given>,
    pub(super) mode: Option<Given>,
    pub(super) owner: Option<Given>,
    pub(super) group: Option<Given>,
    pub(super) drain: Option<Given>,
    pub(super) socket_bind: Option<Given>,
    pub(super) socket_bind_source: Option<Given>,
    pub(super) anonymous_volumes: Option<Given>,
    pub(super) debug: Option<Given>,
    pub(super) log_format: Option<Given>,
    pub(super) stats: Option<Given>,
    pub(super) strict: bool,
    pub(super) no_buildkit: bool,
    /// The action; no argument after one that only prints was read.
    pub(super) action: Action,
}

/// Action that the arguments select.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Action {
    /// Serve.
    #[default]
    Serve,
    /// Report what serving would do.
    Check,
    /// Print the state of a running proxy.
    Status,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

impl Action {
    /// Returns `true` for the actions that only print a text, whatever else is given.
    fn only_prints(self) -> bool {
        matches!(self, Self::Help | Self::Version)
    }
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
            if before.is_empty() && arg == Arg::Value("status".into()) {
                args.action = Action::Status;
                before = "status";
                continue;
            }
            let (flag, by) = match arg {
                Arg::Short(letter) => flags::by_short(letter).ok_or_else(|| unknown_short(letter)),
                Arg::Long(name) => known(&format!("--{name}")),
                Arg::Value(word) if word == "help" => known("--help"),
                Arg::Value(word) => Err(stray(before, word)),
            }?;
            if args.action == Action::Status && !["--stats-socket", "--help"].contains(&by) {
                return Err(UsageError::NotOfStatus(by));
            }
            match flag.effect {
                Effect::Switch(set) => set(&mut args, by),
                Effect::Value(_, set) => {
                    let value = parser.value().map_err(|_| UsageError::NeedsValue(by))?;
                    set(&mut args, Given { value, by });
                }
            }
            before = by;
        }
        Ok(args)
    }

    /// Takes the variables of flags that were not given. An empty variable counts as unset, since many CI
    /// systems cannot unset one.
    pub(super) fn fill_from(&mut self, env: impl Fn(&str) -> Option<OsString>) {
        let given = |by: &'static str| {
            let value = env(by).filter(|value| !value.is_empty())?;
            Some(Given { value, by })
        };
        let fill = |slot: &mut Option<Given>, by| *slot = slot.take().or_else(|| given(by));
        fill(&mut self.daemon, "DCP_DOCKER_SOCKET");
        fill(&mut self.listen, "DCP_LISTEN_SOCKET");
        fill(&mut self.image_labels, "DCP_IMAGE_LABELS");
        fill(&mut self.build_cgroup_parent, "DCP_BUILD_CGROUP_PARENT");
        fill(&mut self.debug, "DCP_DEBUG");
        fill(&mut self.log_format, "DCP_LOG_FORMAT");
        fill(&mut self.stats, "DCP_STATS_SOCKET");
        if self.cgroup_parent.is_none() {
            self.cgroup_parent = given("DCP_CGROUP_PARENT").and_then(parent_or_switch);
        }
        let typed = !(self.label_names.is_empty() && self.label_values.is_empty());
        let listed = given("DCP_LABELS").filter(|_| self.labels.is_empty() && !typed);
        if self.labels.is_empty() && self.label_names.is_empty() {
            self.label_names.extend(given("DCP_LABEL_NAME"));
        }
        if self.labels.is_empty() && self.label_values.is_empty() {
            self.label_values.extend(given("DCP_LABEL_VALUE"));
        }
        self.labels.extend(listed.iter().flat_map(list));
    }

    /// Takes the path of a listening socket that the service manager passed. Refuses settings of a socket
    /// of the proxy's own, which would have no effect, unless they name this path.
    pub(super) fn listen_at(&mut self, path: &Path) -> Result<(), UsageError> {
        // A unit may name the same path for a start with and without socket activation.
        let other = self.listen.as_ref().filter(|given| {
            let named = socket::socket_path(&given.value);
            !named.is_ok_and(|named| socket::same_socket(&named, path))
        });
        let own = [other, self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref()];
        if let Some(given) = own.into_iter().flatten().next() {
            return Err(UsageError::Passed { by: given.by, path: path.to_owned() });
        }
        self.listen = Some(Given { value: path.into(), by: "LISTEN_FDS" });
        Ok(())
    }
}

/// Splits a list at commas and line ends. Trims each element and drops empty ones.
pub(super) fn list(given: &Given) -> impl Iterator<Item = Given> {
    let pieces = given.value.as_bytes().split(|byte| matches!(byte, b',' | b'\n'));
    let pieces = pieces.map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| Given { value: OsStr::from_bytes(piece).into(), by: given.by })
}

/// Reads the variable of the cgroup parent, which older versions had as a switch.
fn parent_or_switch(given: Given) -> Option<Given> {
    match given.value.to_ascii_lowercase().to_str() {
        Some("0" | "false") => None,
        Some("1" | "true" | "self") => Some(Given::implied("self", given.by)),
        _ => Some(given),
    }
}

fn known(name: &str) -> Result<(&'static flags::Flag, &'static str), UsageError> {
    flags::by_name(name)
        .ok_or_else(|| UsageError::Unknown { flag: name.to_owned(), near: flags::near(name) })
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
    UsageError::Stray(word)
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
        other => UsageError::Stray(other.to_string().into()),
    }
}

fn is_old_cgroup_switch(name: &str) -> bool {
    matches!(name, "--cgroupparent" | "--cp")
}
