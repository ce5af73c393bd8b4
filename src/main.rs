//! The program: reads the command line, asks the daemon what must be known before, serves.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dockerd_ci_proxy::cli::check::{self, Report, check, exit_of};
use dockerd_ci_proxy::cli::{self, Command, Exit};
use dockerd_ci_proxy::config::{Config, SocketAccess};
use dockerd_ci_proxy::net::activation::Sockets;
use dockerd_ci_proxy::net::handover::{self, Program, Start};
use dockerd_ci_proxy::net::listener::Listener;
use dockerd_ci_proxy::net::notify::Manager;
use dockerd_ci_proxy::net::{self, Server, Service, ask};
use dockerd_ci_proxy::rules::Injection;
use log::{error, info, warn};

// Once, so that it is to be small rather than fast; so are those below.
#[cold]
fn main() -> ExitCode {
    // Before all else, since passed descriptors have no owner yet.
    let started = Program::own()
        .map_err(handover::Error::Handover)
        .and_then(|program| Ok((handover::start(&program, variable)?, program)));
    let (start, program) = match started {
        Ok((Some(start), program)) => (start, program),
        Ok((None, _)) => return Exit::Done.into(),
        Err(error) => {
            complain(&error);
            return Exit::Failed.into();
        }
    };
    let exit = match cli::parse(std::env::args_os().skip(1), variable, start.passed_path()) {
        Ok(Command::Help(text) | Command::Version(text)) => printed(&text, Exit::Done),
        Ok(Command::Check(config)) => {
            for unknown in unknown_variables() {
                complain(&format_args!("warn: {unknown}"));
            }
            tell(&check(&config, &paths(&start.sockets().clients)))
        }
        Ok(Command::Status(socket)) => status(&socket),
        Ok(Command::Run(config)) => {
            net::log::start(config.log_format, config.debug);
            for unknown in unknown_variables() {
                warn!("{unknown}");
            }
            run(&config, start, program).unwrap_or_else(|exit| exit)
        }
        Err(error) => {
            complain(&error);
            Exit::Usage
        }
    };
    exit.into()
}

/// Prints how the proxy does that answers at `socket`; done if clients would be served now.
fn status(socket: &Path) -> Exit {
    match net::status::ask(socket) {
        Ok((text, ready)) => printed(&text, if ready { Exit::Done } else { Exit::Failed }),
        Err(why) => {
            complain(&format_args!("status: {why}"));
            Exit::Failed
        }
    }
}

/// Prints what would be done, what may be a slip, and what is in the way.
fn tell(report: &Report) -> Exit {
    let lines = report.plan.iter().map(|line| format!("{line}\n"));
    let exit = printed(&lines.collect::<String>(), report.exit());
    for doubt in &report.doubts {
        complain(&format_args!("warn: {doubt}"));
    }
    for (_, why) in &report.faults {
        complain(why);
    }
    exit
}

/// The exit after a text for standard output, which may be a pipe into which nobody looks any more.
fn printed(text: &str, exit: Exit) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(why) => {
            complain(&format_args!("cannot print: {why}"));
            Exit::Failed
        }
    }
}

/// Says on standard error what is wrong. If that cannot be written, the exit code still tells, which
/// it would not after the panic of an `eprintln`.
fn complain(what: &impl Display) {
    let _ = std::io::stderr().write_all(format!("dockerd-ci-proxy: {what}\n").as_bytes());
}

fn paths(listeners: &[Listener]) -> Vec<PathBuf> {
    listeners.iter().map(|listener| listener.path().to_owned()).collect()
}

