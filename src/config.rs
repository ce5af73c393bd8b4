//! The checked configuration of the program, independent of how flags are spelt.
//!
//! Every value is made by a function that refuses unusable input and returns an [`Invalid`]. Only `cli`
//! knows which flag or variable a value came from; it puts that name before the error.

mod cgroup;
mod drain;
pub mod invalid;
mod label;
pub mod socket;

use std::path::PathBuf;

pub use cgroup::{BuildCgroupParent, CgroupParent, check_driver, driver_warning};
pub use drain::Drain;
pub use invalid::Invalid;
pub use label::{label, label_pair};
pub use socket::SocketAccess;

use crate::rules::reply::Replies;
use crate::rules::socket::SocketBind;
use crate::rules::{AnonymousVolumes, Injections, Label, Profile};

/// Everything that the flags and variables configure, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The socket that clients connect to.
    pub listen: PathBuf,
    /// Permissions and owners of [`Config::listen`].
    pub access: SocketAccess,
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The labels in the order in which they were given; at least one, with unique keys.
    pub labels: Vec<Label>,
    /// The labels of images: a subset of `labels`, in the same order.
    pub image_labels: Vec<Label>,
    /// The cgroup parent of containers; `self` is not resolved yet.
    pub cgroup_parent: CgroupParent,
    /// The cgroup parent of builds.
    pub build_cgroup_parent: BuildCgroupParent,
    /// Refuse requests that are not known operations of the Engine API.
    pub strict: bool,
    /// Forward BuildKit's connections unchanged, so that its images have no labels.
    pub no_buildkit: bool,
    /// Handling of mounts of the daemon's socket.
    pub socket_bind: SocketBind,
    /// Handling of anonymous volumes.
    pub anonymous_volumes: AnonymousVolumes,
    /// Time that running exchanges get at shutdown.
    pub drain: Drain,
    /// Log every exchange.
    pub debug: bool,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// The socket for metrics and health checks.
    pub stats: Option<PathBuf>,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: a sentence without the time, which the service manager adds.
    Text,
    /// For programs: one JSON object per line.
    Json,
}

impl LogFormat {
    /// Reads `text` or `json`.
    ///
    /// # Errors
    ///
    /// Any other word.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(Invalid::LogFormat(other.to_owned())),
        }
    }
}

impl Config {
    /// Permissions and owners of [`Config::stats`]: those of the listening socket, but closed to others,
    /// since the numbers describe jobs.
    #[must_use]
    pub fn stats_access(&self) -> SocketAccess {
        SocketAccess { mode: Some(0o660), ..self.access }
    }

    /// Returns the values to inject. Calls `own` only for `--cgroup-parent self`; it returns the
    /// cgroup parent of the container in which the proxy runs.
    ///
    /// # Errors
    ///
    /// The errors of `own`.
    pub fn profile<E>(&self, own: impl FnOnce() -> Result<String, E>) -> Result<Profile, E> {
        let cgroup_parent = match &self.cgroup_parent {
            CgroupParent::None => None,
            CgroupParent::Fixed(parent) => Some(parent.clone()),
            CgroupParent::OfOwnContainer => Some(own()?),
        };
        Ok(Profile {
            inject: Injections::forced(
                &self.labels,
                &self.image_labels,
                cgroup_parent.as_deref(),
                self.build_cgroup_parent.beside(cgroup_parent.as_deref()).as_deref(),
            ),
            strict: self.strict,
            no_buildkit: self.no_buildkit,
            socket_bind: self.socket_bind.clone(),
            anonymous_volumes: self.anonymous_volumes,
            replies: Replies::default(),
        })
    }
}

/// Reads `label` or `leave`.
///
/// # Errors
///
/// Any other word.
pub fn anonymous_volumes(text: &str) -> Result<AnonymousVolumes, Invalid> {
    match text {
        "label" => Ok(AnonymousVolumes::Label),
        "leave" => Ok(AnonymousVolumes::Leave),
        other => Err(Invalid::AnonymousVolumes(other.to_owned())),
    }
}

/// Returns `true` for text that could end a line or a C string.
fn has_line_bytes(text: &str) -> bool {
    text.contains(['\0', '\r', '\n'])
}

/// Reads an unsigned decimal without a sign, unlike `str::parse`, which accepts `+5`.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0_u64, |sum, digit| {
        let digit = digit.to_digit(10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Returns the text of an operating system error without its number.
#[must_use]
pub(crate) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    let words = text.split_once(" (os error").map(|(words, _)| words.to_owned());
    words.unwrap_or(text)
}

#[cfg(test)]
mod tests;
