//! The commands, the flags that each takes, and the look-up of flags by their names.

use super::flags::{FLAGS, Flag};
use super::settings::{Action, Scope};
use crate::config::similar;

/// A word that is a command if it comes first.
#[derive(Debug)]
pub struct Command {
    /// The word.
    pub word: &'static str,
    /// Its action.
    pub action: Action,
    /// The arguments for the line of the usage; may be empty.
    pub arguments: &'static str,
    /// Its purpose, in one sentence.
    pub summary: &'static str,
}

/// All commands, in the order of the help.
pub const COMMANDS: &[Command] = &[
    Command {
        word: "run",
        action: Action::Run,
        arguments: "[flags] -- COMMAND...",
        summary: "Run a command with a socket of its own, and remove everything that it created when it has \
                  ended; exits with the exit code of the command, or with 4 if that is 0 and something stayed.",
    },
    Command {
        word: "reap",
        action: Action::Reap,
        arguments: "--label KEY=VALUE... [flags]",
        summary: "Remove everything that carries all the labels; exits with 0 if nothing is left, else with 4.",
    },
    Command {
        word: "explain",
        action: Action::Explain,
        arguments: "[flags] METHOD TARGET",
        summary: "Print what would happen to a request, METHOD TARGET: the operation, each rule that applies, \
                  and the request as the daemon would get it; exits with 1 if it is refused.",
    },
    Command {
        word: "status",
        action: Action::Status,
        arguments: "[--stats-socket PATH]",
        summary: "Print the state of a running proxy, from its --stats-socket; exits with 0 if the daemon would \
                  answer a client now, else with 1.",
    },
    Command { word: "help", action: Action::Help, arguments: "", summary: "Print the help." },
];

/// The flags of `status`.
const OF_STATUS: &[&str] = &["--stats-socket"];

/// The flags of `reap`.
const OF_REAP: &[&str] =
    &["--dockersocket", "--label", "--older-than", "--keep", "--grace", "--dry-run", "--format"];

/// The flags of `run` beside those of a listener.
const OF_RUN: &[&str] = &[
    "--keep",
    "--grace",
    "--format",
    "--timeout",
    "--policy",
    "--debug",
    "--log-format",
    "--cgroupparent",
];

/// The flags of a listener that `run` decides itself.
const NOT_OF_RUN: &[&str] = &[
    "--socket-mode",
    "--socket-owner",
    "--socket-group",
    "--mark",
    "--reap-on-exit",
    "--reap-when-gone",
];

/// The flags of `explain` alone.
const OF_EXPLAIN: &[&str] = &["--listener", "--body", "--preset"];

impl Action {
    /// Returns `true` if a command with this action takes the flag.
    pub(super) fn takes(self, flag: &Flag) -> bool {
        let has = |names: &[&str]| flag.names.first().is_some_and(|name| names.contains(name));
        let of_listener = || {
            flag.key.as_ref().is_some_and(|key| key.scope == Scope::Listener)
                || has(&["--labelname", "--labelvalue"])
        };
        match self {
            _ if has(&["--help"]) => true,
            Self::Status => has(OF_STATUS),
            Self::Reap => has(OF_REAP),
            Self::Run => has(OF_RUN) || of_listener() && !has(NOT_OF_RUN),
            Self::Explain => !has(&["--check"]) && !is_of_removal(flag),
            _ => !has(OF_EXPLAIN) && !is_of_removal(flag),
        }
    }

    /// Returns the word of the command; `None` for those without one.
    pub(super) fn word(self) -> Option<&'static str> {
        COMMANDS.iter().find(|command| command.action == self).map(|command| command.word)
    }
}

/// Returns `true` for the flags of `reap` and `run` alone.
fn is_of_removal(flag: &Flag) -> bool {
    let name = flag.names.first().copied().unwrap_or_default();
    ["--older-than", "--keep", "--grace", "--dry-run", "--format", "--timeout"].contains(&name)
}

/// Returns the words of the commands that take the flag, if serving does not.
pub(super) fn takers(flag: &Flag) -> Vec<&'static str> {
    COMMANDS
        .iter()
        .filter(|command| command.action.takes(flag))
        .map(|command| command.word)
        .collect()
}

/// Finds a flag by a name with dashes. Also returns that name from the table.
#[must_use]
pub fn by_name(typed: &str) -> Option<(&'static Flag, &'static str)> {
    FLAGS.iter().find_map(|flag| {
        let name = flag.names.iter().find(|name| **name == typed)?;
        Some((flag, *name))
    })
}

/// Finds a flag by its letter. Also returns its main name.
#[must_use]
pub fn by_short(typed: char) -> Option<(&'static Flag, &'static str)> {
    let flag = FLAGS.iter().find(|flag| flag.short == Some(typed))?;
    Some((flag, flag.names.first()?))
}

/// Returns the name of the flag that was probably meant.
#[must_use]
pub fn near(typed: &str) -> Option<&'static str> {
    similar::nearest(typed, "--", FLAGS.iter().flat_map(|flag| flag.names).copied())
}

/// Returns the word of the command that was probably meant.
pub(super) fn near_command(typed: &str) -> Option<&'static str> {
    similar::nearest(typed, "", COMMANDS.iter().map(|command| command.word))
}

#[cfg(test)]
mod tests;
