use super::*;

const DOCKER: &[u8] = b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n";

fn heard() -> Rc<Images> {
    let images = Rc::new(Images::default());
    assert_eq!(images.learn(DOCKER), Api::Minor(51));
    assert_eq!(images.moment(), None);
    assert!(images.wants_events());
    images.hears();
    images
}

fn image(name: &str) -> Image {
    Image { name: name.to_owned(), platform: None }
}

/// Asks about an image now, and remembers the answer.
fn asks(images: &Images, name: &str) {
    let moment = images.moment().unwrap();
    images.remember(image(name), &["/v".to_owned()], moment);
}

fn knows(images: &Images, name: &str) -> bool {
    images.recall(name, None).is_some()
}

#[test]
fn an_image_is_remembered_by_its_name_and_platform() {
    let images = heard();
    asks(&images, "x");
    assert_eq!(images.recall("x", None), Some(vec!["/v".to_owned()]));
    assert!(!knows(&images, "y"));
    assert_eq!(images.recall("x", Some("{}")), None);
}

#[test]
fn nothing_is_remembered_or_used_while_an_image_may_change() {
    let images = heard();
    asks(&images, "x");
    let before = images.moment().unwrap();
    let (one, other) = (Images::change(&images), Images::change(&images));
    assert!(!knows(&images, "x"));
    assert_eq!(images.moment(), None);
    images.remember(image("x"), &[], before);
    drop(one);
    assert_eq!(images.moment(), None);
    drop(other);
    // What was asked before is out of date for ever.
    images.remember(image("x"), &[], before);
    assert!(!knows(&images, "x"));
    asks(&images, "x");
    assert!(knows(&images, "x"));
}

#[test]
fn an_event_between_question_and_answer_lets_nothing_be_remembered() {
    let images = heard();
    asks(&images, "x");
    let asked = images.moment().unwrap();
    images.forget();
    images.remember(image("y"), &[], asked);
    assert!(!knows(&images, "x") && !knows(&images, "y"));
}

#[test]
fn without_events_nothing_is_remembered() {
    let images = heard();
    asks(&images, "x");
    let asked = images.moment().unwrap();
    images.deaf();
    assert!(!knows(&images, "x") && !images.wants_events());
    assert_eq!(images.moment(), None);
    // The next question wants them again; what was asked without them is not remembered.
    assert!(images.wants_events());
    images.hears();
    images.remember(image("x"), &[], asked);
    assert!(!knows(&images, "x"));
}

#[test]
fn a_daemon_that_does_not_report_each_change_at_once_is_not_remembered() {
    for head in [
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 5.4.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        // What BuildKit makes is no event there.
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\n",
        "HTTP/1.1 200 OK\r\nApi-Version: 1.48\r\n\r\n",
    ] {
        let images = Images::default();
        images.learn(head.as_bytes());
        assert_eq!(images.moment(), None);
        assert!(!images.wants_events(), "{head}");
    }
}

#[test]
fn the_version_follows_the_daemon() {
    let images = heard();
    let head = |version: &str| format!("HTTP/1.1 400 B\r\nApi-Version: {version}\r\n\r\n");
    images.learn_once(head("1.41").as_bytes());
    assert_eq!(images.api(), Api::Minor(51));
    assert_eq!(images.learn(head("1.41").as_bytes()), Api::Old);
    assert_eq!(images.learn(head("1.56").as_bytes()), Api::Minor(52));
    images.set_api(Api::Newest);
    assert_eq!(images.learn(head("1.70").as_bytes()), Api::Newest);
    assert_eq!(images.learn(head("1.41").as_bytes()), Api::Old);
}

#[test]
fn as_many_are_remembered_as_there_is_room_for() {
    let images = heard();
    for number in 0..=ENTRIES {
        asks(&images, &number.to_string());
        asks(&images, &number.to_string());
    }
    assert!(!knows(&images, "0") && knows(&images, "1") && knows(&images, &ENTRIES.to_string()));
    let long = "x".repeat(ENTRY);
    asks(&images, &long);
    assert!(!knows(&images, &long));
}

#[test]
fn events_are_heard_anew_if_they_were_of_use() {
    let images = heard();
    asks(&images, "x");
    images.renew();
    assert!(images.wants_events() && !knows(&images, "x"));
    images.hears();
    assert!(!knows(&images, "x"));
    images.renew();
    assert!(!images.wants_events());
}
