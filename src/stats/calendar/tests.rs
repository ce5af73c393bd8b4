use super::*;

#[test]
fn times_are_those_of_the_calendar() {
    for (seconds, wanted) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (951_868_800, "2000-03-01T00:00:00.000Z"),
        (1_709_208_000, "2024-02-29T12:00:00.000Z"),
        (1_767_225_599, "2025-12-31T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000Z"),
    ] {
        assert_eq!(rfc3339(Duration::from_secs(seconds)), wanted);
    }
    assert!(rfc3339(Duration::from_millis(7)).ends_with("00.007Z"));
}

#[test]
fn what_was_formatted_is_read() {
    for seconds in (0..8_000_000_000).step_by(777_777) {
        let time = Duration::from_secs(seconds);
        assert_eq!(since_epoch(&rfc3339(time)), Some(time));
    }
}

#[test]
fn offsets_and_fractions_are_read() {
    let seconds = |text| since_epoch(text).map(|time| time.as_secs());
    assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(seconds("2026-02-28T23:59:60.123456789Z"), Some(1_772_323_200));
    assert_eq!(seconds("2024-02-29T12:00:00+02:00"), seconds("2024-02-29T10:00:00Z"));
    assert_eq!(seconds("2024-02-29T12:00:00.5-05:30"), seconds("2024-02-29T17:30:00Z"));
}

#[test]
fn no_time_is_read_from_other_texts() {
    for text in [
        "",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00+01:00",
        "2024-02-29",
        "2024-02-29T12:00:00",
        "2024-02-29 12:00:00Z",
        "2024-13-01T12:00:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:00:00Zx",
        "2024-02-29T12:00:00+1",
        "2024-02-29T+2:00:00Z",
        "99999999999999999999-01-01T00:00:00Z",
    ] {
        assert_eq!(since_epoch(text), None, "{text}");
    }
}
