use super::*;
use crate::net::host::caller::tests::Fake;

/// Returns the parent beside a process with these cgroups.
fn parent(text: &str, driver: &str) -> Result<String, Unknown> {
    let fake = Fake::new();
    for empty in ["/ci", "/ci.slice/ci-7.slice", "/kubepods/pod1", "/x.slice"] {
        fake.write(&format!("cgroup{empty}/cgroup.procs"), "");
    }
    fake.write("cgroup/full/cgroup.procs", "17\n18\n");
    beside(&Cgroups::read(text).unwrap(), driver, fake.kernel)
}

#[test]
fn the_parent_is_that_of_the_container_or_of_the_process() {
    let id = "a".repeat(64);
    let v1 = |path: &str| format!("4:memory:{path}\n");
    let v2 = |path: &str| format!("0::{path}\n");
    for (text, driver, wanted) in [
        (v2(&format!("/kubepods/pod1/{id}")), "cgroupfs", "/kubepods/pod1"),
        (v2(&format!("/kubepods/pod1/{id}/system.slice/x.service")), "cgroupfs", "/kubepods/pod1"),
        (v2("/ci/job"), "cgroupfs", "/ci"),
        (v1("/full/job"), "cgroupfs", "/full"),
        (v2("/ci.slice/ci-7.slice/x.service"), "systemd", "ci-7.slice"),
        (v2(&format!("/ci.slice/ci-7.slice/docker-{id}.scope/init")), "systemd", "ci-7.slice"),
        (v2("/x.slice/y.scope"), "systemd", "x.slice"),
        // The root has no limits.
        (v2("/"), "systemd", ""),
        (v2("/init.scope"), "systemd", ""),
        (v2("/job"), "cgroupfs", ""),
        (v1("/"), "cgroupfs", ""),
    ] {
        assert_eq!(parent(&text, driver), Ok(wanted.to_owned()), "{text}");
    }
}

#[test]
fn where_the_limits_would_not_hold_there_is_no_parent() {
    let no_slice = |path: &str| NoParent::NoSlice(path.to_owned());
    let user = "/user.slice/user-1.slice/user@1.service";
    for (text, driver, wanted) in [
        (format!("0::{user}/app.slice/x.scope"), "systemd", no_slice(&format!("{user}/app.slice"))),
        ("0::/ci/job".to_owned(), "systemd", no_slice("/ci")),
        ("0::/a.slice/b.slice/x".to_owned(), "systemd", no_slice("/a.slice/b.slice")),
        ("0::/a-b.slice/x".to_owned(), "systemd", no_slice("/a-b.slice")),
        ("0::/-.slice/x".to_owned(), "systemd", no_slice("/-.slice")),
        ("0::/a.slice/a-.slice/x".to_owned(), "systemd", no_slice("/a.slice/a-.slice")),
        ("0::/full/job".to_owned(), "cgroupfs", NoParent::Occupied("/full".to_owned())),
    ] {
        assert_eq!(parent(&text, driver), Err(Unknown::Parent(wanted)), "{text}");
    }
    let unseen = parent("0::/nowhere/job", "cgroupfs").unwrap_err();
    assert!(matches!(unseen, Unknown::Unreadable(..)), "{unseen}");
}

#[test]
fn all_hierarchies_of_version_1_have_their_limits_above_the_parent() {
    let ok = |path: &str| Ok(path.to_owned());
    let divided = |parent: &str, other: &str| {
        Err(Unknown::Parent(NoParent::Divided(parent.to_owned(), other.to_owned())))
    };
    for (text, wanted) in [
        ("4:memory:/a/b/c\n3:cpu:/\n", ok("/a/b")),
        ("4:memory:/a/b/c/d\n3:cpu:/a/b/c\n", ok("/a/b/c")),
        ("4:memory:/slurm/1/job/0\n3:pids:/system.slice/slurmd.service\n", ok("/slurm/1/job")),
        ("4:memory:/a/b/c\n1:name=systemd:/x/y/z\n0::/u/v/w\n", ok("/a/b")),
        ("4:memory:/a/b/c\n3:cpu:/x/y/z\n", divided("/a/b", "/x/y/z")),
        ("4:memory:/a/b\n3:cpu:/a/bc/d/e\n", divided("/a", "/a/bc/d/e")),
        ("4:memory:/a\n3:cpu:/x/y/z\n", divided("", "/x/y/z")),
        ("4:memory:/\n3:cpu:/x/y/z\n2:pids:/x/y/z\n", ok("/x/y")),
    ] {
        assert_eq!(parent(text, "cgroupfs"), wanted, "{text}");
    }
}
