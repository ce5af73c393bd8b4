use super::*;

#[test]
fn updates_pass_unchanged_if_no_bytes_are_added() {
    let mut window = Window::new(INITIAL);
    window.received(1000);
    window.sent(1000);
    assert_eq!(window.grant(0), None);
    window.opened(400).unwrap();
    assert_eq!(window.grant(0), Some(400));
    window.opened(600).unwrap();
    assert_eq!(window.grant(0), Some(600));
    assert_eq!(window, Window::new(INITIAL));
}

#[test]
fn added_bytes_are_subtracted_from_updates() {
    let mut window = Window::new(INITIAL);
    window.received(100);
    window.sent(130);
    window.opened(20).unwrap();
    assert_eq!(window.grant(0), None);
    window.opened(110).unwrap();
    assert_eq!(window.grant(0), Some(100));
    assert_eq!(window, Window::new(INITIAL));
}

#[test]
fn waiting_bytes_count_for_the_client_and_consumed_bytes_are_returned() {
    let mut window = Window::new(100);
    window.received(100);
    assert_eq!(window.grant(100), None);
    assert_eq!(window.grant(40), Some(60));
    window.sent(40);
    assert_eq!(window.grant(0), None);
    window.opened(40).unwrap();
    assert_eq!(window.grant(0), Some(40));
    assert_eq!(window, Window::new(100));
}

#[test]
fn a_window_may_become_negative_but_not_exceed_its_maximum() {
    let mut window = Window::new(100);
    window.received(100);
    window.sent(100);
    window.changed(100, 10).unwrap();
    assert!(!window.fits(1) && window.room() == 0 && window.fits(0));
    window.opened(95).unwrap();
    assert_eq!((window.room(), window.grant(0)), (5, Some(95)));
    assert_eq!(window.opened(0x7fff_ffff), Err(Malformed::Window));
    assert_eq!(Window::new(0x7fff_ffff).changed(1, 2), Err(Malformed::Window));
}
