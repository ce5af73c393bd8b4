//! The command `run`: serves a command at a socket of its own, and then removes what that created.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Display;
use std::fs::{self, DirBuilder};
use std::io::{self, IsTerminal};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use dockerd_ci_proxy::cli::check::fixed_parents;
use dockerd_ci_proxy::cli::orders::{Format, RunOrder};
use dockerd_ci_proxy::cli::profiles::profiles;
use dockerd_ci_proxy::cli::{Exit, report, variables};
use dockerd_ci_proxy::config::SocketAccess;
use dockerd_ci_proxy::net::command::{Limits, Signals};
use dockerd_ci_proxy::net::listen::Listener;
use dockerd_ci_proxy::net::reap::{Removal, cgroups};
use dockerd_ci_proxy::net::service::notify::Manager;
use dockerd_ci_proxy::net::{self, Server, client};
use dockerd_ci_proxy::reap::{Criteria, Report};
use dockerd_ci_proxy::rules::{Label, own};
use log::{LevelFilter, error, warn};
use rustix::process::getegid;
use serde_json::json;

use super::{print_error, print_line, reap, unknown_variables};

/// Variables that would lead the docker command to another daemon.
const MISLEADING: [&str; 4] =
    ["DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/// The exit codes of a command that cannot be started, as a shell has them.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

/// Runs the command, and then removes what it created.
pub(super) fn run(order: RunOrder) -> ExitCode {
    net::log::start(order.config.log_format, order.config.debug);
    if !order.config.debug {
        log::set_max_level(LevelFilter::Warn);
    }
    for unknown in unknown_variables() {
        warn!("{unknown}");
    }
    // Those that exist are somebody else's.
    let parents = order.config.listeners.iter().flat_map(fixed_parents);
    let parents = cgroups::absent(parents.map(|(_, parent)| parent));
    let (signals, ended) = match served(&order) {
        Ok(served) => served,
        Err(exit) => return exit.into(),
    };
    match ended {
        Ok(code) => match (code, removed(order, parents, &signals)) {
            (0, exit) => exit.into(),
            (code, _) => code.into(),
        },
        // Nothing was created.
        Err(why) => {
            error!("cannot run {:?}: {why}", order.program.to_string_lossy());
            match why.kind() {
                io::ErrorKind::NotFound => NOT_FOUND.into(),
                _ => NOT_EXECUTABLE.into(),
            }
        }
    }
}

/// Serves while the command runs. Returns its exit code, or the reason why it was not started. Logs other errors and
/// returns their exit code.
fn served(order: &RunOrder) -> Result<(Signals, io::Result<u8>), Exit> {
    let RunOrder { daemon, config, .. } = order;
    if let Err(why) = client::ping(&daemon.path) {
        error!("{} ({}): {why}; the command was not run", daemon.path.display(), daemon.by);
        return Err(Exit::NoDaemon);
    }
    let profiles = profiles(config).map_err(|errors| super::serve::logged(&errors))?;
    let (Some(listener), Some(rules)) = (config.listeners.first(), profiles.first()) else {
        return Err(Exit::Failed);
    };
    listener.warnings().for_each(|warning| warn!("{warning}"));
    // From here on a signal does not leave files behind.
    let signals = Signals::catch().map_err(failed("cannot handle signals"))?;
    let _directory = Directory::create(&listener.listen)?;
    let access = SocketAccess { mode: Some(0o600), owner: None, group: Some(getegid().as_raw()) };
    let socket = Listener::bind(&listener.listen, access, &listener.daemon)
        .map_err(failed("cannot listen"))?;
    let group = super::serve::group(listener, rules, vec![socket]);
    let server = Server::without_signals(vec![group], config.drain, Manager::nobody())
        .map_err(failed("cannot serve"))?;
    let mut command = command(order, &listener.listen);
    let limits = Limits { timeout: order.timeout, grace: order.grace };
    announce(order);
    let ended = server.run_while(move || {
        let ended = signals.pass_to(&mut command, limits);
        (signals, ended)
    });
    ended.map_err(failed("cannot start a thread"))?.ok_or(Exit::Failed)
}

/// Logs an error with the step that it ends.
fn failed<E: Display>(step: &str) -> impl Fn(E) -> Exit + '_ {
    move |why| {
        error!("{step}: {why}");
        Exit::Failed
    }
}

/// Returns the command, which finds the proxy by its environment.
fn command(order: &RunOrder, socket: &Path) -> process::Command {
    let mut command = process::Command::new(&order.program);
    let mut host = OsString::from("unix://");
    host.push(socket);
    command.args(&order.arguments).env("DOCKER_HOST", host);
    command.env(variables::RUN, &order.id);
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
}

/// Prints the daemon and the id of the run, by which everything can be removed if this process is killed.
fn announce(RunOrder { id, daemon, format, .. }: &RunOrder) {
    let path = daemon.path.display();
    match format {
        Format::Text => {
            print_error(&format_args!("run {id} uses the daemon at {path} ({})", daemon.by));
        }
        Format::Json => {
            let line = json!({ "run": id, "daemon": path.to_string(), "by": daemon.by });
            print_line(&line);
        }
    }
}

/// Removes what the command created and these cgroup parents, if they are empty. Reports it on standard error, since
/// standard output is the command's.
fn removed(order: RunOrder, parents: BTreeSet<String>, signals: &Signals) -> Exit {
    let RunOrder { id, daemon, keep, grace, format, .. } = order;
    let socket = quoted(&daemon.path.display().to_string());
    let by_hand =
        format!("dockerd-ci-proxy reap --dockersocket {socket} --label {}={id}", own::RUN);
    let label = Label { key: own::RUN.to_owned(), value: id };
    let criteria = Criteria { labels: vec![label], older_than: None, keep };
    let removal = Removal { daemon: daemon.path, criteria, grace, dry_run: false, parents };
    let noted = || {
        // Behind the progress.
        let line = if io::stderr().is_terminal() { "\n" } else { "" };
        print_line(&format_args!(
            "{line}dockerd-ci-proxy: still removing what the command created; another signal ends this"
        ));
    };
    let is_done = match signals.during(move || reap::report(&removal, false), noted) {
        Ok(Some(Ok(report))) => {
            print_report(&report, format);
            report.left.is_empty()
        }
        Ok(Some(Err(_))) => false,
        Ok(None) => {
            warn!("the removal was ended by a signal");
            false
        }
        Err(why) => {
            error!("cannot start a thread: {why}");
            false
        }
    };
    if is_done {
        return Exit::Done;
    }
    print_error(&format_args!("to remove the rest: {by_hand}"));
    Exit::Left
}

/// Quotes a word for a shell, if that is necessary.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "/._-+:@%".contains(letter);
    if word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn print_report(report: &Report, format: Format) {
    match format {
        Format::Text => report::brief(report).iter().for_each(print_error),
        // It ends with a line end.
        Format::Json => print_line(&report::render(report, format, false).trim_end()),
    }
}

/// The directory of the socket; removed when dropped.
struct Directory(PathBuf);

impl Directory {
    /// Creates the directory of a socket, which nobody else can enter.
    fn create(socket: &Path) -> Result<Self, Exit> {
        let directory = socket.parent().unwrap_or(socket).to_owned();
        DirBuilder::new().mode(0o700).create(&directory).map_err(|why| {
            let shown = directory.display();
            error!("cannot create {shown}, below XDG_RUNTIME_DIR or TMPDIR: {why}");
            Exit::Failed
        })?;
        Ok(Self(directory))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(why) = fs::remove_dir_all(&self.0) {
            warn!("cannot remove {}: {why}", self.0.display());
        }
    }
}
