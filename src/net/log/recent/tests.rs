use super::*;

#[test]
fn an_equal_warning_is_new_again_after_a_minute() {
    let (mut recent, start) = (Recent::default(), Instant::now());
    assert!(recent.is_new(&("rule", 1), start));
    assert!(!recent.is_new(&("rule", 1), start + PERIOD / 2));
    assert!(recent.is_new(&("rule", 2), start + PERIOD / 2));
    assert!(recent.is_new(&("rule", 1), start + PERIOD));
    assert!(!recent.is_new(&("rule", 1), start + PERIOD));
}

#[test]
fn the_number_of_remembered_warnings_is_bounded() {
    let (mut recent, now) = (Recent::default(), Instant::now());
    for warning in 0..3 * MAX {
        assert!(recent.is_new(&warning, now));
        assert!(recent.hashes.len() <= MAX);
    }
}
