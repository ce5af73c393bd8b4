//! Serving: makes the listeners of the configuration, and serves until a signal stops it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use dockerd_ci_proxy::cli::check;
use dockerd_ci_proxy::cli::profiles::{ListenerRules, profiles};
use dockerd_ci_proxy::cli::{self, Command, Exit, Passed};
use dockerd_ci_proxy::config::{self, Config, SocketAccess};
use dockerd_ci_proxy::net::host::own_container;
use dockerd_ci_proxy::net::listen::Listener;
use dockerd_ci_proxy::net::listen::jobs::JobSockets;
use dockerd_ci_proxy::net::listen::socket::may_give;
use dockerd_ci_proxy::net::service::handover::{Program, Start};
use dockerd_ci_proxy::net::service::notify::Manager;
use dockerd_ci_proxy::net::{EarlySignal, JobPlan, ListenerGroup, ListenerPlan, Server};
use dockerd_ci_proxy::reap::jobs::Rule;
use dockerd_ci_proxy::rules::Profile;
use dockerd_ci_proxy::rules::socket::SocketBind;
use log::{error, info, warn};

use super::{on_exit, passed, variable};

/// Serves until a signal stops it. Logs errors and returns their exit code.
pub(super) fn serve(
    config: &Config,
    start: Start,
    program: Program,
    early: &EarlySignal,
) -> Result<Exit, Exit> {
    let passed: Vec<_> = start.passed().map(passed).collect();
    let (mut sockets, predecessor) = match start {
        Start::First(sockets) => (sockets, None),
        Start::Next(sockets, predecessor) => (sockets, Some(predecessor)),
    };
    let profiles = profiles(config).map_err(|errors| logged(&errors))?;
    let jobs = std::mem::take(&mut sockets.jobs);
    let (groups, mut removed) = groups(config, &profiles, sockets.clients)?;
    // The rules of the clients of a removed socket are known to the previous process only.
    let takes_clients = removed.is_empty();
    let stats = stats(config, sockets.stats.take(), &mut removed)?;
    let paths: Vec<Vec<PathBuf>> = groups
        .iter()
        .map(|group| group.listeners.iter().map(|listener| listener.path().to_owned()).collect())
        .collect();
    // With a terminal, SIGHUP means that the terminal has closed, not an upgrade.
    let program = Some(program).filter(|_| !has_terminal());
    let mut server =
        Server::new(groups, config.drain, manager(), program).map_err(|why| loop_failed(&why))?;
    removed.extend(server.take_jobs(jobs));
    let stats_path = stats.as_ref().map(|listener| listener.path().to_owned());
    if let (Some(listener), Some(first)) = (stats, config.listeners.first()) {
        server.answer_at(listener, &first.daemon).map_err(|why| loop_failed(&why))?;
    }
    if config.file.is_some() {
        let config = config.clone();
        server.reload_by(move || read_again(&config, &passed), early);
    }
    if let Some(predecessor) = predecessor {
        server.relieve(predecessor, takes_clients).map_err(|why| {
            error!("the previous process did not hand over: {why}");
            Exit::Failed
        })?;
        change_files(&mut server, config, removed);
    }
    // Not earlier: a reader of these lines may send a signal at once, which is handled from here on.
    if let Some(path) = stats_path {
        info!("serving /metrics, /healthz and /readyz on {}", path.display());
    }
    for ((listener, rules), paths) in config.listeners.iter().zip(&profiles).zip(&paths) {
        announce(listener, paths, &rules.profile);
    }
    run(server)
}

/// Serves until a signal stops it, and then removes what is due.
fn run(server: Server) -> Result<Exit, Exit> {
    let stopped = server.run().map_err(|why| loop_failed(&why))?;
    announce_stop(stopped.cut, stopped.handed_over);
    if !stopped.reaps.is_empty() {
        on_exit::remove(&stopped.reaps, &manager());
    }
    Ok(Exit::Done)
}

