//! The removal of what clients created: the settings of a listener, and the commands `run` and `reap`.

use std::collections::hash_map::RandomState;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hasher};
use std::path::PathBuf;
use std::time::Duration;

use super::{Levels, text};
use crate::cli::discovery;
use crate::cli::orders::{Format, FoundDaemon, ReapOrder, RunOrder};
use crate::cli::parse::{self, Args};
use crate::cli::settings::{Given, Setting, Settings};
use crate::cli::usage_error::UsageError;
use crate::config::{self, Drain, Invalid, Listener, Removal, Sourced, socket};
use crate::reap::{Criteria, Kind, Kinds};
use crate::rules::{Label, own};

/// Time for the exchanges that are left when the command of a `run` has ended: those of its children, and those that
/// it began last.
const LAST_EXCHANGES: Duration = Duration::from_secs(1);

/// Returns the removal that the levels ask for. A delay of `own` that would have no effect is an error.
pub(super) fn of_listener(levels: &Levels<'_>, own: &Levels<'_>) -> Result<Removal, UsageError> {
    let job_socket = levels.last(Setting::JobSocket);
    let removal = Removal {
        on_exit: levels.switch(Setting::ReapOnExit, false)?,
        when_gone: levels.switch(Setting::ReapWhenGone, false)?,
        delay: text(&levels.or_default(Setting::ReapDelay), config::duration)?,
        mark: levels.switch(Setting::Mark, false)?,
        job_socket: job_socket.map(|given| text(given, config::job_socket)).transpose()?,
        keeps_images: levels.or_default(Setting::ImageLabels).value == "none",
    };
    match own.last(Setting::ReapDelay).filter(|_| !removal.removes_jobs()) {
        Some(delay) => Err(UsageError::NoRemoval(delay.by.clone())),
        None => Ok(removal),
    }
}

/// Refuses a listening socket beside which the sockets of containers would have no usable paths.
pub(super) fn unfit_sockets(levels: &Levels<'_>, listener: &Listener) -> Option<UsageError> {
    let given = levels.last(Setting::JobSocket)?;
    let mut path = std::path::absolute(&listener.listen).ok()?.into_os_string();
    path.push(".jobs/0123456789abcdef");
    let unfit = socket::socket_path(&path).and_then(|path| socket::mountable(&path).map(drop));
    unfit.err().map(|why| UsageError::Invalid(given.by.clone(), why))
}

/// Returns the task of `reap`; `env` looks up a variable.
///
/// # Errors
///
/// The first setting that cannot be used.
pub(in crate::cli) fn reap_order(
    settings: &Settings,
    env: &impl Fn(&str) -> Option<OsString>,
) -> Result<ReapOrder, UsageError> {
    // A variable was not meant for a command that removes.
    let labels = settings.all(Setting::Label).filter(|label| label.is_by_flag());
    let labels = labels.map(|given| text(given, config::plain_label));
    let labels = labels.collect::<Result<Vec<Label>, _>>()?;
    if labels.is_empty() {
        return Err(UsageError::NoLabel);
    }
    let levels = Levels(vec![settings]);
    let older_than = settings.last(Setting::OlderThan);
    let older_than = older_than.map(|given| text(given, config::age)).transpose()?;
    Ok(ReapOrder {
        daemon: daemon(settings, env)?,
        criteria: Criteria { labels, older_than, keep: kept(settings)? },
        grace: text(&levels.or_default(Setting::Grace), config::duration)?,
        dry_run: levels.switch(Setting::DryRun, false)?,
        format: text(&levels.or_default(Setting::Format), format)?,
    })
}

fn format(text: &str) -> Result<Format, Invalid> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        other => Err(Invalid::LogFormat(other.to_owned())),
    }
}

/// Returns the kinds that stay.
fn kept(settings: &Settings) -> Result<Kinds, UsageError> {
    let mut kinds = Kinds::default();
    for given in settings.last(Setting::Keep).into_iter().flat_map(parse::list) {
        kinds.add(text(&given, |name| {
            Kind::named(name).ok_or_else(|| Invalid::Kind(name.to_owned()))
        })?);
    }
    Ok(kinds)
}

/// Returns the daemon: as given, or else as the docker command finds it.
fn daemon(
    settings: &Settings,
    env: &impl Fn(&str) -> Option<OsString>,
) -> Result<FoundDaemon, UsageError> {
    match settings.last(Setting::Daemon) {
        Some(given) => Ok(FoundDaemon { path: super::path(given)?, by: given.by.clone() }),
        None => discovery::daemon(env),
    }
}

/// Returns the task of `run`; `env` looks up a variable.
///
/// # Errors
///
/// All settings that cannot be used.
pub(in crate::cli) fn run_order(
    args: Args,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<RunOrder, Vec<UsageError>> {
    let one = |error| vec![error];
    let Args { mut settings, words, .. } = args;
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(|| one(UsageError::NoCommand))?;
    let daemon = daemon(&settings, &env).map_err(one)?;
    let id = unique();
    settings.push(Setting::Daemon, Given::new(&daemon.path, daemon.by.clone()));
    settings.push(Setting::Listen, private_socket(&id, &env));
    settings.push(Setting::Mark, Given::new("true", "run"));
    let mut config = super::config(&settings, None, &[])?;
    config.drain = Drain::After(LAST_EXCHANGES);
    for listener in &mut config.listeners {
        if let Some(own) = listener.labels.iter().find(|label| label.value.key == own::RUN) {
            let (by, first) = (own.by.clone(), "run".to_owned());
            return Err(one(UsageError::KeyTwice { by, key: own::RUN.to_owned(), first }));
        }
        let label = Label { key: own::RUN.to_owned(), value: id.clone() };
        let label = Sourced { value: label, by: "run".to_owned() };
        // Who wants no labels on images keeps them.
        if !listener.image_labels.is_empty() {
            listener.image_labels.push(label.clone());
        }
        listener.labels.push(label);
    }
    let levels = Levels(vec![&settings]);
    let timeout = settings.last(Setting::Timeout);
    Ok(RunOrder {
        id,
        daemon,
        config,
        program,
        arguments: words.collect(),
        timeout: timeout.map(|given| text(given, config::duration)).transpose().map_err(one)?,
        keep: kept(&settings).map_err(one)?,
        grace: text(&levels.or_default(Setting::Grace), config::duration).map_err(one)?,
        format: text(&levels.or_default(Setting::Format), format).map_err(one)?,
    })
}

/// Returns 16 hexadecimal digits that no other process gets.
fn unique() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Returns the path of the socket of a run, in a directory of its own. Its parent is the first of the usual ones that
/// exists.
fn private_socket(id: &str, env: &impl Fn(&str) -> Option<OsString>) -> Given {
    let folder = |by| {
        let folder = PathBuf::from(env(by)?);
        (folder.is_absolute() && folder.is_dir()).then_some((by, folder))
    };
    let usual = || ("run", PathBuf::from("/tmp"));
    let (by, folder) = folder("XDG_RUNTIME_DIR").or_else(|| folder("TMPDIR")).unwrap_or_else(usual);
    Given::new(folder.join(format!("dockerd-ci-proxy-{id}")).join("docker.sock"), by)
}

#[cfg(test)]
mod tests;
