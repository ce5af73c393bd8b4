use super::*;

#[test]
fn a_daemon_is_there_once_and_has_images_of_its_own() {
    let mut daemons = Daemons::default();
    let [one, other, again] =
        ["/one", "/other", "/one"].map(|path| daemons.add(path.as_ref()).upstream());
    assert!(Rc::ptr_eq(&one, &again) && !Rc::ptr_eq(&one, &other));
    let [first, second] = [one, other].map(|upstream| Rc::clone(&upstream.images));
    first.learn(b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n");
    first.want();
    assert!(first.wants_events() && !second.wants_events());
    assert_ne!(first.api(), second.api());
}

#[test]
fn events_are_read_of_the_daemon_whose_they_are() {
    let mut daemons = Daemons::default();
    for path in ["/one", "/other"] {
        daemons.add(path.as_ref());
    }
    let tokens = [FIRST - 1, FIRST, FIRST + 1, FIRST + 2];
    let daemon = |token| daemons.by_token(Token(token)).map(|daemon| daemon.id());
    assert_eq!(tokens.map(daemon), [None, Some(DaemonId(0)), Some(DaemonId(1)), None]);
}

#[test]
fn the_worst_reach_is_that_of_all() {
    let mut daemons = Daemons::default();
    let both = ["/one", "/other"].map(|path| daemons.add(path.as_ref()).upstream());
    assert_eq!(daemons.reach(both.iter()), Reach::Untried);
    daemons.of(&both[0]).unwrap().reached(Reach::Reached);
    assert_eq!(daemons.reach(both.iter()), Reach::Reached);
    daemons.of(&both[1]).unwrap().reached(Reach::Away);
    assert_eq!(daemons.reach(both.iter()), Reach::Away);
    assert_eq!(daemons.reach(both.iter().take(1)), Reach::Reached);
}

#[test]
fn a_daemon_goes_with_the_last_settings_and_its_number_is_not_used_again() {
    let mut daemons = Daemons::default();
    let [one, other] = ["/one", "/other"].map(|path| daemons.add(path.as_ref()).upstream());
    let number = daemons.of(&other).unwrap().id();
    drop(other);
    daemons.forget_unused();
    assert_eq!(daemons.len(), 1);
    assert!(daemons.of(&one).is_some());
    assert_ne!(daemons.add("/other".as_ref()).id(), number);
}
