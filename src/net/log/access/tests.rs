use super::*;
use std::sync::Arc;

use crate::rules::policy::Warned;
use crate::rules::{ByRule, Injections, Profile};

#[test]
fn times_are_rounded_to_tenths_of_a_millisecond() {
    for (micros, told) in [
        (0, (0, 0)),
        (49, (0, 0)),
        (50, (0, 1)),
        (3140, (3, 1)),
        (999_950, (1000, 0)),
        (61_000_000, (61_000, 0)),
    ] {
        assert_eq!(tenths(Duration::from_micros(micros)), told, "{micros}");
    }
}

/// Returns the sentence and the members of a line about a container create from a container.
fn line_of(forced: Forced, name: &str, container: Option<&str>) -> (String, Vec<(String, String)>) {
    let labels = [Label { key: "ci.job".to_owned(), value: "7".to_owned() }];
    let inject = Injections::forced(&labels, &[], Some("/ci/7"), None);
    let settings = ListenerSettings {
        name: name.to_owned(),
        profile: Profile { inject, ..Profile::default() },
        container: container.map(ToOwned::to_owned),
        ..ListenerSettings::default()
    };
    let outcome = Outcome {
        operation: crate::engine::route("POST", b"/containers/create"),
        verdict: Verdict::Forwarded(forced),
        status: Some(201),
        sent: 2,
        received: 3,
        took: Duration::from_millis(4),
    };
    let line = Line::new(&outcome, &settings, Credentials::Foreign { uid: 5, gid: 6 });
    let mut members = Members(Vec::new());
    line.visit(&mut members).unwrap();
    (line.to_string(), members.0)
}

fn line(forced: Forced, name: &str) -> (String, Vec<(String, String)>) {
    line_of(forced, name, None)
}

struct Members(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Members {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0.push((key.to_string(), value.to_string()));
        Ok(())
    }
}

#[test]
fn a_line_shows_that_options_were_injected_and_names_the_listener() {
    const REST: &str = "status 201, 2 bytes up, 3 bytes down, 4.0 ms, uid 5, pid unknown";
    let all = Forced::LABELS | Forced::CGROUP_PARENT | Forced::FIELDS;
    for (forced, injected) in [
        (Forced::LABELS, " ci.job=\"7\""),
        (Forced::LABELS | Forced::FIELDS, " ci.job=\"7\" options"),
        (all, " ci.job=\"7\" cgroup-parent=\"/ci/7\" options"),
        (Forced::FIELDS, " options"),
    ] {
        let (sentence, members) = line(forced, "");
        assert_eq!(sentence, format!("ContainerCreate injected{injected}: {REST}"));
        let has = |key: &str| members.iter().any(|(name, _)| name == key);
        assert_eq!(has("options"), forced.has(Forced::FIELDS));
        assert!(!has("listener"));
    }
    let (sentence, members) = line(all, "gitlab");
    assert!(sentence.ends_with(&format!("{REST}, listener gitlab")), "{sentence}");
    let member = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    for wanted in [member("options", "true"), member("listener", "gitlab")] {
        assert!(members.contains(&wanted), "{members:?}");
    }
}

#[test]
fn a_line_names_the_container_of_the_caller() {
    let id = "0123456789ab".repeat(5) + "cdef";
    let (sentence, members) = line_of(Forced::LABELS, "gitlab", Some(&id));
    let end = "uid 5, pid unknown, container 0123456789ab, listener gitlab";
    assert!(sentence.ends_with(end), "{sentence}");
    assert!(members.contains(&("container".to_owned(), id)), "{members:?}");
    let (sentence, members) = line(Forced::LABELS, "gitlab");
    assert!(!sentence.contains("container"), "{sentence}");
    assert!(members.iter().all(|(key, _)| key != "container"));
}

fn ruled(name: &str) -> Arc<Rule> {
    Arc::new(Rule {
        name: name.to_owned(),
        from: "conservative:14".to_owned(),
        act: crate::rules::policy::Act::Refuse,
        operations: Vec::new(),
        subject: crate::rules::policy::Subject::Request,
        reason: String::new(),
    })
}

#[test]
fn a_refusal_by_the_policy_names_the_rule_and_its_place() {
    for (name, shown) in [
        ("privileged", "rule privileged, conservative:14"),
        ("conservative:14", "rule conservative:14"),
    ] {
        let refusal = Refusal {
            by: Some(Box::new(ByRule { rule: ruled(name), contact: "ops".to_owned() })),
            ..Refusal::new(Reason::Policy, "the policy does not allow Privileged")
        };
        let outcome = Outcome {
            operation: crate::engine::route("POST", b"/containers/create"),
            verdict: Verdict::Refused(Box::new(Fault::Refused(refusal))),
            status: Some(403),
            sent: 0,
            received: 3,
            took: Duration::ZERO,
        };
        let settings = ListenerSettings::default();
        let line = Line::new(&outcome, &settings, Credentials::Unknown);
        let wanted = format!(
            "ContainerCreate refused (the policy does not allow Privileged; {shown}): status 403, "
        );
        assert!(line.to_string().starts_with(&wanted), "{line}");
        let mut members = Members(Vec::new());
        line.visit(&mut members).unwrap();
        let member = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for wanted in
            [member("reason", "policy"), member("rule", name), member("rule_at", "conservative:14")]
        {
            assert!(members.0.contains(&wanted), "{:?}", members.0);
        }
    }
}

#[test]
fn a_warning_of_the_policy_has_the_rule_and_other_notes_have_none() {
    let settings = ListenerSettings { name: "gitlab".to_owned(), ..ListenerSettings::default() };
    let warned = |note: &Note| {
        let origin = Origin::new(&settings, Credentials::Foreign { uid: 5, gid: 6 });
        let warning = Warning { note, operation: Some("ContainerCreate"), origin };
        let mut members = Members(Vec::new());
        warning.visit(&mut members).unwrap();
        let keys = members.0.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(" ");
        (warning.to_string(), keys)
    };
    let text = "ContainerCreate".to_owned();
    let (sentence, keys) = warned(&Note::Policy(Box::new(Warned { rule: ruled("whole"), text })));
    assert_eq!(
        sentence,
        "the policy would refuse ContainerCreate; rule whole, conservative:14; uid 5, pid unknown, \
         listener gitlab"
    );
    assert_eq!(keys, "operation rule rule_at uid listener");
    let (sentence, keys) = warned(&Note::Way("odd"));
    assert_eq!(sentence, "ContainerCreate: odd; uid 5, pid unknown, listener gitlab");
    assert_eq!(keys, "operation uid listener");
}
