use super::*;

#[test]
fn bounds_rise_and_match_their_text() {
    let mut before = 0;
    for (bound, seconds) in BOUNDS {
        assert!(bound > before);
        before = bound;
        let spelt = Duration::from_secs_f64(seconds.parse().unwrap());
        assert_eq!(spelt, Duration::from_nanos(bound));
    }
}

#[test]
fn durations_are_counted_in_all_buckets_above_them() {
    let mut histogram = Histogram::default();
    for nanoseconds in [0, 10_000, 10_001, 25_000, 1_000_000_000] {
        histogram.observe(Duration::from_nanos(nanoseconds));
    }
    histogram.observe(Duration::from_hours(1));
    let cumulated: Vec<_> = histogram.cumulated().map(|(_, count)| count).collect();
    assert_eq!(cumulated, [2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5]);
    assert_eq!(histogram.count(), 6);
    assert!((histogram.sum() - 3_601.000_045_001).abs() < 1e-9);
}
