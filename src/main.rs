//! The program: reads the command line, asks the daemon what must be known before, serves.

use std::process::ExitCode;

use dockerd_ci_proxy::cli::{self, Command, Exit};
use dockerd_ci_proxy::config::{self, CgroupParent, Config};
use dockerd_ci_proxy::net::listener::Listener;
use dockerd_ci_proxy::net::{Server, ask};
use dockerd_ci_proxy::proxy::Common;
use dockerd_ci_proxy::rules::Injection;
use log::{LevelFilter, error, info, warn};

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(Command::Help(text) | Command::Version(text)) => {
            print!("{text}");
            Exit::Done
        }
        Ok(Command::Run(config)) => {
            start_log(config.debug);
            run(&config).unwrap_or_else(|exit| exit)
        }
        Err(error) => {
            eprintln!("dockerd-ci-proxy: {error}");
            Exit::Usage
        }
    };
    exit.into()
}

/// The log goes to standard error; whoever keeps it adds the time.
fn start_log(debug: bool) {
    use std::io::Write;
    let level = if debug { LevelFilter::Debug } else { LevelFilter::Info };
    env_logger::Builder::new()
        .filter_level(level)
        .format(|out, record| {
            let level = record.level().as_str().to_lowercase();
            writeln!(out, "dockerd-ci-proxy: {level}: {}", record.args())
        })
        .init();
}

/// Serves until told to stop. What goes wrong is logged; the exit says of which kind it was.
fn run(config: &Config) -> Result<Exit, Exit> {
    check_cgroup_parent(config)?;
    let injection = config.injection(|| ask::own_cgroup_parent(&config.daemon)).map_err(|why| {
        error!("--cgroup-parent self: {why}");
        Exit::Failed
    })?;
    let listener =
        Listener::bind(&config.listen, config.access, &config.daemon).map_err(|why| {
            error!("{why}");
            Exit::Failed
        })?;
    let socket = config.daemon.display().to_string();
    let common = Common { injection: injection.clone(), socket, ..Common::default() };
    let server = Server::new(listener, config.daemon.clone(), common, config.drain)
        .map_err(|why| loop_failed(&why))?;
    // Not before signals are heeded: whoever reads this may send one at once.
    announce(config, &injection);
    let stopped = server.run().map_err(|why| loop_failed(&why))?;
    info!("stopped; {} connections were cut off", stopped.cut);
    Ok(Exit::Done)
}

fn loop_failed(why: &std::io::Error) -> Exit {
    error!("the event loop failed: {why}");
    Exit::Failed
}

/// A daemon with the systemd driver refuses every container whose parent is not a slice. That is
/// better said now than by each job; a daemon that is not up yet cannot be asked.
fn check_cgroup_parent(config: &Config) -> Result<(), Exit> {
    let CgroupParent::Fixed(parent) = &config.cgroup_parent else {
        return Ok(());
    };
    match ask::cgroup_driver(&config.daemon) {
        Ok(Some(driver)) => config::check_driver(&driver, parent).map_err(|fault| {
            error!("--cgroup-parent: {fault}");
            Exit::Usage
        }),
        Ok(None) => Ok(()),
        Err(why) => {
            warn!("cannot check --cgroup-parent {parent:?}: {why}");
            Ok(())
        }
    }
}

fn announce(config: &Config, injection: &Injection) {
    for label in &injection.labels {
        info!("label {}={:?}", label.key, label.value);
    }
    if let Some(parent) = &injection.cgroup_parent {
        info!("cgroup parent {parent:?}");
    }
    info!(
        "listening on {}, for the daemon at {}",
        config.listen.display(),
        config.daemon.display()
    );
}
