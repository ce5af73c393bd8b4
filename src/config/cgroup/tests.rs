use super::*;

#[test]
fn a_cgroup_parent_is_self_a_path_or_a_slice() {
    assert_eq!(CgroupParent::parse("self"), Ok(CgroupParent::OfOwnContainer));
    for text in ["/ci", "/ci/1234", "/a..b", "ci.slice", "ci-1.slice"] {
        assert_eq!(CgroupParent::parse(text), Ok(CgroupParent::Fixed(text.into())));
    }
}

#[test]
fn other_cgroup_parents_are_refused() {
    let refused = [
        "",
        "/",
        "//",
        "ci",
        "ci/1",
        "./ci",
        "/ci/../x",
        "..",
        "/c\0i",
        "/ci\n",
        ".slice",
        "a/b.slice",
        "a--b.slice",
        "-.slice",
        "Self",
    ];
    for text in refused {
        assert_eq!(CgroupParent::parse(text), Err(Invalid::CgroupParent(text.into())));
    }
}

#[test]
fn builds_inherit_the_cgroup_parent_or_have_none_or_their_own() {
    for (text, beside_ci, alone) in [
        ("inherit", Some("/ci"), None),
        ("none", None, None),
        ("/builds", Some("/builds"), Some("/builds")),
        ("ci-builds.slice", Some("ci-builds.slice"), Some("ci-builds.slice")),
    ] {
        let parent = BuildCgroupParent::parse(text).unwrap();
        assert_eq!(parent.beside(Some("/ci")).as_deref(), beside_ci, "{text}");
        assert_eq!(parent.beside(None).as_deref(), alone, "{text}");
        assert_eq!(parent.fixed(), alone, "{text}");
    }
    assert_eq!(BuildCgroupParent::parse("self"), Err(Invalid::SelfForBuilds));
    for text in ["", "/", "builds", "/a/../b", "Inherit", "/a\n", "-.slice"] {
        let refused = Err(Invalid::BuildCgroupParent(text.into()));
        assert_eq!(BuildCgroupParent::parse(text), refused);
    }
}

#[test]
fn the_systemd_driver_needs_a_slice() {
    assert_eq!(check_driver("systemd", "ci.slice"), Ok(()));
    assert_eq!(check_driver("cgroupfs", "/ci"), Ok(()));
    for parent in ["/ci", "/ci.slice", ""] {
        assert_eq!(check_driver("systemd", parent), Err(Invalid::NotASlice(parent.into())));
    }
}

#[test]
fn a_slice_for_the_cgroupfs_driver_is_a_warning() {
    let warning = Some(Invalid::SliceAsPath("ci.slice".into()));
    assert_eq!(driver_warning("cgroupfs", "ci.slice"), warning);
    for (driver, parent) in [("cgroupfs", "/ci"), ("systemd", "ci.slice"), ("none", "ci.slice")] {
        assert_eq!(driver_warning(driver, parent), None);
    }
}
