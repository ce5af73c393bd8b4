//! Turns the given settings into [`Config`]: `config` checks each value, and each error gets the name of its
//! flag or variable, or its place in the file.

mod labels;
mod paths;
mod removal;
mod sockets;

pub(super) use removal::{reap_order, run_order};

use std::path::PathBuf;
use std::sync::Arc;

use super::Passed;
use super::check::fixed_parents;
use super::file::{File, Level};
use super::flags::{FLAGS, STATS_SOCKET};
use super::settings::{Given, Setting, Settings};
use super::usage_error::UsageError;
use crate::config::inject::{disagreements, inherited};
use crate::config::{
    self, BuildCgroupParent, CgroupParent, Config, Drain, Invalid, Listener, LogFormat,
    SocketAccess, Sourced, socket,
};
use crate::rules::caller::{Placeholder, Template};
use crate::rules::policy::Policy;
use crate::rules::socket::SocketBind;

/// Checks all values and fills in the defaults. `outer` are the flags and variables, `path` is that of the
/// file, and `passed` are the listening sockets of the service manager.
///
/// # Errors
///
/// All values that cannot be used.
pub(super) fn config(
    outer: &Settings,
    file: Option<(&str, File)>,
    passed: &[Passed],
) -> Result<Config, Vec<UsageError>> {
    let mut errors = Vec::new();
    let path = file.as_ref().map(|(path, _)| *path);
    let file = file.map(|(_, file)| file);
    if let (Some(file), Some(path)) = (&file, path) {
        errors.extend(sockets::structure(path, file, outer, passed));
    }
    let File { process, defaults, listeners } = file.unwrap_or_default();
    let single = listeners.len() <= 1;
    let named: Vec<Level> = if listeners.is_empty() { vec![Level::default()] } else { listeners };
    let mut resolved = Vec::new();
    for level in named {
        let passed = passed.iter().find(|passed| {
            single || level.name.as_ref().is_some_and(|name| name.value == passed.name.as_str())
        });
        let source = ListenerSource { level, defaults: &defaults, outer, single, passed };
        resolved.extend(source.resolve(&mut errors));
    }
    let config = Levels(vec![&process, outer]).process(&defaults.settings, &mut errors);
    let stats = process.last(Setting::Stats).or(outer.last(Setting::Stats));
    errors.extend(sockets::distinct(
        &resolved,
        stats.map(|given| given.by.as_str()),
        config.as_ref(),
    ));
    let mut all: Vec<UsageError> = Vec::new();
    // Defaults have the same errors for each listener.
    for error in errors {
        if !all.contains(&error) {
            all.push(error);
        }
    }
    match config {
        Some(config) if all.is_empty() => {
            let listeners = resolved.into_iter().map(|resolved| resolved.listener).collect();
            Ok(Config { file: path.map(PathBuf::from), listeners, ..config })
        }
        _ => Err(all),
    }
}

/// Notes the error of a value.
fn keep<T>(errors: &mut Vec<UsageError>, result: Result<T, UsageError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// The settings that apply, the strongest first.
struct Levels<'a>(Vec<&'a Settings>);

impl<'a> Levels<'a> {
    fn last(&self, setting: Setting) -> Option<&'a Given> {
        self.0.iter().find_map(|settings| settings.last(setting))
    }

    /// Returns the value that counts, or the default of the table.
    fn or_default(&self, setting: Setting) -> Given {
        self.last(setting).cloned().unwrap_or_else(|| default_of(setting))
    }

    /// Checks the settings of the process.
    fn process(&self, defaults: &Settings, errors: &mut Vec<UsageError>) -> Option<Config> {
        let drain = keep(errors, text(&self.or_default(Setting::Drain), Drain::parse));
        let debug = keep(errors, self.switch(Setting::Debug, false));
        let log_format = keep(errors, text(&self.or_default(Setting::LogFormat), LogFormat::parse));
        let stats = keep(errors, self.last(Setting::Stats).map(path).transpose());
        let access = Levels(self.0.iter().copied().chain([defaults]).collect()).access(errors);
        Some(Config {
            file: None,
            listeners: Vec::new(),
            drain: drain?,
            debug: debug?,
            log_format: log_format?,
            stats: stats?,
            stats_access: SocketAccess { mode: Some(0o660), ..access? },
        })
    }

    fn access(&self, errors: &mut Vec<UsageError>) -> Option<SocketAccess> {
        let mode = keep(errors, self.optional(Setting::Mode, socket::mode));
        let owner = keep(errors, self.optional(Setting::Owner, socket::owner));
        let group = keep(errors, self.optional(Setting::Group, socket::group));
        Some(SocketAccess { mode: mode?, owner: owner?, group: group? })
    }

    fn optional<T>(
        &self,
        setting: Setting,
        read: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, UsageError> {
        self.last(setting).map(|given| text(given, read)).transpose()
    }

    fn switch(&self, setting: Setting, default: bool) -> Result<bool, UsageError> {
        self.last(setting).map_or(Ok(default), yes_or_no)
    }
}

