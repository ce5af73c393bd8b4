use super::*;

#[test]
fn version_prefixes_of_docker_and_podman_are_removed() {
    for version in
        ["", "/v1.41", "/v1.41.0", "/v1.", "/v1", "/v.", "/v01.041", "/v1.41a", "/v5.0.0-rc1"]
    {
        let path = format!("{version}/containers/create");
        assert_eq!(route("POST", path.as_bytes()).name, "ContainerCreate", "{path}");
    }
}

#[test]
fn a_name_may_be_anything() {
    for name in ["x", "a/b", "{", "{}", "{x", "}", "update"] {
        let path = format!("/services/{name}/update");
        assert_eq!(route("POST", path.as_bytes()).name, "ServiceUpdate", "{path}");
    }
    assert_eq!(route("POST", b"/services//update").name, "Unknown");
}

#[test]
fn paths_without_a_route_are_unknown() {
    for (method, path) in [
        ("GET", "/containers/create"),
        ("post", "/containers/create"),
        ("POST", "/containers/create/"),
        ("POST", "/Containers/create"),
        ("POST", "/V1.41/containers/create"),
        ("POST", "/v1.41/v1.41/containers/create"),
        ("POST", "//containers/create"),
        ("POST", "/vol/containers/create"),
        ("POST", ""),
    ] {
        assert_eq!(route(method, path.as_bytes()), &UNKNOWN, "{method} {path}");
    }
}

#[test]
fn a_name_may_hold_anything() {
    assert_eq!(route("POST", b"/containers/a/b/attach").name, "ContainerAttach");
    assert_eq!(route("POST", b"/containers/create/exec").name, "ContainerExec");
    assert_eq!(route("GET", b"/images/json/json").name, "ImageInspect");
    assert_eq!(route("GET", b"/images/\xff\xfe/get").name, "ImageGet");
    assert_eq!(route("DELETE", b"/containers/a/checkpoints/b").name, "CheckpointDelete");
}
