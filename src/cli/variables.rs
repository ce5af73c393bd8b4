//! Misspelt variables of the environment: without a warning, they would be ignored and their labels would be
//! missing.

use std::ffi::OsString;

use super::commands;
use super::flags::FLAGS;
use crate::config::similar;
use crate::net::service::handover;

/// Prefix of the proxy's variables.
const PREFIX: &str = "DCP_";

/// Prefix of the variables that only the tests read.
const TESTS: &str = "DCP_TEST_";

/// The variable that `run` sets for its command: the value of the label `dockerd-ci-proxy.run`.
pub const RUN: &str = "DCP_RUN";

/// Variables that belong to no flag: the one of the systemd units, the one that a handover sets, and that of a
/// `run` in which this process runs.
const OTHERS: [&str; 3] = ["DCP_FLAGS", handover::VARIABLE, RUN];

/// Returns a warning for each variable with the prefix that nothing reads. An empty variable counts as unset.
pub fn unknown(env: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let set = env.filter(|(_, value)| !value.is_empty());
    let mut names: Vec<_> = set.map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with(PREFIX) && !name.starts_with(TESTS) && !is_known(name));
    names.sort();
    names.iter().map(|name| warning(name)).collect()
}

fn is_known(name: &str) -> bool {
    OTHERS.contains(&name) || FLAGS.iter().any(|flag| flag.variable == Some(name))
}

fn warning(name: &str) -> String {
    let shown = name.escape_debug();
    match near(name) {
        Some(near) => format!("{shown}: unknown variable; did you mean {near}?"),
        None => format!("{shown}: unknown variable; see --help"),
    }
}

/// Returns what was probably meant: a similar variable, or a flag without a variable.
fn near(name: &str) -> Option<&'static str> {
    let variables = FLAGS.iter().filter_map(|flag| flag.variable);
    similar::nearest(name, PREFIX, variables).or_else(|| {
        let words = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace('_', "-");
        commands::by_name(&format!("--{words}")).map(|(_, flag)| flag)
    })
}

#[cfg(test)]
mod tests;