/// A sentence about each variable that was probably meant for us, and that we do not know.
#[cold]
fn unknown_variables() -> Vec<String> {
    cli::variables::unknown(std::env::vars_os())
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Serves until told to stop. What goes wrong is logged; the exit says of which kind it was.
#[cold]
fn run(config: &Config, start: Start, program: Program) -> Result<Exit, Exit> {
    let (mut sockets, predecessor) = match start {
        Start::First(sockets) => (sockets, None),
        Start::Next(sockets, predecessor) => (sockets, Some(predecessor)),
    };
    check_cgroup_parents(config)?;
    let injection = config.injection(|| ask::own_cgroup_parent(&config.daemon)).map_err(|why| {
        error!("--cgroup-parent self: {why}");
        exit_of(&why)
    })?;
    let stats = stats(config, sockets.stats.take())?;
    let listeners = listeners(config, sockets)?;
    let paths = paths(&listeners);
    let daemon = config.daemon.clone();
    let service = Service { listeners, injection: injection.clone(), daemon };
    // The end of a terminal is no wish for an upgrade.
    let program = Some(program).filter(|_| !has_terminal());
    let mut server = Server::new(vec![service], config.drain, manager(), program)
        .map_err(|why| loop_failed(&why))?;
    let stats_at = stats.as_ref().map(|listener| listener.path().to_owned());
    if let Some(listener) = stats {
        server.answer_at(listener).map_err(|why| loop_failed(&why))?;
    }
    predecessor.map_or(Ok(()), |old| server.relieve(old)).map_err(|why| {
        error!("the process before this one does not hand over: {why}");
        Exit::Failed
    })?;
    if let Some(path) = stats_at {
        info!("answering /metrics, /healthz and /readyz on {}", path.display());
    }
    let daemon = check::missing_daemon(config);
    for doubt in check::missing_source(config, ask::in_container()).into_iter().chain(daemon) {
        warn!("{doubt}");
    }
    // Not before signals are heeded: whoever reads this may send one at once.
    announce(config, &paths, &injection);
    let stopped = server.run().map_err(|why| loop_failed(&why))?;
    let net::Stopped { cut, handed_over } = stopped;
    let handed_over = match handed_over {
        0 => String::new(),
        _ => format!(", {handed_over} were handed over"),
    };
    info!("stopped; {cut} connections were cut off{handed_over}");
    Ok(Exit::Done)
}

/// The sockets that were passed, or else one of our own.
fn listeners(config: &Config, sockets: Sockets) -> Result<Vec<Listener>, Exit> {
    if !sockets.clients.is_empty() {
        return Ok(sockets.clients);
    }
    bind(&config.listen, config.access, config).map(|own| vec![own])
}

/// The stats socket that was passed, or else one of our own, if there is to be one.
fn stats(config: &Config, passed: Option<Listener>) -> Result<Option<Listener>, Exit> {
    match (passed, &config.stats) {
        (Some(listener), Some(path)) if listener.is_passed() => {
            let (passed, own) = (listener.path().display(), path.display());
            error!("--stats-socket: {own} has no effect, since {passed} was passed; take one away");
            Err(Exit::Usage)
        }
        (None, Some(path)) => bind(path, config.stats_access(), config).map(Some),
        (passed, _) => Ok(passed),
    }
}

fn bind(path: &Path, access: SocketAccess, config: &Config) -> Result<Listener, Exit> {
    Listener::bind(path, access, &config.daemon).map_err(|why| {
        error!("{why}");
        Exit::Failed
    })
}

/// Whoever wants to be told how we do. That it is away is no reason not to serve.
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

/// A daemon with the systemd driver refuses every container whose parent is not a slice. That is
/// better said now than by each job; a daemon that is not up yet cannot be asked.
fn check_cgroup_parents(config: &Config) -> Result<(), Exit> {
    if check::named_parents(config).next().is_none() {
        return Ok(());
    }
    match ask::cgroup_driver(&config.daemon) {
        Ok(Some(driver)) => {
            for (flag, judged) in check::judged(config, &driver) {
                match judged {
                    Ok(doubt) => doubt.into_iter().for_each(|doubt| warn!("{flag}: {doubt}")),
                    Err(fault) => {
                        error!("{flag}: {fault}");
                        return Err(Exit::Usage);
                    }
                }
            }
        }
        Ok(None) => {}
        Err(why) => {
            for (flag, parent) in check::named_parents(config) {
                warn!("cannot check {flag} {parent:?}: {why}");
            }
        }
    }
    Ok(())
}

fn announce(config: &Config, listening: &[PathBuf], injection: &Injection) {
    for label in injection.inject.labels() {
        info!("label {}={:?}", label.key, label.value);
    }
    let builds = injection.inject.build_cgroup_parent();
    for line in check::cgroup_parents(injection.inject.cgroup_parent(), builds) {
        info!("{line}");
    }
    for setting in check::beyond_default(config) {
        info!("{setting}");
    }
    let (daemon, version) = (config.daemon.display(), env!("CARGO_PKG_VERSION"));
    for path in listening {
        let path = path.display();
        info!("listening on {path}, for the daemon at {daemon}; version {version}");
    }
}
