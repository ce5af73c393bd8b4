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
fn placeholders_of_a_cgroup_parent_are_parts_of_its_path() {
    for text in [
        "/ci/{container.label:team}",
        "/ci{cgroup}",
        "{cgroup}/jobs",
        "/ci/{container.name:-host}",
        "ci-{container.label:a/b}.slice",
        "/ci/{{x}}",
    ] {
        assert_eq!(CgroupParent::parse(text), Ok(CgroupParent::Fixed(text.into())), "{text}");
        let builds = BuildCgroupParent::Fixed(text.into());
        assert_eq!(BuildCgroupParent::parse(text), Ok(builds), "{text}");
    }
    for text in [
        "{container.name}",
        "ci/{uid}",
        "/{container.name:-}",
        "/ci/{container.name:-..}",
        "/ci/{uid}/..",
        "ci-{cgroup}.slice",
        "ci-{container.name:-}.slice",
        "-{uid}.slice",
        "{uid:--}.slice",
        "/ci/{container.label:a\n}",
    ] {
        assert_eq!(CgroupParent::parse(text), Err(Invalid::CgroupParent(text.into())), "{text}");
        let refused = Err(Invalid::BuildCgroupParent(text.into()));
        assert_eq!(BuildCgroupParent::parse(text), refused, "{text}");
    }
    for text in ["caller", "{cgroup.parent}"] {
        assert_eq!(CgroupParent::parse(text), Ok(CgroupParent::OfCaller));
        assert_eq!(BuildCgroupParent::parse(text), Ok(BuildCgroupParent::OfCaller));
    }
    assert!(matches!(CgroupParent::parse("/ci/{uuid}"), Err(Invalid::Template(_))));
    let slice = "ci-{container.label:a/b}.slice";
    assert_eq!(check_driver("systemd", slice), Ok(()));
    assert!(driver_warning("cgroupfs", slice).is_some());
    let path = "/ci/{container.label:x}.slice";
    assert_eq!(check_driver("systemd", path), Err(Invalid::NotASlice(path.into())));
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
