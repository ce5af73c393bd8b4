use super::*;

#[test]
fn a_daemon_is_asked_in_a_version_that_takes_a_platform_and_verifies_nothing() {
    for (version, api, prefix) in [
        ("1.41", Api::Old, ""),
        ("1.48", Api::Old, ""),
        ("1.49", Api::Minor(49), "/v1.49"),
        ("1.51", Api::Minor(51), "/v1.51"),
        ("1.52", Api::Minor(52), "/v1.52"),
        ("1.56", Api::Minor(52), "/v1.52"),
        ("2.0", Api::Newest, ""),
        ("", Api::Unknown, ""),
        ("x.y", Api::Unknown, ""),
        ("1", Api::Unknown, ""),
    ] {
        let found = Api::of(version.as_bytes());
        assert_eq!((found, found.prefix()), (api, prefix.to_owned()), "{version}");
    }
}

#[test]
fn a_create_of_an_older_version_ignores_its_platform() {
    for (path, heeds) in [
        ("/containers/create", true),
        ("/v1.41/containers/create", true),
        ("/v1.52/containers/create", true),
        ("/v2.0/containers/create", true),
        ("/v5.0.0/containers/create", true),
        ("/v1.40/containers/create", false),
        ("/v1.040/containers/create", false),
        ("/v1.041/containers/create", true),
        ("/v1.40.9/containers/create", false),
        ("/v1/containers/create", false),
        ("/v0.99/containers/create", false),
    ] {
        assert_eq!(heeds_platform(path.as_bytes()), heeds, "{path}");
    }
}

#[test]
fn an_empty_body_is_a_document_from_engine_23_on() {
    for (version, takes) in [
        ("1.41", Some(false)),
        ("1.42", Some(true)),
        ("1.51", Some(true)),
        ("2.0", Some(true)),
        ("", None),
        ("new", None),
    ] {
        assert_eq!(takes_empty_body(version.as_bytes()), takes, "{version}");
    }
}

#[test]
fn a_part_of_a_volume_is_mounted_from_engine_26_on() {
    for (version, has) in
        [("1.44", false), ("1.45", true), ("1.41", false), ("2.0", true), ("", false)]
    {
        assert_eq!(has_subpaths(version.as_bytes()), has, "{version}");
    }
    for (path, takes) in [
        ("/v1.45/containers/create", true),
        ("/v1.44/containers/create", false),
        ("/containers/create", true),
    ] {
        assert_eq!(takes_subpaths(path.as_bytes()), takes, "{path}");
    }
}
