use super::*;

#[test]
fn a_daemon_that_cannot_be_reached_has_a_reason_that_is_told() {
    let other = Unreachable::Other("odd".to_owned());
    for why in
        [Unreachable::Missing, Unreachable::Down, Unreachable::Denied, Unreachable::Slow, other]
    {
        assert!(CONNECT_REASONS.contains(&Reason::from(&why)), "{why:?}");
    }
}
