//! The checked configuration of the program, independent of how flags are spelt.
//!
//! Every value is made by a function that refuses unusable input and returns an [`Invalid`]. Only `cli`
//! knows which flag or variable a value came from; it puts that name before the error.

pub mod authz;
mod cgroup;
mod drain;
pub mod file;
pub mod inject;
pub mod invalid;
mod label;
mod paths;
pub mod policy;
mod quantity;
mod removal;
pub mod similar;
pub mod socket;
mod template;

use std::path::PathBuf;
use std::sync::Arc;

pub use cgroup::{BuildCgroupParent, CgroupParent, check_driver, driver_warning};
pub use drain::Drain;
pub use file::Fault;
pub use invalid::Invalid;
pub use label::{label, label_pair, plain_label};
pub use paths::{job_socket, map_paths, mapped_pair, mapped_path};
pub use removal::{Removal, age, duration};
pub use socket::SocketAccess;

use crate::engine::shapes::Place;
use crate::rules::authz::{Authz, Plugin};
use crate::rules::inject::{How, Inject, Value};
use crate::rules::paths::PathRules;
use crate::rules::policy::Policy;
use crate::rules::socket::SocketBind;
use crate::rules::{AnonymousVolumes, Label, Profile};

/// Everything that flags, variables and the configuration file configure, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// The listeners; at least one, with unique names and sockets. Flags alone make one without a name.
    pub listeners: Vec<Listener>,
    /// Time that running exchanges get at shutdown.
    pub drain: Drain,
    /// Log every exchange.
    pub debug: bool,
    /// Format of log lines.
    pub log_format: LogFormat,
    /// The socket for metrics and health checks.
    pub stats: Option<PathBuf>,
    /// Permissions and owners of [`Config::stats`]: the defaults of those of the listening sockets, but
    /// closed to others, since the numbers describe jobs.
    pub stats_access: SocketAccess,
}

/// A listening socket and its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The name from the file.
    pub name: Option<String>,
    /// The socket that clients connect to.
    pub listen: PathBuf,
    /// Permissions and owners of [`Listener::listen`].
    pub access: SocketAccess,
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The labels in the order in which they were given, with unique keys.
    pub labels: Vec<Sourced<Label>>,
    /// The labels of images: a subset of `labels`, in the same order.
    pub image_labels: Vec<Sourced<Label>>,
    /// The cgroup parent of containers; `self` is not resolved yet.
    pub cgroup_parent: Sourced<CgroupParent>,
    /// The cgroup parent of builds.
    pub build_cgroup_parent: Sourced<BuildCgroupParent>,
    /// Refuse requests that are not known operations of the Engine API.
    pub strict: bool,
    /// Forward BuildKit's connections unchanged, so that its images have no labels.
    pub no_buildkit: bool,
    /// Handling of mounts of the daemon's socket.
    pub socket_bind: Sourced<SocketBind>,
    /// Handling of anonymous volumes.
    pub anonymous_volumes: AnonymousVolumes,
    /// The options that are injected.
    pub inject: Vec<Inject>,
    /// The translation of paths.
    pub paths: PathRules,
    /// The removal of what clients created.
    pub removal: Removal,
    /// The policy, if there is one.
    pub policy: Option<Arc<Policy>>,
    /// The authorization plugins.
    pub authz: Vec<Plugin>,
}

/// A value, and where it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The flag or variable of the value, or the place of its key in the file and the key.
    pub by: String,
}

impl<T> Sourced<T> {
    /// Returns the flag, the variable, or the place in the file alone.
    fn from(&self) -> String {
        self.by.rsplit_once(": ").map_or(self.by.as_str(), |(place, _)| place).to_owned()
    }
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

impl Listener {
    /// Returns the listener for the sockets that containers get, if they get some: their callers are known, and what
    /// those create belongs to their container.
    #[must_use]
    pub fn of_jobs(&self) -> Option<Self> {
        let by = self.removal.job_socket.as_ref().map(|_| "job_socket".to_owned())?;
        let mut jobs = self.clone();
        jobs.removal.when_gone = true;
        jobs.paths.of_caller = true;
        // Builds keep theirs: one for each job would be an empty cache for each build.
        if let (BuildCgroupParent::Inherit, CgroupParent::Fixed(parent)) =
            (&self.build_cgroup_parent.value, &self.cgroup_parent.value)
        {
            jobs.build_cgroup_parent.value = BuildCgroupParent::Fixed(parent.clone());
        }
        jobs.cgroup_parent = Sourced { value: CgroupParent::OfCaller, by };
        Some(jobs)
    }

    /// Returns the values to inject. Calls `own` only for `--cgroup-parent self`; it returns the
    /// cgroup parent of the container in which the proxy runs.
    ///
    /// # Errors
    ///
    /// The errors of `own`.
    pub fn profile<E>(&self, own: impl FnOnce() -> Result<String, E>) -> Result<Profile, E> {
        let parent = match &self.cgroup_parent.value {
            CgroupParent::None => None,
            CgroupParent::Fixed(parent) => Some(parent.clone()),
            CgroupParent::OfOwnContainer => Some(template::doubled(&own()?)),
            CgroupParent::OfCaller => Some(cgroup::OF_CALLER.to_owned()),
        };
        // A cgroup parent for each job would be an empty cache for each build.
        let of_builds = parent.as_deref().filter(|parent| *parent != cgroup::OF_CALLER);
        let builds = match &self.build_cgroup_parent.value {
            BuildCgroupParent::Inherit => self.cgroup_parent.from(),
            _ => self.build_cgroup_parent.from(),
        };
        let force = |at, value, from| Inject { at, how: How::Force, value, from };
        let labels = |at, labels: &[Sourced<Label>]| -> Vec<Inject> {
            let entry =
                |label: &Sourced<Label>| force(at, Value::Entry(label.value.clone()), label.from());
            labels.iter().map(entry).collect()
        };
        let build_parent = self
            .build_cgroup_parent
            .value
            .beside(of_builds)
            .map(|parent| force(Place::BuildCgroupParent, Value::Text(parent), builds));
        let parent = parent.map(|parent| {
            force(Place::CgroupParent, Value::Text(parent), self.cgroup_parent.from())
        });
        let labels = labels(Place::Labels, &self.labels)
            .into_iter()
            .chain(labels(Place::ImageLabels, &self.image_labels))
            .chain(self.own_labels());
        let parents = parent.into_iter().chain(build_parent);
        let profile = Profile {
            strict: self.strict,
            no_buildkit: self.no_buildkit,
            socket_bind: self.socket_bind.value.clone(),
            anonymous_volumes: self.anonymous_volumes,
            job_socket: self.removal.job_socket.clone(),
            policy: self.policy.clone(),
            authz: (!self.authz.is_empty()).then(|| Arc::new(Authz::of(self.authz.clone()))),
            ..Profile::default()
        };
        let inject = labels.chain(parents).chain(self.inject.iter().cloned()).collect();
        let name = self.name.as_deref().unwrap_or_default();
        Ok(profile.with(inject, self.paths.clone(), name))
    }

    /// Returns a warning for each option that not every build gets.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let warned = (!self.no_buildkit).then(|| inject::of_classic_builds(&self.inject));
        warned.into_iter().flatten()
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
