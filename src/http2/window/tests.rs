use super::*;

#[test]
fn where_nothing_is_changed_updates_pass_as_they_are() {
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
fn what_we_add_is_kept_back_from_updates() {
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
fn what_waits_is_the_clients_share_and_what_we_took_is_given_back() {
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
fn a_window_may_shrink_below_nothing_and_not_grow_without_end() {
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