/// Logs errors, and returns the exit code of the first one.
pub(super) fn logged(errors: &[(Exit, String)]) -> Exit {
    for (_, why) in errors {
        error!("{why}");
    }
    errors.first().map_or(Exit::Failed, |(exit, _)| *exit)
}

fn announce_stop(cut: usize, handed_over: usize) {
    let handed_over = match handed_over {
        0 => String::new(),
        _ => format!(", {handed_over} were handed over"),
    };
    info!("stopped; {cut} connections were cut off{handed_over}");
}

/// Gives the sockets of the previous process their new owners, and closes those that are `removed`. Not done
/// earlier: while that process could go on, its clients needed the files.
fn change_files(server: &mut Server, config: &Config, removed: Vec<Listener>) {
    for config::Listener { listen, access, daemon, .. } in &config.listeners {
        server.set_access(listen, *access, daemon);
    }
    if let (Some(path), Some(first)) = (&config.stats, config.listeners.first()) {
        server.set_access(path, config.stats_access, &first.daemon);
    }
    for mut listener in removed {
        info!("the socket {} is of no listener any more; it is closed", listener.path().display());
        listener.take_file();
    }
}

/// Reads the configuration of a running process again. `old` is the one from its start.
fn read_again(old: &Config, passed: &[Passed]) -> Result<Vec<ListenerPlan>, Vec<String>> {
    let lines =
        |errors: Vec<cli::UsageError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
    let config = match cli::parse(std::env::args_os().skip(1), variable, passed).map_err(lines)? {
        Command::Serve(config) => config,
        other => return Err(vec![format!("the command line asks for {other:?}")]),
    };
    let of_process = |config: &Config| Config { listeners: Vec::new(), ..config.clone() };
    if of_process(&config) != of_process(old) {
        warn!("drain_time, log_format, debug and stats_socket change at the next start or SIGHUP");
    }
    let profiles = profiles(&config)
        .map_err(|errors| errors.into_iter().map(|(_, why)| why).collect::<Vec<_>>())?;
    for listener in &config.listeners {
        listener.warnings().for_each(|warning| warn!("{}{warning}", prefix(listener)));
    }
    let plan = |(listener, rules): (config::Listener, ListenerRules)| {
        let jobs = job_plan(&listener, &rules);
        let reaps = removal(&listener, jobs.as_ref());
        ListenerPlan {
            jobs,
            reaps,
            name: listener.name.unwrap_or_default(),
            path: listener.listen,
            access: listener.access,
            profile: rules.profile,
            daemon: listener.daemon,
        }
    };
    Ok(config.listeners.into_iter().zip(profiles).map(plan).collect())
}

