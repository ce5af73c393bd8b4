//! The program: reads the command line, asks the daemon what is needed at startup, and serves.

#[path = "main/on_exit.rs"]
mod on_exit;
#[path = "main/reap.rs"]
mod reap;
#[path = "main/run.rs"]
mod run;
#[path = "main/serve.rs"]
mod serve;

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use dockerd_ci_proxy::cli::check::{Report, check};
use dockerd_ci_proxy::cli::explain::explain;
use dockerd_ci_proxy::cli::{self, Command, Exit, Passed, Request};
use dockerd_ci_proxy::net::listen::Listener;
use dockerd_ci_proxy::net::service::handover::{self, Program};
use dockerd_ci_proxy::net::{self, EarlySignal};
use log::warn;

fn main() -> ExitCode {
    // First of all: the signal may come at any time, and nothing owns the passed descriptors yet.
    let early = match EarlySignal::catch() {
        Ok(early) => early,
        Err(why) => {
            print_error(&format_args!("cannot handle signals: {why}"));
            return Exit::Failed.into();
        }
    };
    let started = Program::own()
        .map_err(handover::Error::Handover)
        .and_then(|program| Ok((handover::start(&program, variable)?, program)));
    let (start, program) = match started {
        Ok((Some(start), program)) => (start, program),
        Ok((None, _)) => return Exit::Done.into(),
        Err(error) => {
            print_error(&error);
            return Exit::Failed.into();
        }
    };
    let passed: Vec<_> = start.passed().map(passed).collect();
    let exit = match cli::parse(std::env::args_os().skip(1), variable, &passed) {
        Ok(Command::Help(text) | Command::Version(text)) => printed(&text, Exit::Done),
        Ok(Command::Check(config)) => {
            for unknown in unknown_variables() {
                print_error(&format_args!("warn: {unknown}"));
            }
            print_report(&check(&config, &passed))
        }
        Ok(Command::Preset(text)) => printed(text, Exit::Done),
        Ok(Command::Explain(request)) => explained(&request),
        Ok(Command::Status(socket)) => status(&socket),
        Ok(Command::Reap(order)) => reap::reap(*order),
        Ok(Command::Run(order)) => return run::run(*order),
        Ok(Command::Serve(config)) => {
            net::log::start(config.log_format, config.debug);
            for unknown in unknown_variables() {
                warn!("{unknown}");
            }
            serve::serve(&config, start, program, &early).unwrap_or_else(|exit| exit)
        }
        Err(errors) => {
            for error in &errors {
                print_error(error);
            }
            Exit::Usage
        }
    };
    exit.into()
}

fn passed(listener: &Listener) -> Passed {
    Passed { name: listener.name().to_owned(), path: listener.path().to_owned() }
}

/// Prints what would happen to a request.
fn explained(request: &Request) -> Exit {
    let body = request.body.as_ref().map(|path| {
        std::fs::read(path).map_err(|why| format!("--body: cannot read {}: {why}", path.display()))
    });
    // Nothing is asked, not even the daemon about this container.
    let Ok(profile) = request.listener.profile(|| Ok::<_, Infallible>("self".to_owned()));
    let explanation = body.transpose().and_then(|body| {
        explain(
            &profile,
            &request.listener.paths,
            &request.method,
            &request.target,
            body.as_deref(),
        )
        .map_err(|unclear| format!("explain: {unclear}"))
    });
    match explanation {
        Ok(explanation) => printed(&explanation.text, explanation.exit),
        Err(why) => {
            print_error(&why);
            Exit::Usage
        }
    }
}

/// Prints the state of the proxy with this stats socket. Succeeds if clients would be served now.
fn status(socket: &Path) -> Exit {
    match net::status::ask(socket) {
        Ok((text, ready)) => printed(&text, if ready { Exit::Done } else { Exit::Failed }),
        Err(why) => {
            print_error(&format_args!("status: {why}"));
            Exit::Failed
        }
    }
}

/// Prints the plan to standard output, and warnings and errors to standard error.
fn print_report(report: &Report) -> Exit {
    let lines = report.plan.iter().map(|line| format!("{line}\n"));
    let exit = printed(&lines.collect::<String>(), report.exit());
    for warning in &report.warnings {
        print_error(&format_args!("warn: {warning}"));
    }
    for (_, why) in &report.errors {
        print_error(why);
    }
    exit
}

/// Prints a text to standard output and returns `exit`, or a failure if the text cannot be written.
fn printed(text: &str, exit: Exit) -> Exit {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => exit,
        Err(why) => {
            print_error(&format_args!("cannot write to standard output: {why}"));
            Exit::Failed
        }
    }
}

/// Prints an error to standard error.
fn print_error(error: &impl Display) {
    print_line(&format_args!("dockerd-ci-proxy: {error}"));
}

/// Prints a line to standard error. Ignores a failure, which would make `eprintln` panic.
fn print_line(line: &impl Display) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Returns a warning for each variable that is probably a misspelt one of the proxy.
fn unknown_variables() -> Vec<String> {
    cli::variables::unknown(std::env::vars_os())
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}
