//! The command line: turns arguments and variables into a checked [`Config`], or into a text to print.
//!
//! [`flags`] is the one table of all flags and of the keys of the configuration file, and [`doc`] renders it.
//! `parse` reads the arguments, and `file` reads the file, into plain values that remember where they were
//! given ([`settings`]). `resolve` has `config` check them and puts that place before each error. [`check`] implements `--check`, and [`variables`] finds misspelt variables.

pub mod check;
pub mod doc;
pub mod explain;
mod file;
pub mod flags;
pub mod parse;
mod resolve;
pub mod settings;
mod usage_error;
pub mod variables;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use parse::Args;
use settings::{Action, Setting};
pub use usage_error::UsageError;

use crate::config::Config;
use crate::config::file::Source;

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

/// A listening socket that the service manager passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its name, `FileDescriptorName=`; may be empty.
    pub name: String,
    /// Its path.
    pub path: PathBuf,
}

/// Reads the command line, and the configuration file that it names. `args` are the arguments without the name
/// of the program, `env` looks up a variable, and `passed` are the listening sockets of the service manager.
/// It can be called again, to read the file anew.
///
/// A flag overrides its variable, and so does the file. If a flag that cannot be repeated is given twice, the
/// last one counts.
///
/// # Errors
///
/// Everything that is unknown or cannot work; each error names the flag, the variable or the place at fault.
pub fn parse(
    args: impl Iterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
    passed: &[Passed],
) -> Result<Command, Vec<UsageError>> {
    let one = |error| vec![error];
    let mut args = Args::from_words(args.collect()).map_err(one)?;
    let command = match args.action {
        Action::Help => return Ok(Command::Help(doc::help())),
        Action::Version => return Ok(Command::Version(doc::version())),
        Action::Status => {
            args.fill_from(env);
            let socket = resolve::stats_socket(args.settings.last(Setting::Stats));
            return socket.map(Command::Status).map_err(one);
        }
        Action::Check => Command::Check,
        Action::Serve => Command::Run,
    };
    args.fill_from(env);
    let Some(given) = args.settings.last(Setting::Config) else {
        return resolve::config(&args.settings, None, passed).map(command);
    };
    let text = fs::read_to_string(&given.value).map_err(|why| {
        let (by, why) = (given.by.clone(), why.to_string());
        vec![UsageError::Unreadable { by, path: PathBuf::from(&given.value), why }]
    })?;
    let path = given.value.to_string_lossy();
    let file = file::read(Source { path: &path, text: &text })
        .map_err(|faults| faults.into_iter().map(UsageError::File).collect::<Vec<_>>())?;
    resolve::config(&args.settings, Some((&path, file)), passed).map(command)
}

/// Exit code of the program. The list is closed: scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success: help was printed, `--check` found no error, `status` found that clients would be served, or
    /// a signal stopped the proxy.
    Done,
    /// A failure that is no mistake on the command line, such as a socket in use.
    Failed,
    /// Unusable flags, variables or keys of the file.
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
            Self::Usage => "unusable flags, variables or configuration file",
            Self::NoDaemon => "the daemon did not answer --check or --cgroup-parent self",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
