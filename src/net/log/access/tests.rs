use super::*;

#[test]
fn times_are_rounded_to_tenths_of_a_millisecond() {
    for (micros, told) in [
        (0, (0, 0)),
        (49, (0, 0)),
        (50, (0, 1)),
        (3140, (3, 1)),
        (999_950, (1000, 0)),
        (61_000_000, (61_000, 0)),
    ] {
        assert_eq!(tenths(Duration::from_micros(micros)), told, "{micros}");
    }
}
