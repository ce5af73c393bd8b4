//! Implements `--check`: performs the checks of a start, changes nothing, and reports.

use std::convert::Infallible;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::{Exit, Passed, callers, policy};
use crate::config::inject::treatment;
use crate::config::{
    self, BuildCgroupParent, CgroupParent, Config, Invalid, Listener, Removal, SocketAccess,
    Sourced, socket,
};
use crate::engine::shapes::Place;
use crate::net::client::{self, Daemon};
use crate::net::host::authz::{self, NotFound};
use crate::net::host::own_container;
use crate::net::listen::socket::{self as listener, PathState};
use crate::rules::authz::Plugin;
use crate::rules::inject::{Inject, Value};
use crate::rules::socket::SocketBind;
use crate::rules::{AnonymousVolumes, Profile};

/// Result of a check.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Lines for standard output: what a start would do.
    pub plan: Vec<String>,
    /// Probable mistakes that do not prevent a start.
    pub warnings: Vec<String>,
    /// Errors that prevent a start, each with the exit code of that start.
    pub errors: Vec<(Exit, String)>,
}

impl Report {
    /// Returns the exit code: that of the first error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.errors.first().map_or(Exit::Done, |(exit, _)| *exit)
    }

    /// Adds an error, unless another listener has the same.
    fn error(&mut self, exit: Exit, why: String) {
        let error = (exit, why);
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

/// Asks the daemons, looks at the paths of the sockets, and reports what a start would do.
#[must_use]
pub fn check(config: &Config, passed: &[Passed]) -> Report {
    let mut report = Report::default();
    let single = config.listeners.len() == 1;
    for listener in &config.listeners {
        if let Some(name) = &listener.name {
            report.plan.push(format!("listener {name}:"));
        }
        let own =
            passed.iter().filter(|passed| single || listener.name.as_ref() == Some(&passed.name));
        let own: Vec<_> = own.map(|passed| &*passed.path).collect();
        of_listener(listener, &own, &mut report);
    }
    if let Some(path) = &config.stats {
        let daemon = config.listeners.first().map(|listener| &*listener.daemon);
        check_place("stats", path, config.stats_access, daemon.unwrap_or(path), &mut report);
    }
    report
}

/// Asks the authorization plugins of a listener what they are.
fn plugins(listener: &Listener, report: &mut Report) {
    for Plugin { name, responses, from } in &listener.authz {
        let what = if *responses { "requests and responses" } else { "requests" };
        match authz::find(name) {
            Ok(address) => {
                report
                    .plan
                    .push(format!("authorization plugin {name} at {address} decides about {what}"));
                if let Err(why) = authz::activate(&address, client::TIMEOUT) {
                    report.warnings.push(format!("{from}: authorization plugin {name:?}: {why}"));
                }
            }
            Err(why @ NotFound::Missing) => {
                report.plan.push(format!("authorization plugin {name} decides about {what}"));
                report.warnings.push(format!("{from}: authorization plugin {name:?}: {why}"));
            }
            Err(NotFound::Unfit(why)) => {
                report.error(Exit::Usage, format!("{from}: authorization plugin {name:?}: {why}"));
            }
        }
    }
}

/// Reports what a start would do for one listener.
fn of_listener(listener: &Listener, passed: &[&Path], report: &mut Report) {
    let daemon = ask_daemon(listener, report);
    if passed.is_empty() {
        check_place("listening", &listener.listen, listener.access, &listener.daemon, report);
    }
    for path in passed {
        let path = path.display();
        report.plan.push(format!("listening socket {path}: passed by the service manager"));
    }
    let parents = daemon.and_then(|daemon| find_cgroup_parents(listener, &daemon, report));
    let own = parents.clone().unwrap_or_default();
    let Ok(profile) = listener.profile(|| Ok::<_, Infallible>(own));
    let labels = profile.inject.labels().iter();
    report.plan.extend(labels.map(|label| format!("label {}={:?}", label.key, label.value)));
    if parents.is_some() {
        report.plan.extend(cgroup_parents(listener, &profile));
    }
    report.warnings.extend(listener.warnings());
    report.warnings.extend(missing_source(listener, own_container::is_there()));
    report.plan.push(mounts(listener));
    report.plan.extend(choices(listener, &profile));
    report.plan.extend(listener.policy.iter().flat_map(|policy| policy::rules(policy)));
    plugins(listener, report);
}

/// Describes the settings that differ from the defaults, without labels and cgroup parents.
pub fn beyond_default(config: &Listener, profile: &Profile) -> impl Iterator<Item = String> {
    let own = |path: &str| socket::same_socket(Path::new(path), &config.listen);
    let default = matches!(&config.socket_bind.value, SocketBind::Rewrite(path) if own(path));
    let mounts = (!default).then(|| mounts(config));
    mounts.into_iter().chain(choices(config, profile))
}

/// Describes the handling of mounts of the daemon's socket.
fn mounts(config: &Listener) -> String {
    let own = config.removal.job_socket.is_some();
    match &config.socket_bind.value {
        SocketBind::Rewrite(_) if own => {
            "mounts of the daemon's socket are replaced by mounts of the container's own".to_owned()
        }
        SocketBind::Pass => "mounts of the daemon's socket are allowed".to_owned(),
        SocketBind::Refuse => "mounts of the daemon's socket are refused".to_owned(),
        SocketBind::Rewrite(path) => {
            format!("mounts of the daemon's socket are replaced by mounts of {path}")
        }
    }
}

/// Describes the other settings that differ from the defaults.
fn choices(config: &Listener, profile: &Profile) -> impl Iterator<Item = String> {
    let strict = "requests that are not known operations of the Engine API are refused, and BuildKit images \
                  that cannot be labelled";
    let no_buildkit = if config.policy.is_some() {
        "BuildKit's calls are decided about by the policy, but not edited, and its images have no labels"
    } else {
        "BuildKit's connections are forwarded unchanged, and its images have no labels"
    };
    let leave = "anonymous volumes have no labels, unless a client mounts them itself";
    let leaves = config.anonymous_volumes == AnonymousVolumes::Leave;
    let asked = [(config.strict, strict), (config.no_buildkit, no_buildkit), (leaves, leave)];
    let asked = asked.into_iter().filter(|(asked, _)| *asked).map(|(_, line)| line.to_owned());
    let injected = profile.inject.rules().iter().filter_map(injected);
    let caller = profile.of_caller.as_ref().map(|rules| {
        format!("rules depend on the caller; looked up: {}", callers::looked_up(rules.wanted()))
    });
    let policy = config.policy.as_ref().map(|policy| policy::summary(policy));
    let paths = callers::paths(&config.paths).chain(removal(config));
    let before = image_labels(config).into_iter().chain(asked).chain(paths);
    before.chain(injected).chain(caller).chain(policy)
}

/// Describes what is removed of that which clients create, and when.
fn removal(config: &Listener) -> impl Iterator<Item = String> {
    let Removal { on_exit, delay, job_socket, .. } = &config.removal;
    let sockets = job_socket.as_ref();
    let sockets = sockets.map(|path| format!("each container gets a socket of its own at {path}"));
    let jobs = config.removal.removes_jobs().then(|| {
        let seconds = delay.as_secs();
        format!("what containers create is removed {seconds} s after their end")
    });
    let all = "what clients create is removed when the proxy stops for good".to_owned();
    sockets.into_iter().chain(jobs).chain(on_exit.then_some(all))
}

/// Describes the injection of an option.
fn injected(inject: &Inject) -> Option<String> {
    let Place::Field(field) = inject.at else { return None };
    let value = match &inject.value {
        Value::Entry(label) => format!("{}={:?}", label.key, label.value),
        Value::Text(text) => format!("{text:?}"),
        Value::Switch(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::List(list) => format!("{list:?}"),
        Value::Map(map) => {
            let entries = map.iter().map(|label| format!("{}={:?}", label.key, label.value));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Objects(objects) => {
            let objects: Vec<_> = objects.iter().map(|(_, json)| json.as_str()).collect();
            format!("[{}]", objects.join(", "))
        }
    };
    let (section, how) = (field.section.name(), treatment(inject.how));
    Some(format!("{section} {how} {} = {value} ({})", field.path, inject.from))
}

/// Describes the labels of images, unless images get all labels.
fn image_labels(config: &Listener) -> Option<String> {
    let keys: Vec<_> = config.image_labels.iter().map(|label| &*label.value.key).collect();
    match keys.len() {
        all if all == config.labels.len() => None,
        0 => Some("images get no labels".to_owned()),
        _ => Some(format!("images get only these labels: {}", keys.join(", "))),
    }
}

/// Checks the configured cgroup parents against the daemon's cgroup driver. Returns the flag or place of each
/// with an error, a warning, or neither.
pub fn checked_parents<'a>(
    config: &'a Listener,
    driver: &'a str,
) -> impl Iterator<Item = (&'a str, Result<Option<Invalid>, Invalid>)> {
    fixed_parents(config).map(move |(by, parent)| {
        let checked = config::check_driver(driver, parent);
        (by, checked.map(|()| config::driver_warning(driver, parent)))
    })
}

/// Returns the cgroup parents that are known without asking the daemon, each with its flag or place.
pub fn fixed_parents(config: &Listener) -> impl Iterator<Item = (&str, &str)> {
    let (containers, builds) = (&config.cgroup_parent, &config.build_cgroup_parent);
    let of_containers = containers.value.fixed().map(|parent| (&*containers.by, parent));
    let of_builds = builds.value.fixed().map(|parent| (&*builds.by, parent));
    of_containers.into_iter().chain(of_builds)
}

/// Describes the cgroup parents of containers and of builds, if there are any.
pub fn cgroup_parents(config: &Listener, profile: &Profile) -> impl Iterator<Item = String> {
    let inject = &profile.inject;
    let of_caller = config.cgroup_parent.value == CgroupParent::OfCaller;
    let of_containers = inject.cgroup_parent().map(|parent| {
        if of_caller {
            return "cgroup parent: that of the client's own container or process".to_owned();
        }
        format!("cgroup parent {parent:?}")
    });
    let of_builds = match (inject.build_cgroup_parent(), &config.build_cgroup_parent.value) {
        (Some(_), BuildCgroupParent::OfCaller) => Some(
            "cgroup parent of builds: that of the client's own container or process, so each such parent \
             has a cache of its own"
                .to_owned(),
        ),
        (Some(parent), _) => Some(format!("cgroup parent of builds {parent:?}")),
        (None, BuildCgroupParent::Inherit) if of_caller => Some(
            "builds run where the daemon puts them, since a cgroup parent for each caller would empty \
             their cache; --build-cgroup-parent (build_cgroup_parent) changes that"
                .to_owned(),
        ),
        (None, _) => inject.cgroup_parent().map(|_| "builds get no cgroup parent".to_owned()),
    };
    of_containers.into_iter().chain(of_builds)
}

/// Returns a warning if there is no socket at the daemon's path. The daemon may start later.
#[must_use]
pub fn missing_daemon(config: &Listener) -> Option<String> {
    let path = config.daemon.display();
    match fs::metadata(&config.daemon) {
        Ok(meta) if meta.file_type().is_socket() => None,
        Ok(_) => Some(format!("the path of the daemon's socket, {path}, is not a socket")),
        Err(why) if why.kind() == ErrorKind::NotFound => Some(format!(
            "the daemon's socket {path} does not exist; clients get an error until it does"
        )),
        Err(why) => Some(format!("cannot access the daemon's socket {path}: {why}")),
    }
}

/// Returns a warning if nothing exists at `--socket-bind-source`. In a container the host's files are not
/// visible, so there is no warning; nor is there one for the proxy's own socket, which is about to be created.
#[must_use]
pub fn missing_source(config: &Listener, in_container: bool) -> Option<String> {
    let Sourced { value: SocketBind::Rewrite(source), by } = &config.socket_bind else {
        return None;
    };
    let path = Path::new(source);
    let expected = in_container || path.exists() || socket::same_socket(path, &config.listen);
    (!expected).then(|| {
        format!(
            "{by}: nothing exists at {source}; until the listening socket is there, a \
             container that mounts the daemon's socket gets an empty directory or an error"
        )
    })
}

/// Returns the exit code of a start that did not find the cgroup parent of its own container.
#[must_use]
pub fn exit_of(error: &own_container::Error) -> Exit {
    match error {
        own_container::Error::NoContainer | own_container::Error::NoParent(_) => Exit::Failed,
        own_container::Error::Daemon(_) => Exit::NoDaemon,
    }
}

fn ask_daemon(config: &Listener, report: &mut Report) -> Option<Daemon> {
    let path = config.daemon.display();
    match client::daemon(&config.daemon) {
        Ok(daemon) => {
            report.plan.push(format!("daemon {path}: {daemon}"));
            Some(daemon)
        }
        Err(why) => {
            report.error(Exit::NoDaemon, format!("{path}: {why}"));
            None
        }
    }
}

/// Checks that a socket can be created at `path`, with its permissions and owners.
fn check_place(name: &str, path: &Path, given: SocketAccess, daemon: &Path, report: &mut Report) {
    let access = listener::access(given, daemon);
    let place = match listener::look(path).and_then(|place| {
        listener::may_bind(path)?;
        listener::may_give(path, given, daemon)?;
        Ok(place)
    }) {
        Ok(PathState::Free) => "will be created",
        Ok(PathState::Stale) => "will replace a socket on which no program listens",
        Ok(PathState::Taken) => {
            "another program listens there, which must stop before this one starts"
        }
        Err(why) => return report.error(Exit::Failed, why.to_string()),
    };
    let mode = access.mode.map(|mode| format!("mode {mode:04o}"));
    let owner = access.owner.map(|owner| format!("owner {owner}"));
    let group = access.group.map(|group| format!("group {group}"));
    let access: Vec<_> = [mode, owner, group].into_iter().flatten().collect();
    let path = path.display();
    report.plan.push(format!("{name} socket {path}: {place}; {}", access.join(", ")));
}

/// Checks the cgroup parents. Returns that of the own container, empty if it is not needed; `None` if one of
/// them is not usable.
fn find_cgroup_parents(config: &Listener, daemon: &Daemon, report: &mut Report) -> Option<String> {
    let driver = daemon.driver.as_deref().unwrap_or_default();
    let mut usable = true;
    for (by, checked) in checked_parents(config, driver) {
        match checked {
            Ok(warning) => {
                report.warnings.extend(warning.map(|warning| format!("{by}: {warning}")));
            }
            Err(why) => {
                usable = false;
                report.error(Exit::Usage, format!("{by}: {why}"));
            }
        }
    }
    let own = (config.cgroup_parent.value == CgroupParent::OfOwnContainer)
        .then(|| own_container::cgroup_parent(&config.daemon));
    let own = own.transpose().unwrap_or_else(|why| {
        usable = false;
        report.error(exit_of(&why), format!("{} self: {why}", config.cgroup_parent.by));
        None
    });
    usable.then(|| own.unwrap_or_default())
}

#[cfg(test)]
mod tests;
