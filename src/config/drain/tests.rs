use super::*;

#[test]
fn a_drain_time_has_units() {
    let seconds = |count| Ok(Drain::After(Duration::from_secs(count)));
    assert_eq!(Drain::parse("30"), seconds(30));
    assert_eq!(Drain::parse("30s"), seconds(30));
    assert_eq!(Drain::parse("5m"), seconds(300));
    assert_eq!(Drain::parse("2h"), seconds(7200));
    assert_eq!(Drain::parse("0"), seconds(0));
    assert_eq!(Drain::parse("infinity"), Ok(Drain::Never));
}

#[test]
fn other_drain_times_are_refused() {
    for text in
        ["", "s", "+5", "-1", "1.5s", "5 m", "5d", "99999999999999999999", "9999999999999999h"]
    {
        assert_eq!(Drain::parse(text), Err(Invalid::Time(text.into())));
    }
}
