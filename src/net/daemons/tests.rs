use super::*;

#[test]
fn a_daemon_is_there_once_and_has_images_of_its_own() {
    let mut daemons = Daemons::default();
    let [one, other, again] =
        ["/one", "/other", "/one"].map(|path| daemons.add(path.as_ref()).id());
    assert!(one == again && one != other);
    let images = |daemon: Option<&mut Daemon>| Rc::clone(&daemon.unwrap().upstream().images);
    let [first, second] = [one, other].map(|id| images(daemons.get_mut(id)));
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
    let [one, other] = ["/one", "/other"].map(|path| daemons.add(path.as_ref()).id());
    assert_eq!(daemons.reach(), Reach::Untried);
    daemons.get_mut(one).unwrap().reached(Reach::Reached);
    assert_eq!(daemons.reach(), Reach::Reached);
    daemons.get_mut(other).unwrap().reached(Reach::Away);
    assert_eq!(daemons.reach(), Reach::Away);
}
