//! What `--check` does: asks and looks as a start would, changes nothing, and tells.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::Exit;
use crate::config::{self, CgroupParent, Config, Fault, SocketAccess, socket};
use crate::net::ask::{self, Daemon};
use crate::net::listener::{self, Place};
use crate::rules::AnonymousVolumes;
use crate::rules::socket::SocketBind;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What would be done, line by line, for standard output.
    pub plan: Vec<String>,
    /// What may be a slip, but is in nobody's way.
    pub doubts: Vec<String>,
    /// What is in the way, and how a start that stumbles over it would end.
    pub faults: Vec<(Exit, String)>,
}

impl Report {
    /// How the program is to end: as the first fault says.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.faults.first().map_or(Exit::Done, |(exit, _)| *exit)
    }

    fn fault(&mut self, exit: Exit, why: String) {
        self.faults.push((exit, why));
    }
}

/// Asks the daemon, looks at the place of the listening socket, and tells what a start would do.
/// `passed` are the paths of the sockets that a service manager has passed, if it has.
#[must_use]
// Once, so that it is to be small rather than fast.
#[cold]
pub fn check(config: &Config, passed: &[PathBuf]) -> Report {
    let mut report = Report::default();
    let daemon = ask_daemon(config, &mut report);
    if passed.is_empty() {
        let access = config.access;
        look_at_place("listening", &config.listen, access, config, &mut report);
    }
    if let Some(path) = &config.stats {
        look_at_place("stats", path, config.stats_access(), config, &mut report);
    }
    for path in passed {
        report.plan.push(format!("listening socket {}: was passed", path.display()));
    }
    for label in &config.labels {
        report.plan.push(format!("label {}={:?}", label.key, label.value));
    }
    if let Some(daemon) = daemon {
        find_cgroup_parents(config, &daemon, &mut report);
    }
    report.doubts.extend(missing_source(config, ask::in_container()));
    report.plan.push(mounts(config));
    report.plan.extend(choices(config));
    report
}

/// What a start is to tell of the flags beside labels and cgroup parent: what is not as by default.
pub fn beyond_default(config: &Config) -> impl Iterator<Item = String> {
    let own = |path: &str| socket::same_socket(Path::new(path), &config.listen);
    let default = matches!(&config.socket_bind, SocketBind::Rewrite(path) if own(path));
    let mounts = (!default).then(|| mounts(config));
    mounts.into_iter().chain(choices(config))
}

/// What is done with mounts of the daemon's socket.
fn mounts(config: &Config) -> String {
    match &config.socket_bind {
        SocketBind::Pass => "mounts of the daemon's socket pass".to_owned(),
        SocketBind::Refuse => "mounts of the daemon's socket are refused".to_owned(),
        SocketBind::Rewrite(path) => {
            format!("mounts of the daemon's socket become those of {path}")
        }
    }
}

/// What was asked for besides, and is not done by default.
fn choices(config: &Config) -> impl Iterator<Item = String> {
    let strict = "what is not known to the Engine API is refused, and images of BuildKit that cannot be \
                  labelled";
    let no_buildkit = "what BuildKit builds passes without labels";
    let leave =
        "anonymous volumes come into being without labels, unless a client mounts them itself";
    let leaves = config.anonymous_volumes == AnonymousVolumes::Leave;
    let asked = [(config.strict, strict), (config.no_buildkit, no_buildkit), (leaves, leave)];
    let asked = asked.into_iter().filter(|(asked, _)| *asked).map(|(_, line)| line.to_owned());
    image_labels(config).into_iter().chain(asked)
}

/// The labels of images, where these are not all.
fn image_labels(config: &Config) -> Option<String> {
    let keys: Vec<_> = config.image_labels.iter().map(|label| &*label.key).collect();
    match keys.len() {
        all if all == config.labels.len() => None,
        0 => Some("images get no labels".to_owned()),
        _ => Some(format!("images get these labels alone: {}", keys.join(", "))),
    }
}

/// The cgroup parents that were named, each with its flag, and what a daemon with this cgroup driver
/// makes of it: a fault, or a doubt.
pub fn judged(
    config: &Config,
    driver: &str,
) -> impl Iterator<Item = (&'static str, Result<Option<Fault>, Fault>)> {
    named_parents(config).map(move |(flag, parent)| {
        let judged = config::check_driver(driver, parent);
        (flag, judged.map(|()| config::driver_doubt(driver, parent)))
    })
}

/// The cgroup parents that were named, each with its flag.
pub fn named_parents(config: &Config) -> impl Iterator<Item = (&'static str, &str)> {
    let containers = config.cgroup_parent.fixed().map(|parent| ("--cgroup-parent", parent));
    let builds = config.build_cgroup_parent.fixed();
    containers.into_iter().chain(builds.map(|parent| ("--build-cgroup-parent", parent)))
}

/// What containers and builds get, if that is anything.
pub fn cgroup_parents(
    containers: Option<&str>,
    builds: Option<&str>,
) -> impl Iterator<Item = String> {
    let of_containers = containers.map(|parent| format!("cgroup parent {parent:?}"));
    let of_builds = match builds {
        Some(parent) => Some(format!("cgroup parent of builds {parent:?}")),
        None => containers.map(|_| "no cgroup parent is forced on builds".to_owned()),
    };
    of_containers.into_iter().chain(of_builds)
}

