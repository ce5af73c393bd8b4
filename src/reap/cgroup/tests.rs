use super::*;

#[test]
fn only_a_parent_of_its_own_may_be_removed() {
    assert_eq!(removable("/ci/1"), Some("ci/1"));
    assert_eq!(removable("/ci/1/"), Some("ci/1"));
    for other in
        ["", "/", "//", "ci/1", "/docker", "/docker/", "/ci/../x", "/./x", "/ci//1", "ci.slice"]
    {
        assert_eq!(removable(other), None, "{other}");
    }
}

#[test]
fn a_prepared_cgroup_is_known_by_its_limits() {
    for free in [
        ("memory.max", "max\n"),
        ("cpu.max", "max 100000\n"),
        ("pids.max", "max\n"),
        ("io.max", ""),
        ("memory.limit_in_bytes", "9223372036854771712\n"),
        ("cpu.cfs_quota_us", "-1\n"),
        ("memory.usage_in_bytes", "1\n"),
    ] {
        assert!(!limits(free.0, free.1), "{free:?}");
    }
    for limited in [
        ("memory.max", "1073741824\n"),
        ("cpu.max", "50000 100000\n"),
        ("pids.max", "100\n"),
        ("cpu.weight", "50\n"),
        ("memory.limit_in_bytes", "1073741824\n"),
        ("cpu.cfs_quota_us", "50000\n"),
        ("cpu.shares", "512\n"),
    ] {
        assert!(limits(limited.0, limited.1), "{limited:?}");
    }
}
