use super::*;

#[test]
fn every_connect_failure_has_a_counted_reason() {
    let other = Unreachable::Other("odd".to_owned());
    for why in
        [Unreachable::Missing, Unreachable::Down, Unreachable::Denied, Unreachable::Slow, other]
    {
        assert!(CONNECT_REASONS.contains(&Reason::from(&why)), "{why:?}");
    }
}
