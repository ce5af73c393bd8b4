//! Sentences about rules that depend on the caller, for the startup, `--check` and `explain`.

use crate::rules::caller::Wanted;
use crate::rules::paths::PathRules;

/// The facts about a caller, each with its name.
const FACTS: &[(Wanted, &str)] = &[
    (Wanted::CONTAINER, "its container"),
    (Wanted::PARENT, "its cgroup parent"),
    (Wanted::CGROUP, "its cgroup"),
    (Wanted::USER, "the name of its user"),
    (Wanted::PID, "its process"),
];

/// Names the facts about a caller, and where they come from.
pub(super) fn looked_up(wanted: Wanted) -> String {
    let facts = FACTS.iter().filter(|(fact, _)| wanted.has(*fact)).map(|(_, name)| *name);
    let facts = match facts.collect::<Vec<_>>() {
        none if none.is_empty() => "its user and group".to_owned(),
        facts => facts.join(", "),
    };
    let asks_daemon = wanted.has(Wanted::CONTAINER) || wanted.has(Wanted::PARENT);
    let daemon = if asks_daemon { " and the daemon" } else { "" };
    format!("{facts}, from the kernel{daemon}")
}

/// Describes the translation of paths.
pub(super) fn paths(rules: &PathRules) -> impl Iterator<Item = String> {
    let fixed = rules.fixed.iter().map(|path| {
        format!("{} in a bind mount means {} of the host ({})", path.seen, path.host, path.from)
    });
    let of_caller =
        "paths in bind mounts are translated by the mounts of the client's own container";
    let strict = "bind mounts of other paths are refused";
    let asked = [(rules.of_caller, of_caller), (rules.strict, strict)];
    fixed.chain(asked.into_iter().filter(|(asked, _)| *asked).map(|(_, line)| line.to_owned()))
}

#[cfg(test)]
mod tests;
