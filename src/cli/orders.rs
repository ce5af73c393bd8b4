//! The tasks of `run` and `reap`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Config;
use crate::reap::{Criteria, Kinds};

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines and a table for people, with progress on a terminal.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// The daemon, and the setting that named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDaemon {
    /// The path of its socket.
    pub path: PathBuf,
    /// The setting that named it, for the report: a flag, a variable, a context of the docker command, or the default.
    pub by: String,
}

/// The task of `reap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReapOrder {
    /// The daemon.
    pub daemon: FoundDaemon,
    /// The things to remove.
    pub criteria: Criteria,
    /// Time that containers get to stop.
    pub grace: Duration,
    /// `true` if nothing is to be removed.
    pub dry_run: bool,
    /// The form of the report.
    pub format: Format,
}

/// The task of `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrder {
    /// The value of the label `dockerd-ci-proxy.run`, which no other run has.
    pub id: String,
    /// The daemon, and the setting that named it.
    pub daemon: FoundDaemon,
    /// The configuration of the proxy, with one listener at the private socket.
    pub config: Config,
    /// The command.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Time after which the command is stopped.
    pub timeout: Option<Duration>,
    /// The kinds that stay.
    pub keep: Kinds,
    /// Time that the command and containers get to stop.
    pub grace: Duration,
    /// The form of the report.
    pub format: Format,
}