/// Returns the default of the table of flags.
fn default_of(setting: Setting) -> Given {
    let flag = FLAGS.iter().find(|flag| flag.setting() == Some(setting));
    let name = flag.and_then(|flag| flag.names.first()).copied().unwrap_or_default();
    Given::new(flag.and_then(|flag| flag.default).unwrap_or_default(), name)
}

/// The settings of one listener.
struct ListenerSource<'a> {
    level: Level,
    defaults: &'a Level,
    outer: &'a Settings,
    /// `true` if there is no other listener.
    single: bool,
    passed: Option<&'a Passed>,
}

/// A listener, and where its sockets were given.
struct Resolved {
    listener: Listener,
    listen_by: String,
    daemon_by: String,
}

impl ListenerSource<'_> {
    fn resolve(self, errors: &mut Vec<UsageError>) -> Option<Resolved> {
        let levels = Levels(vec![&self.level.settings, &self.defaults.settings, self.outer]);
        let removal = keep(errors, removal::of_listener(&levels, &self.own()));
        let listen = keep(errors, self.listen(&levels));
        let daemon = levels.or_default(Setting::Daemon);
        let daemon_path = keep(errors, path(&daemon));
        let access = levels.access(errors);
        let own = self.own();
        let socket_bind =
            listen.as_ref().and_then(|listen| keep(errors, socket_bind(&levels, &own, listen)));
        let listen_path = listen.as_ref().and_then(|listen| keep(errors, path(listen)));
        let labels = keep(errors, labels::labels(&levels));
        let image_labels = levels.or_default(Setting::ImageLabels);
        let image_labels =
            labels.as_ref().and_then(|all| keep(errors, labels::of_images(all, &image_labels)));
        let parent = levels.last(Setting::CgroupParent).cloned();
        let parent = parent.unwrap_or_else(|| Given::new("none", "--cgroup-parent"));
        let cgroup_parent = keep(errors, sourced(parent, CgroupParent::parse));
        let builds = levels.or_default(Setting::BuildCgroupParent);
        let build_cgroup_parent = keep(errors, sourced(builds, BuildCgroupParent::parse));
        let paths = keep(errors, paths::paths(&levels));
        let volumes = levels.or_default(Setting::AnonymousVolumes);
        let anonymous_volumes = keep(errors, text(&volumes, config::anonymous_volumes));
        let strict = keep(errors, levels.switch(Setting::Strict, false));
        let buildkit = keep(errors, levels.switch(Setting::Buildkit, true));
        let policy = keep(errors, self.policy());
        let inject = inherited(self.level.inject, &self.defaults.inject);
        errors.extend(disagreements(&inject).into_iter().map(UsageError::File));
        let name = self.level.name.map(|name| name.value.to_string_lossy().into_owned());
        let listener = Listener {
            name,
            listen: listen_path?,
            access: access?,
            daemon: daemon_path?,
            labels: labels?,
            image_labels: image_labels?,
            cgroup_parent: cgroup_parent?,
            build_cgroup_parent: build_cgroup_parent?,
            strict: strict?,
            no_buildkit: !buildkit?,
            socket_bind: socket_bind?,
            anonymous_volumes: anonymous_volumes?,
            inject,
            paths: paths?,
            removal: removal?,
            policy: policy?,
            authz: self.level.authz.or_else(|| self.defaults.authz.clone()).unwrap_or_default(),
        };
        errors.extend(nameless(&listener));
        errors.extend(removal::unfit_sockets(&levels, &listener));
        Some(Resolved { listener, listen_by: listen?.by, daemon_by: daemon.by })
    }

    /// Returns its policy: its own, else that of the defaults, else the preset that a flag or a variable names.
    fn policy(&self) -> Result<Option<Arc<Policy>>, UsageError> {
        match self.level.policy.as_ref().or(self.defaults.policy.as_ref()) {
            Some(policy) => Ok(Some(Arc::clone(&policy.value))),
            None => Levels(vec![self.outer]).optional(Setting::Policy, config::policy::named),
        }
    }

    /// Returns the settings that are meant for this listener alone.
    fn own(&self) -> Levels<'_> {
        Levels(if self.single {
            vec![&self.level.settings, self.outer]
        } else {
            vec![&self.level.settings]
        })
    }

    /// Returns the path of the listening socket. Refuses settings of a socket that the service manager passed,
    /// which would have no effect, unless they name its path.
    fn listen(&self, levels: &Levels<'_>) -> Result<Given, UsageError> {
        let own = self.own();
        let listen = own.last(Setting::Listen);
        if let Some(passed) = self.passed {
            let path = &passed.path;
            // A unit may name the same path for a start with and without socket activation.
            let other = listen.filter(|given| {
                let named = socket::socket_path(&given.value);
                !named.is_ok_and(|named| socket::same_socket(&named, path))
            });
            let rest = [Setting::Mode, Setting::Owner, Setting::Group];
            let rest = rest.into_iter().find_map(|setting| own.last(setting));
            return match other.or(rest) {
                Some(given) => Err(UsageError::Passed { by: given.by.clone(), path: path.clone() }),
                None => Ok(Given::new(path, "LISTEN_FDS")),
            };
        }
        match listen {
            Some(given) => Ok(given.clone()),
            None if self.single => Ok(levels.or_default(Setting::Listen)),
            None => Err(UsageError::NoSocket(self.level.at.clone())),
        }
    }
}

