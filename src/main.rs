//! The program: reads the command line and runs what it asks for.

use std::process::ExitCode;

use dockerd_ci_proxy::cli::{self, Command, Exit};

fn main() -> ExitCode {
    let exit = match cli::parse(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(Command::Help(text) | Command::Version(text)) => {
            print!("{text}");
            Exit::Done
        }
        Ok(Command::Run(_)) => Exit::Failed,
        Err(error) => {
            eprintln!("dockerd-ci-proxy: {error}");
            Exit::Usage
        }
    };
    exit.into()
}
