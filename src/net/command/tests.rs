use super::*;

#[test]
fn the_mask_of_ignored_signals_is_read() {
    let status = "Name:\tsh\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000005\n";
    let mask = ignored(status);
    let set: Vec<i32> = PASSED_ON.into_iter().filter(|number| has(mask, *number)).collect();
    assert_eq!(set, [SIGHUP, SIGQUIT]);
    assert_eq!(ignored(""), 0);
}

#[test]
fn ends_have_the_codes_of_a_shell() {
    for (raw, wanted) in [(0, 0), (7 << 8, 7), (255 << 8, 255), (9, 137), (SIGTERM, 143)] {
        assert_eq!(code(ExitStatus::from_raw(raw)), wanted);
    }
}
