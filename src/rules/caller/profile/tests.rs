use std::rc::Rc;

use crate::engine::fields::{FIELDS, Key, Kind, Section};
use crate::engine::shapes::Place;
use crate::engine::{HTTP2, route};
use crate::http::body::Framing;
use crate::rules::caller::{Caller, Container};
use crate::rules::facts::Facts;
use crate::rules::inject::{How, Inject, Value};
use crate::rules::paths::{FixedPath, PathRules};
use crate::rules::{Asked, Judgement, Label, Profile, Reason, Traits, judge};

fn label(value: &str) -> Inject {
    let label = Label { key: "ci.parent".to_owned(), value: value.to_owned() };
    Inject {
        at: Place::Labels,
        how: How::Force,
        value: Value::Entry(label),
        from: "--label".to_owned(),
    }
}

fn profile(value: &str) -> Profile {
    Profile::default().with(vec![label(value)], PathRules::default(), "gitlab")
}

fn value(profile: &Profile) -> &str {
    &profile.inject.labels().first().unwrap().value
}

#[test]
fn a_profile_without_placeholders_needs_no_caller() {
    let fixed = profile("{{a}} of {listener}");
    assert!(fixed.of_caller.is_none());
    assert_eq!(value(&fixed), "{a} of gitlab");
}

#[test]
fn each_caller_gets_its_values() {
    let template = profile("{container.name:-host}/{uid}");
    assert_eq!(value(&template), "{container.name:-host}/{uid}");
    let container = Container { name: "job-7".to_owned(), ..Container::default() };
    let inside = Caller { uid: 7, container: Some(Rc::new(container)), ..Caller::default() };
    assert_eq!(value(&template.for_caller(&inside).unwrap()), "job-7/7");
    assert_eq!(value(&template.for_caller(&Caller::default()).unwrap()), "host/0");
}

/// Judges a request with this body.
fn judged(profile: &Profile, path: &str, body: &str) -> Judgement {
    let traits = Traits { framing: Framing::Length(2), encoded: false, form: false, json: false };
    let operation = route("POST", path.as_bytes());
    let asked = Asked { operation, target: path, traits, body: Some(body.as_bytes()) };
    judge(profile, &asked, &Facts::default())
}

#[test]
fn paths_that_are_the_same_for_all_callers_hold_where_no_caller_is_needed() {
    let fixed = FixedPath {
        seen: "/workspace".to_owned(),
        host: "/srv/jobs".to_owned(),
        from: "--map-path".to_owned(),
    };
    let paths = PathRules { of_caller: false, fixed: vec![fixed], strict: true };
    let inject = vec![Inject::cgroup_parent("{cgroup.parent}")];
    let profile = Profile::default().with(inject, paths, "");
    for (path, body) in [
        ("/volumes/create", r#"{"DriverOpts":{"type":"none","o":"bind","device":"/etc"}}"#),
        (
            "/services/create",
            r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/etc","Target":"/e"}]}}}"#,
        ),
    ] {
        match judged(&profile, path, body) {
            Judgement::Refuse(refusal) => assert_eq!(refusal.reason, Reason::Unmapped, "{path}"),
            judgement => panic!("{path}: {judgement:?}"),
        }
    }
}

/// Requests by which each section's options get into the daemon.
const REQUESTS: &[(Section, &[&str])] = &[
    (Section::Container, &["/containers/create"]),
    (Section::Service, &["/services/create", "/services/x/update"]),
    (Section::Network, &["/networks/create"]),
    (Section::Volume, &["/volumes/create"]),
    (Section::Exec, &["/containers/x/exec"]),
    (Section::Build, &["/build", "/grpc"]),
];

#[test]
fn each_option_with_a_placeholder_needs_the_caller() {
    let mut options = 0;
    for field in FIELDS {
        let text = "{uid}".to_owned();
        let value = match field.kind {
            Kind::Text | Kind::Word(_) => Value::Text(text),
            Kind::List(Key::Target) => Value::List(vec![format!("/srv/{text}:/x")]),
            Kind::List(_) => Value::List(vec![format!("a={text}")]),
            Kind::Map => Value::Map(vec![Label { key: "/a".to_owned(), value: text }]),
            _ => continue,
        };
        options += 1;
        let rule =
            Inject { at: Place::Field(field), how: How::Force, value, from: field.path.to_owned() };
        let profile = Profile::default().with(vec![rule], PathRules::default(), "");
        let of_caller = profile.of_caller.as_ref().unwrap();
        let (_, paths) = REQUESTS.iter().find(|(section, _)| *section == field.section).unwrap();
        for path in *paths {
            let operation = route("POST", path.as_bytes());
            assert!(of_caller.concerns(operation, false), "{field:?} {path}");
        }
        assert_eq!(of_caller.concerns(&HTTP2, false), field.section == Section::Build, "{field:?}");
    }
    assert!(options > 20, "{options}");
}
