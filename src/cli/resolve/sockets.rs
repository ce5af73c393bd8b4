//! Checks of all listeners together: their names and sockets.

use super::{Level, Resolved};
use crate::cli::Passed;
use crate::cli::file::File;
use crate::cli::flags::FLAGS;
use crate::cli::settings::{Scope, Setting, Settings};
use crate::cli::usage_error::UsageError;
use crate::config::Config;
use crate::config::socket::Spot;

/// The name of the stats socket among passed sockets.
const STATS: &str = "stats";

/// Checks the names of a file's listeners, and that no flag gives what the file gives.
pub(super) fn structure(
    path: &str,
    file: &File,
    outer: &Settings,
    passed: &[Passed],
) -> Vec<UsageError> {
    let mut errors = Vec::new();
    let levels = file.listeners.iter().map(|level| &level.settings);
    let all = [&file.process, &file.defaults.settings].into_iter().chain(levels);
    let all: Vec<_> = all.flat_map(|settings| &settings.0).collect();
    let levels = [&file.defaults].into_iter().chain(&file.listeners);
    let policies = levels.filter_map(|level| level.policy.as_ref().map(|policy| &policy.by));
    let several = file.listeners.len() > 1;
    for (setting, flag) in outer.0.iter().filter(|(_, given)| given.is_by_flag()) {
        let given = all.iter().find(|(other, _)| other.family() == setting.family());
        let policy = policies.clone().next().filter(|_| *setting == Setting::Policy);
        if let Some(by) = given.map(|(_, given)| &given.by).or(policy) {
            let (by, flag) = (by.clone(), flag.by.clone());
            errors.push(UsageError::Twice { by, flag });
        } else if several && is_own(*setting) {
            errors.push(UsageError::OfOneListener(flag.by.clone()));
        }
    }
    if file.listeners.is_empty() {
        errors.push(UsageError::NoListener(path.to_owned()));
    }
    for (index, level) in file.listeners.iter().enumerate() {
        errors.extend(name(level, file.listeners.iter().take(index)));
    }
    let known = || {
        file.listeners
            .iter()
            .filter_map(|level| Some(level.name.as_ref()?.value.to_string_lossy().into_owned()))
    };
    for passed in passed.iter().filter(|_| several) {
        if !known().any(|name| name == passed.name) {
            let (name, path) = (passed.name.clone(), passed.path.clone());
            errors.push(UsageError::PassedForNobody { name, path, known: known().collect() });
        }
    }
    errors
}

/// Returns `true` if a setting differs between listeners.
fn is_own(setting: Setting) -> bool {
    FLAGS.iter().any(|flag| {
        let own = flag.key.as_ref().is_some_and(|key| key.scope == Scope::Own);
        own && flag.setting() == Some(setting)
    })
}

/// Checks the name of a listener.
fn name<'a>(level: &'a Level, mut earlier: impl Iterator<Item = &'a Level>) -> Option<UsageError> {
    let Some(given) = &level.name else { return Some(UsageError::NoName(level.at.clone())) };
    let name = given.value.to_string_lossy().into_owned();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.trim_matches('.').is_empty() || name == STATS || !name.bytes().all(plain) {
        return Some(UsageError::Name(given.by.clone(), name));
    }
    let first =
        earlier.find_map(|other| other.name.as_ref().filter(|other| other.value == given.value))?;
    Some(UsageError::NameTwice { by: given.by.clone(), name, first: first.by.clone() })
}

/// Refuses one path for two sockets. `stats_by` is the place of the stats socket.
pub(super) fn distinct(
    listeners: &[Resolved],
    stats_by: Option<&str>,
    config: Option<&Config>,
) -> Vec<UsageError> {
    let mut errors = Vec::new();
    let spot = |one: &Resolved| [&one.listener.listen, &one.listener.daemon].map(|at| Spot::of(at));
    let spots: Vec<_> = listeners.iter().map(|one| (one, spot(one))).collect();
    for (index, (one, [listen, _])) in spots.iter().enumerate() {
        for (other, _) in spots.iter().filter(|(_, [_, daemon])| listen == daemon) {
            let (by, daemon) = (one.listen_by.clone(), other.daemon_by.clone());
            errors.push(UsageError::SameSocket { by, daemon });
        }
        for (other, _) in spots.iter().take(index).filter(|(_, [other, _])| listen == other) {
            let (by, other) = (one.listen_by.clone(), other.listen_by.clone());
            errors.push(UsageError::OneSocket { by, other });
        }
    }
    let stats = config.and_then(|config| config.stats.as_ref()).zip(stats_by);
    if let Some((path, by)) = stats {
        let stats = Spot::of(path);
        let mut sockets = spots.iter().flat_map(|(one, [listen, daemon])| {
            [(&one.listen_by, listen), (&one.daemon_by, daemon)]
        });
        if let Some((other, _)) = sockets.find(|(_, theirs)| **theirs == stats) {
            errors.push(UsageError::OneSocket { by: by.to_owned(), other: other.clone() });
        }
    }
    errors
}

#[cfg(test)]
mod tests;
