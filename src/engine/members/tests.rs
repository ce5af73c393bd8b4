use super::*;
use crate::engine::route;

#[test]
fn a_create_has_the_members_of_all_tables() {
    let members = members(route("POST", b"/containers/create"));
    for path in [
        "Image",
        "Labels",
        "HostConfig.Privileged",
        "Privileged",
        "HostConfig.Mounts.VolumeOptions.DriverConfig.Options",
        "HostConfig.Ulimits.Soft",
        "HostConfig.CgroupParent",
        "NetworkingConfig.EndpointsConfig",
    ] {
        assert!(members.iter().any(|known| known == path), "{path}");
    }
}

#[test]
fn an_update_has_its_members_at_the_top_and_an_inspection_has_none() {
    assert!(members(route("POST", b"/containers/x/update")).contains(&"PidsLimit".to_owned()));
    assert!(members(route("GET", b"/containers/x/json")).is_empty());
}