/// A doubt if the daemon's socket is not where it is said to be. It may come later.
#[must_use]
pub fn missing_daemon(config: &Config) -> Option<String> {
    let path = config.daemon.display();
    match fs::metadata(&config.daemon) {
        Ok(meta) if meta.file_type().is_socket() => None,
        Ok(_) => Some(format!("{path}, which is to be the daemon's socket, is no socket")),
        Err(why) if why.kind() == ErrorKind::NotFound => Some(format!(
            "the daemon's socket {path} is not there; clients are told so until it is"
        )),
        Err(why) => Some(format!("the daemon's socket {path} cannot be seen: {why}")),
    }
}

/// A doubt if nothing is where the listening socket is said to be on the host. In a container that
/// cannot be told, and our own socket is there once it is made.
#[must_use]
pub fn missing_source(config: &Config, in_container: bool) -> Option<String> {
    let SocketBind::Rewrite(source) = &config.socket_bind else {
        return None;
    };
    let path = Path::new(source);
    let told = in_container || path.exists() || socket::same_socket(path, &config.listen);
    (!told).then(|| {
        format!(
            "--socket-bind-source: nothing is at {source}; until the listening socket is there, a \
             container that mounts the daemon's socket gets an empty folder or an error"
        )
    })
}

/// How a start ends to which the daemon gave no answer, or one that does not help.
#[must_use]
pub fn exit_of(error: &ask::Error) -> Exit {
    match error {
        ask::Error::NoContainer | ask::Error::NoParent(_) => Exit::Failed,
        _ => Exit::NoDaemon,
    }
}

fn ask_daemon(config: &Config, report: &mut Report) -> Option<Daemon> {
    let path = config.daemon.display();
    match ask::daemon(&config.daemon) {
        Ok(daemon) => {
            report.plan.push(format!("daemon {path}: {daemon}"));
            Some(daemon)
        }
        Err(why) => {
            report.fault(exit_of(&why), format!("{path}: {why}"));
            None
        }
    }
}

fn look_at_place(
    name: &str,
    path: &Path,
    given: SocketAccess,
    config: &Config,
    report: &mut Report,
) {
    let access = listener::access(given, &config.daemon);
    let place = match listener::look(path).and_then(|place| {
        listener::may_bind(path)?;
        listener::may_give(path, given, &config.daemon)?;
        Ok(place)
    }) {
        Ok(Place::Free) => "will be made",
        Ok(Place::Stale) => "will replace one on which nobody listens",
        Ok(Place::Taken) => "a program listens there, and must end before this one starts",
        Err(why) => return report.fault(Exit::Failed, why.to_string()),
    };
    let mode = access.mode.map(|mode| format!("mode {mode:04o}"));
    let owner = access.owner.map(|owner| format!("owner {owner}"));
    let group = access.group.map(|group| format!("group {group}"));
    let said: Vec<_> = [mode, owner, group].into_iter().flatten().collect();
    let path = path.display();
    report.plan.push(format!("{name} socket {path}: {place}; {}", said.join(", ")));
}

fn find_cgroup_parents(config: &Config, daemon: &Daemon, report: &mut Report) {
    let driver = daemon.driver.as_deref().unwrap_or_default();
    let mut usable = true;
    for (flag, judged) in judged(config, driver) {
        match judged {
            Ok(doubt) => report.doubts.extend(doubt.map(|doubt| format!("{flag}: {doubt}"))),
            Err(fault) => {
                usable = false;
                report.fault(Exit::Usage, format!("{flag}: {fault}"));
            }
        }
    }
    let own = (config.cgroup_parent == CgroupParent::OfOwnContainer)
        .then(|| ask::own_cgroup_parent(&config.daemon));
    let own = own.transpose().unwrap_or_else(|why| {
        usable = false;
        report.fault(exit_of(&why), format!("--cgroup-parent self: {why}"));
        None
    });
    if usable {
        let containers = own.as_deref().or(config.cgroup_parent.fixed());
        let builds = config.build_cgroup_parent.beside(containers);
        report.plan.extend(cgroup_parents(containers, builds.as_deref()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Command, parse};

    fn config(words: &str) -> Config {
        match parse(words.split(' ').map(Into::into), |_| None, None) {
            Ok(Command::Run(config)) => config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_place_on_the_host_is_missed_only_where_the_host_is_seen() {
        let folder = std::env::temp_dir().join(format!("dcp-source-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        fs::write(at("there"), "").unwrap();
        let of = |source: &str| config(&format!("--ls {} --socket-bind-source {source}", at("l")));
        let missed = |source: &str| missing_source(&of(source), false).is_some();
        assert!(missed(&at("none")));
        assert!(!missed(&at("./l")) && !missed(&at("there")));
        assert_eq!(missing_source(&of(&at("none")), true), None);
        assert_eq!(missing_source(&config("--ls /nowhere"), false), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
