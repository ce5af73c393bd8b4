use super::*;
use crate::net::client::tests::{daemon, ok};

const ID: &str = "3f29ce8c0b8e2b0b5ffd9d2a3a4c1a2d4c8a6c3d2e1f0a9b8c7d6e5f4a3b2c1d";
const OTHER: &str = "ffffce8c0b8e2b0b5ffd9d2a3a4c1a2d4c8a6c3d2e1f0a9b8c7d6e5f4a3b2c1d";

fn inspected(hostname: &str, parent: &str) -> Vec<u8> {
    ok(&format!(
        r#"{{"Config":{{"Hostname":"{hostname}"}},"HostConfig":{{"CgroupParent":"{parent}"}}}}"#
    ))
}

/// Asks a daemon that knows these containers, as a process with this hostname and id.
fn own(test: &str, containers: &[(&str, Vec<u8>)], id: Option<&str>) -> Result<String, String> {
    let targets: Vec<_> = containers
        .iter()
        .map(|(name, answer)| (format!("/containers/{name}/json"), answer.clone()))
        .collect();
    let answers: Vec<_> =
        targets.iter().map(|(target, answer)| (target.as_str(), answer.clone())).collect();
    parent_of_first(&daemon(test, &answers), "host", id.into_iter())
        .map_err(|error| error.to_string())
}

#[test]
fn our_container_is_the_one_named_by_the_hostname() {
    let containers = [("host", inspected("host", "/ci")), (ID, inspected("x", "/no"))];
    assert_eq!(own("hostname", &containers, Some(ID)), Ok("/ci".into()));
}

#[test]
fn our_container_is_found_by_id_when_the_hostname_does_not_help() {
    let unknown = [(ID, inspected("host", "/ci"))];
    assert_eq!(own("id", &unknown, Some(ID)), Ok("/ci".into()));
    let foreign = [("host", inspected("web", "/no")), (ID, inspected("host", "/ci"))];
    assert_eq!(own("foreign", &foreign, Some(ID)), Ok("/ci".into()));
}

#[test]
fn without_a_container_or_a_parent_there_is_a_clear_error() {
    let error = own("none", &[], Some(ID)).unwrap_err();
    assert!(error.starts_with("the proxy runs in no container"), "{error}");
    let error = own("no-id", &[], None).unwrap_err();
    assert!(error.starts_with("the proxy runs in no container"), "{error}");
    let error = own("no-parent", &[("host", inspected("host", ""))], None).unwrap_err();
    assert!(error.ends_with("has no cgroup parent of its own"), "{error}");
}

#[test]
fn a_domain_behind_the_hostname_does_not_matter() {
    let container = serde_json::json!({"Config": {"Hostname": "job"}});
    assert!(is_host(&container, "job"));
    assert!(is_host(&container, "job.example"));
    assert!(!is_host(&container, "jobs"));
    assert!(is_host(&serde_json::json!({}), "job"));
}

#[test]
fn the_id_in_mountinfo_is_not_that_of_a_layer() {
    let layers = format!(
        "600 500 0:50 / / rw - overlay overlay rw,upperdir=/var/lib/docker/overlay2/{OTHER}/diff\n\
         601 600 8:1 /var/lib/docker/overlay2/{OTHER}/diff /etc/hosts rw - ext4 /dev/sda1 rw\n\
         602 600 8:1 /var/lib/docker/containers/{OTHER}/mounts /mnt rw - ext4 /dev/sda1 rw\n"
    );
    assert_eq!(id_in_mountinfo(&layers), None);
    let ours = format!(
        "{layers}603 600 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf \
         rw,relatime - ext4 /dev/sda1 rw\n"
    );
    assert_eq!(id_in_mountinfo(&ours), Some(ID));
    let own_disk = format!("604 600 8:1 /containers/{ID}/hostname /etc/hostname rw - ext4 x\n");
    assert_eq!(id_in_mountinfo(&own_disk), Some(ID));
    assert_eq!(id_in_mountinfo("25 1 8:1 / / rw - ext4 /dev/sda1 rw\nx\n"), None);
}
