//! Describes the policy of a listener.

use std::sync::Arc;

use crate::config::policy::{described_sources, word};
use crate::rules::policy::{Act, BindSource, Policy, Rule, Subject, Test};

/// Describes a policy in one line.
pub(super) fn summary(policy: &Policy) -> String {
    let preset = Some(&policy.preset).filter(|name| !name.is_empty());
    let preset = preset.map(|name| format!("preset {name}"));
    let contact = Some(&policy.contact).filter(|contact| !contact.is_empty());
    let contact = contact.map(|contact| format!("contact {contact:?}"));
    let trial = policy.trial.then(|| "trial: refusals are only reported".to_owned());
    let rules = format!("{} rules", policy.rules.len());
    let default = format!("default {}", word(policy.default));
    let parts = preset.into_iter().chain([rules, default]).chain(contact).chain(trial);
    format!("policy: {}", parts.collect::<Vec<_>>().join(", "))
}

/// The place of the default of a policy among those of its rules.
pub(super) const DEFAULT: &str = "default";

/// Returns the policy with every decision as a warning.
pub(super) fn traced(policy: &Policy) -> Policy {
    let warns = |rule: &Arc<Rule>| Arc::new(Rule { act: Act::Warn, ..(**rule).clone() });
    let rules = policy.rules.iter().map(warns).collect();
    Policy { rules, default: Act::Warn, ..policy.clone() }
}

/// Describes the effect of a rule of the policy with its decisions as warnings.
pub(super) fn effect(policy: &Policy, traced: &Rule) -> &'static str {
    let rule = policy.rules.iter().find(|rule| rule.name == traced.name);
    match rule.map_or(policy.default, |rule| rule.act) {
        Act::Allow => "allows",
        Act::Warn => "warns of",
        Act::Refuse if policy.trial => "would refuse",
        Act::Refuse => "refuses",
    }
}

/// Describes each rule of the operator in one line, and counts those of the preset.
pub(super) fn rules(policy: &Policy) -> impl Iterator<Item = String> {
    let own = |rule: &&Arc<Rule>| {
        let line = rule.from.strip_prefix(&*policy.preset).and_then(|line| line.strip_prefix(':'));
        line.is_none_or(|line| line.contains(':'))
    };
    let name = &policy.preset;
    let rest = policy.rules.len() - policy.rules.iter().filter(own).count();
    let rest = (rest > 0).then(|| {
        format!("policy then {rest} rules of the preset: dockerd-ci-proxy explain --preset {name}")
    });
    policy.rules.iter().filter(own).map(|rule| line(rule)).chain(rest)
}

/// Describes a rule: `policy refuse HostConfig.Privileged in ContainerCreate: rule privileged (conservative:14)`.
fn line(rule: &Rule) -> String {
    let operations = match rule.operations.join(", ") {
        none if none.is_empty() => "every operation".to_owned(),
        some => some,
    };
    let what = match &rule.subject {
        Subject::Request => operations,
        Subject::Option { path, test, .. } => format!("{path}{} in {operations}", tested(test)),
        Subject::Binds(sources) => binds(sources),
    };
    let reason = match (rule.reason.as_str(), &rule.subject) {
        // The reason of the sources repeats them.
        ("", _) | (_, Subject::Binds(_)) => String::new(),
        (reason, _) => format!(", reason {reason:?}"),
    };
    let act = match rule.act {
        Act::Allow => "allow",
        Act::Warn => "warn of",
        Act::Refuse => "refuse",
    };
    format!("policy {act} {what}{reason}: {}", named(rule))
}

/// Names a rule with its place.
pub(super) fn named(rule: &Rule) -> String {
    if rule.name == rule.from {
        return format!("rule at {}", rule.from);
    }
    format!("rule {} ({})", rule.name, rule.from)
}

/// Describes a test behind the name of an option.
fn tested(test: &Test) -> String {
    match test {
        Test::Set => String::new(),
        Test::Missing => " that is missing".to_owned(),
        Test::EmptyList => " that is an empty list".to_owned(),
        Test::In(list) => format!(" = {}", either(list)),
        Test::NotIn(list) => format!(" other than {}", either(list)),
        Test::Prefix(list) => format!(" that begins with {}", either(list)),
        Test::Above(limit) => format!(" above {limit}"),
        Test::Below(limit) => format!(" below {limit}"),
    }
}

fn either(list: &[String]) -> String {
    list.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ")
}

/// Describes the bind mounts that are not from one of the sources.
fn binds(sources: &[BindSource]) -> String {
    match described_sources(sources) {
        none if none.is_empty() => "bind mounts".to_owned(),
        some => format!("bind mounts of anything but {some}"),
    }
}
