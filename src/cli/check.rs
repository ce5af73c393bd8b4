//! Implements `--check`: performs the checks of a start, changes nothing, and reports.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::Exit;
use crate::config::{self, CgroupParent, Config, Invalid, SocketAccess, socket};
use crate::net::client::{self, Daemon};
use crate::net::host::own_container;
use crate::net::listen::socket::{self as listener, PathState};
use crate::rules::AnonymousVolumes;
use crate::rules::socket::SocketBind;

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

    fn error(&mut self, exit: Exit, why: String) {
        self.errors.push((exit, why));
    }
}

/// Asks the daemon, looks at the paths of the sockets, and reports what a start would do. `passed` are the
/// paths of the listening sockets of the service manager, if it passed any.
#[must_use]
pub fn check(config: &Config, passed: &[PathBuf]) -> Report {
    let mut report = Report::default();
    let daemon = ask_daemon(config, &mut report);
    if passed.is_empty() {
        check_place("listening", &config.listen, config.access, config, &mut report);
    }
    if let Some(path) = &config.stats {
        check_place("stats", path, config.stats_access(), config, &mut report);
    }
    for path in passed {
        let path = path.display();
        report.plan.push(format!("listening socket {path}: passed by the service manager"));
    }
    for label in &config.labels {
        report.plan.push(format!("label {}={:?}", label.key, label.value));
    }
    if let Some(daemon) = daemon {
        find_cgroup_parents(config, &daemon, &mut report);
    }
    report.warnings.extend(missing_source(config, own_container::is_there()));
    report.plan.push(mounts(config));
    report.plan.extend(choices(config));
    report
}

/// Describes the settings that differ from the defaults, without labels and cgroup parents.
pub fn beyond_default(config: &Config) -> impl Iterator<Item = String> {
    let own = |path: &str| socket::same_socket(Path::new(path), &config.listen);
    let default = matches!(&config.socket_bind, SocketBind::Rewrite(path) if own(path));
    let mounts = (!default).then(|| mounts(config));
    mounts.into_iter().chain(choices(config))
}

/// Describes the handling of mounts of the daemon's socket.
fn mounts(config: &Config) -> String {
    match &config.socket_bind {
        SocketBind::Pass => "mounts of the daemon's socket are allowed".to_owned(),
        SocketBind::Refuse => "mounts of the daemon's socket are refused".to_owned(),
        SocketBind::Rewrite(path) => {
            format!("mounts of the daemon's socket are replaced by mounts of {path}")
        }
    }
}

/// Describes the other settings that differ from the defaults.
fn choices(config: &Config) -> impl Iterator<Item = String> {
    let strict = "requests that are not known operations of the Engine API are refused, and BuildKit images \
                  that cannot be labelled";
    let no_buildkit =
        "BuildKit's connections are forwarded unchanged, and its images have no labels";
    let leave = "anonymous volumes have no labels, unless a client mounts them itself";
    let leaves = config.anonymous_volumes == AnonymousVolumes::Leave;
    let asked = [(config.strict, strict), (config.no_buildkit, no_buildkit), (leaves, leave)];
    let asked = asked.into_iter().filter(|(asked, _)| *asked).map(|(_, line)| line.to_owned());
    image_labels(config).into_iter().chain(asked)
}

/// Describes the labels of images, unless images get all labels.
fn image_labels(config: &Config) -> Option<String> {
    let keys: Vec<_> = config.image_labels.iter().map(|label| &*label.key).collect();
    match keys.len() {
        all if all == config.labels.len() => None,
        0 => Some("images get no labels".to_owned()),
        _ => Some(format!("images get only these labels: {}", keys.join(", "))),
    }
}

/// Checks the configured cgroup parents against the daemon's cgroup driver. Returns the flag of each with an
/// error, a warning, or neither.
pub fn checked_parents(
    config: &Config,
    driver: &str,
) -> impl Iterator<Item = (&'static str, Result<Option<Invalid>, Invalid>)> {
    fixed_parents(config).map(move |(flag, parent)| {
        let checked = config::check_driver(driver, parent);
        (flag, checked.map(|()| config::driver_warning(driver, parent)))
    })
}

/// Returns the cgroup parents that are known without asking the daemon, each with its flag.
pub fn fixed_parents(config: &Config) -> impl Iterator<Item = (&'static str, &str)> {
    let containers = config.cgroup_parent.fixed().map(|parent| ("--cgroup-parent", parent));
    let builds = config.build_cgroup_parent.fixed();
    containers.into_iter().chain(builds.map(|parent| ("--build-cgroup-parent", parent)))
}

/// Describes the cgroup parents of containers and of builds, if there are any.
pub fn cgroup_parents(
    containers: Option<&str>,
    builds: Option<&str>,
) -> impl Iterator<Item = String> {
    let of_containers = containers.map(|parent| format!("cgroup parent {parent:?}"));
    let of_builds = match builds {
        Some(parent) => Some(format!("cgroup parent of builds {parent:?}")),
        None => containers.map(|_| "builds get no cgroup parent".to_owned()),
    };
    of_containers.into_iter().chain(of_builds)
}

/// Returns a warning if there is no socket at the daemon's path. The daemon may start later.
#[must_use]
pub fn missing_daemon(config: &Config) -> Option<String> {
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
pub fn missing_source(config: &Config, in_container: bool) -> Option<String> {
    let SocketBind::Rewrite(source) = &config.socket_bind else {
        return None;
    };
    let path = Path::new(source);
    let expected = in_container || path.exists() || socket::same_socket(path, &config.listen);
    (!expected).then(|| {
        format!(
            "--socket-bind-source: nothing exists at {source}; until the listening socket is there, a \
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

fn ask_daemon(config: &Config, report: &mut Report) -> Option<Daemon> {
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
fn check_place(name: &str, path: &Path, given: SocketAccess, config: &Config, report: &mut Report) {
    let access = listener::access(given, &config.daemon);
    let place = match listener::look(path).and_then(|place| {
        listener::may_bind(path)?;
        listener::may_give(path, given, &config.daemon)?;
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

fn find_cgroup_parents(config: &Config, daemon: &Daemon, report: &mut Report) {
    let driver = daemon.driver.as_deref().unwrap_or_default();
    let mut usable = true;
    for (flag, checked) in checked_parents(config, driver) {
        match checked {
            Ok(warning) => {
                report.warnings.extend(warning.map(|warning| format!("{flag}: {warning}")));
            }
            Err(why) => {
                usable = false;
                report.error(Exit::Usage, format!("{flag}: {why}"));
            }
        }
    }
    let own = (config.cgroup_parent == CgroupParent::OfOwnContainer)
        .then(|| own_container::cgroup_parent(&config.daemon));
    let own = own.transpose().unwrap_or_else(|why| {
        usable = false;
        report.error(exit_of(&why), format!("--cgroup-parent self: {why}"));
        None
    });
    if usable {
        let containers = own.as_deref().or(config.cgroup_parent.fixed());
        let builds = config.build_cgroup_parent.beside(containers);
        report.plan.extend(cgroup_parents(containers, builds.as_deref()));
    }
}

#[cfg(test)]
mod tests;
