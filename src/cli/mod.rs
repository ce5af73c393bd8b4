//! The command line: turns arguments and variables into a checked [`Config`], or into a text to print.
//!
//! [`flags`] is the one table of all flags and of the keys of the configuration file, and [`doc`] renders it.
//! `parse` reads the arguments, and `file` reads the file, into plain values that remember where they were
//! given ([`settings`]). `resolve` has `config` check them and puts that place before each error. [`check`]
//! implements `--check`, [`explain`] reports about one request, and [`variables`] finds misspelt variables.

mod callers;
pub mod check;
pub mod commands;
mod discovery;
pub mod doc;
pub mod explain;
mod file;
pub mod flags;
pub mod orders;
pub mod parse;
mod policy;
pub mod profiles;
pub mod report;
mod resolve;
pub mod settings;
mod usage_error;
pub mod variables;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

pub use orders::{ReapOrder, RunOrder};
use parse::Args;
use settings::{Action, Given, Setting};
pub use usage_error::UsageError;

use crate::config::file::Source;
use crate::config::{self, Config, Listener};

/// Task that the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve until a signal stops it.
    Serve(Config),
    /// Report what a start would do, and what would stop it.
    Check(Config),
    /// Report what would happen to a request.
    Explain(Box<Request>),
    /// Print the text of a preset.
    Preset(&'static str),
    /// Print the state of the proxy with this stats socket.
    Status(PathBuf),
    /// Run a command, and remove what it created.
    Run(Box<RunOrder>),
    /// Remove what carries labels.
    Reap(Box<ReapOrder>),
    /// Print this help.
    Help(String),
    /// Print this version.
    Version(String),
}

/// A request to be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The listener that gets it.
    pub listener: Listener,
    /// The method.
    pub method: String,
    /// The request-target.
    pub target: String,
    /// The file with the body.
    pub body: Option<PathBuf>,
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
    match args.action {
        Action::Help => return Ok(Command::Help(doc::help(args.command))),
        Action::Version => return Ok(Command::Version(doc::version())),
        _ => args.fill_from(&env),
    }
    match args.action {
        Action::Status => {
            let socket = resolve::stats_socket(args.settings.last(Setting::Stats));
            socket.map(Command::Status).map_err(one)
        }
        Action::Check => config(&args, passed).map(Command::Check),
        Action::Explain if args.settings.last(Setting::Preset).is_some() => {
            preset(&args).map(Command::Preset).map_err(one)
        }
        Action::Explain => {
            // A socket of the service manager has no effect on a request.
            let listeners = config(&args, &[])?.listeners;
            let request = request(&args, listeners).map_err(one)?;
            Ok(Command::Explain(Box::new(request)))
        }
        Action::Run => resolve::run_order(args, env).map(|order| Command::Run(Box::new(order))),
        Action::Reap => {
            let order = resolve::reap_order(&args.settings, &env).map_err(one)?;
            Ok(Command::Reap(Box::new(order)))
        }
        _ => config(&args, passed).map(Command::Serve),
    }
}

/// Checks the configuration, and reads the file if there is one.
fn config(args: &Args, passed: &[Passed]) -> Result<Config, Vec<UsageError>> {
    let Some(given) = args.settings.last(Setting::Config) else {
        return resolve::config(&args.settings, None, passed);
    };
    let path = PathBuf::from(&given.value);
    let text = config::file::text(&path).map_err(|why| {
        let (by, path, why) = (given.by.clone(), path.clone(), why.to_string());
        vec![UsageError::Unreadable { by, path, why }]
    })?;
    let path = given.value.to_string_lossy();
    let file = file::read(Source::new(&path, &text))
        .map_err(|faults| faults.into_iter().map(UsageError::File).collect::<Vec<_>>())?;
    resolve::config(&args.settings, Some((&path, file)), passed)
}

/// Returns the text of the preset to be printed.
fn preset(args: &Args) -> Result<&'static str, UsageError> {
    match (args.settings.last(Setting::Preset), args.words.first()) {
        (_, Some(word)) => Err(UsageError::Stray { word: word.clone(), near: None }),
        (given, None) => {
            let given = given.ok_or(UsageError::NoRequest)?;
            resolve::text(given, config::policy::preset_text)
        }
    }
}

/// Returns the request to be explained.
fn request(args: &Args, listeners: Vec<Listener>) -> Result<Request, UsageError> {
    let [method, target] = &args.words[..] else { return Err(UsageError::NoRequest) };
    let text = |word: &OsString| Given::new(word, "explain").text().map(ToOwned::to_owned);
    let (method, target) = (text(method)?, text(target)?);
    let name = args.settings.last(Setting::Listener).map(Given::text).transpose()?;
    let name = name.map(ToOwned::to_owned);
    let known: Vec<_> = listeners.iter().filter_map(|listener| listener.name.clone()).collect();
    let several = listeners.len() > 1;
    let is_meant =
        |listener: &Listener| if name.is_some() { listener.name == name } else { !several };
    let Some(listener) = listeners.into_iter().find(is_meant) else {
        return Err(UsageError::NoSuchListener { name, known });
    };
    let body = args.settings.last(Setting::Body).map(|given| PathBuf::from(&given.value));
    Ok(Request { listener, method, target, body })
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
    /// Something that should be removed stayed.
    Left,
}

impl Exit {
    /// All exit codes, in the order of `--help`.
    pub const ALL: &[Self] = &[Self::Done, Self::Failed, Self::Usage, Self::NoDaemon, Self::Left];

    /// The number that the parent process gets.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoDaemon => 3,
            Self::Left => 4,
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
            Self::NoDaemon => {
                "the daemon did not answer --check, --cgroup-parent self, run or reap"
            }
            Self::Left => "run or reap left something that should be removed",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