/// Refuses the name of a listener in the values of one that has none.
fn nameless(listener: &Listener) -> impl Iterator<Item = UsageError> {
    let lacks = |text: &str| {
        let template = Template::of(text);
        template.placeholders().any(|placeholder| placeholder == (&Placeholder::Listener, None))
    };
    let labels = listener.labels.iter().map(|label| (&*label.by, &*label.value.value));
    let paths = listener.paths.fixed.iter().map(|path| (&*path.from, &*path.host));
    let texts = labels.chain(fixed_parents(listener)).chain(paths);
    let faulty = texts.filter(move |(_, text)| listener.name.is_none() && lacks(text));
    faulty.map(|(by, _)| UsageError::Invalid(by.to_owned(), Invalid::NoListenerName))
}

/// Returns the stats socket for the command `status`.
///
/// # Errors
///
/// A path that cannot be that of a socket.
pub(super) fn stats_socket(given: Option<&Given>) -> Result<PathBuf, UsageError> {
    path(given.unwrap_or(&Given::new(STATS_SOCKET, "--stats-socket")))
}

fn socket_bind(
    levels: &Levels<'_>,
    own: &Levels<'_>,
    listen: &Given,
) -> Result<Sourced<SocketBind>, UsageError> {
    let given = levels.or_default(Setting::SocketBind);
    let source = own.last(Setting::SocketBindSource);
    let value = given.text()?;
    let bind = match value {
        "rewrite" => {
            let source = source.unwrap_or(listen);
            let by = source.by.clone();
            return match socket::mountable(&path(source)?) {
                Ok(path) => Ok(Sourced { value: SocketBind::Rewrite(path), by }),
                Err(why) => Err(UsageError::Invalid(by, why)),
            };
        }
        "pass" => SocketBind::Pass,
        "refuse" => SocketBind::Refuse,
        other => {
            let why = Invalid::SocketBind(other.to_owned());
            return Err(UsageError::Invalid(given.by.clone(), why));
        }
    };
    match source {
        None => Ok(Sourced { value: bind, by: given.by.clone() }),
        Some(Given { by, .. }) => Err(UsageError::NoRewrite {
            by: by.clone(),
            bind: given.by.clone(),
            value: value.to_owned(),
        }),
    }
}

fn path(given: &Given) -> Result<PathBuf, UsageError> {
    socket::socket_path(&given.value).map_err(|why| UsageError::Invalid(given.by.clone(), why))
}

fn sourced<T>(
    given: Given,
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Sourced<T>, UsageError> {
    text(&given, read).map(|value| Sourced { value, by: given.by })
}

pub(super) fn text<T>(
    given: &Given,
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<T, UsageError> {
    read(given.text()?).map_err(|why| UsageError::Invalid(given.by.clone(), why))
}

fn yes_or_no(given: &Given) -> Result<bool, UsageError> {
    let text = given.text()?;
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Ok(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Ok(false),
        _ => Err(UsageError::NotYesOrNo(given.by.clone(), text.to_owned())),
    }
}

#[cfg(test)]
mod tests;
