//! The command line: turns arguments and variables into a checked [`Config`], or into a text to print.
//!
//! [`flags`] is the one table of all flags, and [`doc`] renders it. `parse` reads the arguments into plain
//! values that remember their flag or variable. `resolve` has `config` check them and puts that name before
//! each error. [`check`] implements `--check`, and [`variables`] finds misspelt variables.

pub mod check;
pub mod doc;
pub mod explain;
pub mod flags;
pub mod parse;
mod resolve;
mod usage_error;
pub mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use parse::{Action, Args};
pub use usage_error::UsageError;

use crate::config::Config;

/// Task that the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve until a signal stops it.
    Run(Config),
    /// Report what a start would do, and what would stop it.
    Check(Config),
    /// Print the state of the proxy with this stats socket.
    Status(PathBuf),
    /// Print this help.
    Help(String),
    /// Print this version.
    Version(String),
}

/// Reads the command line. `args` are the arguments without the name of the program, `env` looks
/// up a variable, and `passed` is the path of the first listening socket of the service manager.
///
/// A flag overrides its variable. If a flag that cannot be repeated is given twice, the last one counts.
///
/// # Errors
///
/// Everything that is unknown or cannot work; the error names the flag or variable at fault.
pub fn parse(
    args: impl Iterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
    passed: Option<&Path>,
) -> Result<Command, UsageError> {
    let mut args = Args::from_words(args.collect())?;
    let command = match args.action {
        Action::Help => return Ok(Command::Help(doc::help())),
        Action::Version => return Ok(Command::Version(doc::version())),
        Action::Status => {
            args.fill_from(env);
            return resolve::stats_socket(args.stats).map(Command::Status);
        }
        Action::Check => Command::Check,
        Action::Serve => Command::Run,
    };
    args.fill_from(env);
    if let Some(path) = passed {
        args.listen_at(path)?;
    }
    resolve::config(args).map(command)
}

/// Exit code of the program. The list is closed: scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success: help was printed, `--check` found no error, `status` found that clients would be served, or
    /// a signal stopped the proxy.
    Done,
    /// A failure that is no mistake on the command line, such as a socket in use.
    Failed,
    /// Unusable flags or variables.
    Usage,
    /// The daemon did not answer a question that has to be answered at startup.
    NoDaemon,
}

impl Exit {
    /// All exit codes, in the order of `--help`.
    pub const ALL: &[Self] = &[Self::Done, Self::Failed, Self::Usage, Self::NoDaemon];

    /// The number that the parent process gets.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoDaemon => 3,
        }
    }

    /// The meaning that `--help` prints.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "success, or stopped by a signal",
            Self::Failed => {
                "failure, such as a socket that cannot be bound, or a problem for status"
            }
            Self::Usage => "unusable flags or variables",
            Self::NoDaemon => "the daemon did not answer --check or --cgroup-parent self",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