/// Gives each listener the sockets that were passed for it, or else creates one. Also returns the sockets that
/// no listener has any more.
fn groups(
    config: &Config,
    profiles: &[ListenerRules],
    passed: Vec<Listener>,
) -> Result<(Vec<ListenerGroup>, Vec<Listener>), Exit> {
    let mut left = passed;
    let mut groups = Vec::new();
    for (listener, rules) in config.listeners.iter().zip(profiles) {
        let single = config.listeners.len() == 1;
        let name = listener.name.clone().unwrap_or_default();
        let is_own = |socket: &Listener| socket.is_of(&name, &listener.listen, single);
        let (mut sockets, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(is_own);
        left = rest;
        // The file may give a socket of the previous process other owners.
        for socket in sockets.iter().filter(|socket| !socket.is_passed()) {
            may_give(socket.path(), listener.access, &listener.daemon).map_err(|why| {
                error!("{why}");
                Exit::Failed
            })?;
        }
        if sockets.is_empty() {
            sockets.push(bind(&listener.listen, listener.access, &listener.daemon)?);
        }
        groups.push(ListenerGroup { name, ..group(listener, rules, sockets) });
    }
    ListenerGroup::recognize_each_other(&mut groups);
    Ok((groups, left))
}

/// Makes a group of these sockets.
pub(super) fn group(
    listener: &config::Listener,
    rules: &ListenerRules,
    sockets: Vec<Listener>,
) -> ListenerGroup {
    let jobs = job_plan(listener, rules);
    let reaps = removal(listener, jobs.as_ref());
    let group = ListenerGroup::new(sockets, rules.profile.clone(), listener.daemon.clone());
    ListenerGroup { jobs, reaps, ..group }
}

/// Returns the removal for a listener whose containers get these sockets, if any.
fn removal(listener: &config::Listener, jobs: Option<&JobPlan>) -> Rule {
    let sockets = jobs.map(|jobs| jobs.sockets.host_folder().to_owned());
    Rule { sockets, ..Rule::of(listener) }
}

/// Returns the plan of the sockets that containers of a listener get, if they get some.
fn job_plan(listener: &config::Listener, rules: &ListenerRules) -> Option<JobPlan> {
    let profile = rules.of_jobs.clone()?;
    let config::Listener { listen, access, daemon, .. } = listener;
    let source = match &listener.socket_bind.value {
        SocketBind::Rewrite(source) => Path::new(source),
        SocketBind::Refuse | SocketBind::Pass => listen,
    };
    Some(JobPlan { profile, sockets: JobSockets::beside(listen, source, *access, daemon) })
}

/// Returns the stats socket that was passed, or else creates the configured one, if any. Adds that of the
/// previous process to those that are `removed` if the file has another one, or none.
fn stats(
    config: &Config,
    mut passed: Option<Listener>,
    removed: &mut Vec<Listener>,
) -> Result<Option<Listener>, Exit> {
    let is_at = |path: &Path, listener: &Listener| {
        std::path::absolute(path).is_ok_and(|path| path == listener.path())
    };
    let stays = |listener: &mut Listener| {
        listener.is_passed() || config.stats.as_ref().is_some_and(|path| is_at(path, listener))
    };
    removed.extend(passed.take_if(|listener| !stays(listener)));
    match (passed, &config.stats) {
        (Some(listener), Some(path)) if listener.is_passed() => {
            let (passed, own) = (listener.path().display(), path.display());
            error!(
                "--stats-socket: {own} has no effect, since the stats socket {passed} was passed; remove one of them"
            );
            Err(Exit::Usage)
        }
        (None, Some(path)) => {
            let daemon = config.listeners.first().map(|listener| &*listener.daemon);
            bind(path, config.stats_access, daemon.unwrap_or(path)).map(Some)
        }
        (passed, _) => Ok(passed),
    }
}

fn bind(path: &Path, access: SocketAccess, daemon: &Path) -> Result<Listener, Exit> {
    Listener::bind(path, access, daemon).map_err(|why| {
        error!("{why}");
        Exit::Failed
    })
}

/// Connects to the service manager, if any. The proxy serves even if that fails.
fn manager() -> Manager {
    Manager::named(variable).unwrap_or_else(|why| {
        warn!("cannot reach the service manager at NOTIFY_SOCKET: {why}");
        Manager::nobody()
    })
}

fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

fn loop_failed(why: &std::io::Error) -> Exit {
    error!("the event loop failed: {why}");
    Exit::Failed
}

/// Returns the beginning of log lines about a listener.
fn prefix(listener: &config::Listener) -> String {
    listener.name.as_ref().map_or(String::new(), |name| format!("{name}: "))
}

/// Logs the configuration of a listener, and last that the proxy serves.
fn announce(config: &config::Listener, listening: &[PathBuf], profile: &Profile) {
    let name = prefix(config);
    let source = check::missing_source(config, own_container::is_there());
    let warnings = source.into_iter().chain(check::missing_daemon(config));
    for warning in warnings.chain(config.warnings()) {
        warn!("{name}{warning}");
    }
    for label in profile.inject.labels() {
        info!("{name}label {}={:?}", label.key, label.value);
    }
    for line in check::cgroup_parents(config, profile) {
        info!("{name}{line}");
    }
    for setting in check::beyond_default(config, profile) {
        info!("{name}{setting}");
    }
    let (daemon, version) = (config.daemon.display(), env!("CARGO_PKG_VERSION"));
    for path in listening {
        let path = path.display();
        info!("{name}listening on {path}, for the daemon at {daemon}; version {version}");
    }
}
