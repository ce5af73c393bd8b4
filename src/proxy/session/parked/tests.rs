use super::*;
use crate::proxy::HostFact;
use crate::rules::caller::Caller;
use crate::rules::inject::Inject;
use crate::rules::paths::PathRules;
use crate::rules::{Label, Profile};

fn listener() -> Rc<ListenerSettings> {
    let label = Label { key: "by".to_owned(), value: "{uid}".to_owned() };
    let profile = Profile::default().with(vec![Inject::label(label)], PathRules::default(), "");
    Rc::new(ListenerSettings { profile, ..ListenerSettings::default() })
}

/// Returns a connected session whose caller is known.
fn identified(listener: &Rc<ListenerSettings>) -> Session {
    let mut session = Session::new(Rc::clone(listener));
    session.connected();
    session.found(HostFact::Caller(Ok(Caller { uid: 7, ..Caller::default() })));
    session
}

fn label(session: &Session) -> &str {
    &session.settings().profile.inject.labels().first().unwrap().value
}

#[test]
fn the_values_of_a_caller_stay_with_its_connection() {
    let (before, after) = (listener(), listener());
    let parked = identified(&before).park().unwrap();
    // A session is lent to one connection after the other.
    let mut session = identified(&before);
    session.unpark(&before, Parked::unconnected());
    assert_eq!(label(&session), "{uid}");
    session.unpark(&before, parked.clone());
    assert_eq!(label(&session), "7");
    session.begin(&before);
    assert_eq!(label(&session), "{uid}");
    // The settings were loaded again meanwhile.
    session.unpark(&after, parked);
    assert_eq!(label(&session), "{uid}");
}

#[test]
fn new_settings_wait_for_the_end_of_an_exchange() {
    let (before, after) = (listener(), listener());
    let mut session = identified(&before);
    session.follow(&before);
    assert_eq!(label(&session), "7");
    session.exchange = Exchange::Ending;
    session.follow(&after);
    assert_eq!(label(&session), "7");
    session.exchange = Exchange::Idle(crate::http::head::Scan::default());
    session.follow(&after);
    assert_eq!(label(&session), "{uid}");
}
