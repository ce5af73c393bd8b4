//! Variables of the environment that look like ours and are none: a misspelt one would otherwise be
//! as one that is not set, and its labels missing without a word.

use std::ffi::OsString;

use super::flags::{self, FLAGS};
use crate::net::handover;

/// What the names of all our variables begin with.
const PREFIX: &str = "DCP_";

/// What the names of those begin with that the tests alone read.
const TESTS: &str = "DCP_TEST_";

/// Those that are no flag's: the units' own, and what a process is told of its part in a handover.
const OTHERS: [&str; 2] = ["DCP_FLAGS", handover::VARIABLE];

/// A sentence about each variable of this environment that nothing reads. An empty one is as one that
/// is not set.
pub fn unknown(env: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let set = env.filter(|(_, value)| !value.is_empty());
    let mut names: Vec<_> = set.map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with(PREFIX) && !name.starts_with(TESTS) && !is_known(name));
    names.sort();
    names.iter().map(|name| sentence(name)).collect()
}

fn is_known(name: &str) -> bool {
    OTHERS.contains(&name) || FLAGS.iter().any(|flag| flag.variable == Some(name))
}

#[cold]
fn sentence(name: &str) -> String {
    let shown = name.escape_debug();
    match near(name) {
        Some(near) => format!("{shown}: no such variable, did you mean {near}?"),
        None => format!("{shown}: no such variable, see --help"),
    }
}

/// What may have been meant: a variable that is spelt nearly so, or a flag that has none.
fn near(name: &str) -> Option<&'static str> {
    let variables = FLAGS.iter().filter_map(|flag| flag.variable);
    flags::nearest(name, PREFIX, variables).or_else(|| {
        let words = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace('_', "-");
        flags::by_name(&format!("--{words}")).map(|(_, flag)| flag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown_of(names: &[&str]) -> Vec<String> {
        unknown(names.iter().map(|name| (name.into(), "1".into())))
    }

    #[test]
    fn what_was_meant_is_a_variable_or_a_flag_without_one() {
        let cases = [
            ("DCP_LABEL", "DCP_LABELS"),
            ("DCP_LABLES", "DCP_LABELS"),
            ("DCP_LISTENSOCKET", "DCP_LISTEN_SOCKET"),
            ("DCP_DOCKER", "DCP_DOCKER_SOCKET"),
            ("DCP_CGROUPPARENT", "DCP_CGROUP_PARENT"),
            ("DCP_STATS", "DCP_STATS_SOCKET"),
            ("DCP_STRICT", "--strict"),
            ("DCP_DRAIN_TIME", "--drain-time"),
            ("DCP_NO_BUILDKIT", "--no-buildkit"),
            ("DCP_SOCKET_BIND", "--socket-bind"),
            ("DCP_SOCKET_MODE", "--socket-mode"),
            ("DCP_SOCKET_GROUP", "--socket-group"),
        ];
        for (name, near) in cases {
            let wanted = format!("{name}: no such variable, did you mean {near}?");
            assert_eq!(unknown_of(&[name]), [wanted]);
        }
    }

    #[test]
    fn one_that_is_near_to_nothing_is_told_all_the_same_and_ends_no_line() {
        let wanted =
            ["A\\nB", "POLICY"].map(|name| format!("DCP_{name}: no such variable, see --help"));
        assert_eq!(unknown_of(&["DCP_POLICY", "DCP_A\nB"]), wanted);
    }

    #[test]
    fn those_that_something_reads_and_those_of_others_are_not_told() {
        let read = FLAGS.iter().filter_map(|flag| flag.variable);
        let read = read.chain(["DCP_FLAGS", "DCP_HANDOVER", "DCP_TEST_BINARY", "PATH", "XDCP_A"]);
        assert!(unknown_of(&read.collect::<Vec<_>>()).is_empty());
        assert!(unknown([("DCP_LABEL".into(), "".into())].into_iter()).is_empty());
    }
}
