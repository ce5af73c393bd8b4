use crate::engine::shapes::Place;
use crate::rules::caller::{Caller, Container};
use crate::rules::inject::{How, Inject, Value};
use crate::rules::paths::PathRules;
use crate::rules::{Label, Profile};
use std::rc::Rc;

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
