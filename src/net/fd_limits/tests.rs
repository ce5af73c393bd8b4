use super::*;

#[test]
fn the_shares_never_exceed_the_limit() {
    for files in [0, 25, 64, 256, 1024, 4096, 1 << 20] {
        let FdLimits { pairs, pipes } = FdLimits::of(files, 1);
        let used = OTHERS + 1 + 2 * (pairs + pipes) as u64;
        assert!(used <= files.max(OTHERS + 3), "{files}: {used}");
        assert!(used + 2 > files || pairs == MAX_SLOTS, "{files}: {used}");
    }
    assert_eq!(FdLimits::of(1024, 1), FdLimits { pairs: 468, pipes: 31 });
    assert_eq!(FdLimits::of(u64::MAX, 1), FdLimits { pairs: MAX_SLOTS, pipes: 64 });
}
