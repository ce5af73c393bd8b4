use std::rc::Rc;

use crate::engine::shapes::Place;
use crate::proxy::ListenerSettings;
use crate::rules::caller::{Caller, Container};
use crate::rules::inject::{How, Inject, Value};
use crate::rules::paths::PathRules;
use crate::rules::{Label, Profile};

fn listener(value: &str) -> Rc<ListenerSettings> {
    let label = Label { key: "by".to_owned(), value: value.to_owned() };
    let rule = Inject {
        at: Place::Labels,
        how: How::Force,
        value: Value::Entry(label),
        from: "--label".to_owned(),
    };
    let profile = Profile::default().with(vec![rule], PathRules::default(), "ci");
    Rc::new(ListenerSettings { name: "ci".to_owned(), profile, ..ListenerSettings::default() })
}

fn caller(uid: u32, pid: u32) -> Caller {
    Caller { uid, pid, ..Caller::default() }
}

#[test]
fn settings_are_compiled_once_for_each_caller() {
    let listener = listener("{uid}");
    let one = ListenerSettings::for_caller(&listener, caller(1, 10)).unwrap();
    let same = ListenerSettings::for_caller(&listener, caller(1, 11)).unwrap();
    let other = ListenerSettings::for_caller(&listener, caller(2, 10)).unwrap();
    assert!(Rc::ptr_eq(&one, &same) && !Rc::ptr_eq(&one, &other));
    assert!(one.are_of(&listener) && !one.are_of(&other));
    assert_eq!(one.profile.inject.labels().first().unwrap().value, "1");
    assert_eq!(one.name, "ci");
}

#[test]
fn a_process_counts_if_a_rule_names_it() {
    let listener = listener("{pid}");
    let value = |pid| {
        let settings = ListenerSettings::for_caller(&listener, caller(1, pid)).unwrap();
        settings.profile.inject.labels().first().unwrap().value.clone()
    };
    assert_eq!((value(10), value(11)), ("10".to_owned(), "11".to_owned()));
}

#[test]
fn callers_in_a_container_with_much_text_are_not_remembered() {
    let listener = listener("{container.name}");
    let remembered = |value: String| {
        let env = vec![("a".to_owned(), value)];
        let container = Rc::new(Container { env, ..Container::default() });
        let caller = Caller { container: Some(container), ..Caller::default() };
        let settings = || ListenerSettings::for_caller(&listener, caller.clone()).unwrap();
        Rc::ptr_eq(&settings(), &settings())
    };
    assert!(remembered("b".to_owned()));
    assert!(!remembered("b".repeat(64 * 1024)));
}
