//! The command line: from what was typed to a checked [`Config`], or to a text to print.
//!
//! [`flags`] is the one table of all flags; [`doc`] only renders it. `parse` reads what was typed
//! into plain values that remember the name they were given by; `judge` asks `config` what they
//! mean and puts that name before each fault. [`check`] is what `--check` does; [`variables`] knows
//! which ones of the environment are misspelt.

pub mod check;
pub mod doc;
mod error;
pub mod flags;
mod judge;
pub mod parse;
pub mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use error::Error;
use parse::{Args, Deed, Wish};

use crate::config::Config;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve until told to stop.
    Run(Config),
    /// Tell what would be done and what is in the way.
    Check(Config),
    /// Ask the proxy with this stats socket how it does, and print that.
    Status(PathBuf),
    /// Print this help and be done.
    Help(String),
    /// Print this version and be done.
    Version(String),
}

/// Reads the command line. `args` are the arguments without the name of the program, `env` looks
/// up a variable of the environment, and `passed` is the path of the listening socket where it was
/// not left to us to make one.
///
/// A variable stands in for its flag where that was not typed. Of a flag that is given twice and
/// does not repeat, the last one counts.
///
/// # Errors
///
/// All that cannot be understood or cannot work; each names the flag or variable at fault.
// Once, so that it is to be small rather than fast.
#[cold]
pub fn parse(
    args: impl Iterator<Item = OsString>,
    env: impl Fn(&str) -> Option<OsString>,
    passed: Option<&Path>,
) -> Result<Command, Error> {
    let mut args = Args::typed(args.collect())?;
    match args.wish {
        Some(Wish::Help) => Ok(Command::Help(doc::help())),
        Some(Wish::Version) => Ok(Command::Version(doc::version())),
        None => {
            args.fill_from(env);
            let deed = args.deed;
            if deed == Deed::Status {
                return judge::stats_socket(args.stats).map(Command::Status);
            }
            if let Some(path) = passed {
                args.listen_at(path)?;
            }
            let command = if deed == Deed::Check { Command::Check } else { Command::Run };
            judge::config(args).map(command)
        }
    }
}

/// How the program ends. The list is closed: a script may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well: help was printed, `--check` found nothing in the way, `status` that clients
    /// would be served, or the proxy was told
    /// to stop and did.
    Done,
    /// Something failed that is no mistake on the command line, like a socket in use.
    Failed,
    /// The command line or the environment asks for what cannot be.
    Usage,
    /// What had to be known from the daemon could not be asked.
    NoDaemon,
}

impl Exit {
    /// All of them, as `--help` lists them.
    pub const ALL: &[Self] = &[Self::Done, Self::Failed, Self::Usage, Self::NoDaemon];

    /// The number that the parent process sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoDaemon => 3,
        }
    }

    /// What the number means, for the reader of `--help`.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or stopped by a signal as wanted",
            Self::Failed => {
                "failed, as when the socket cannot be bound, or status finds all not well"
            }
            Self::Usage => "the flags or variables cannot be used",
            Self::NoDaemon => "the daemon gave no answer to --check or --cgroup-parent self",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
