//! Compares the table of operations with the Engine API's descriptions: each operation must be known and
//! classified. A new one of a later version fails here until it is.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use dockerd_ci_proxy::engine::{Payload, Upgrade, route};

const DESCRIBED: &str = include_str!("data/engine-api.txt");

/// The operations that create or replace something with labels; all of them must be rewritten or refused.
const CREATING: &[&str] = &[
    "ConfigCreate",
    "ConfigUpdate",
    "ContainerCreate",
    "ContainerStart",
    "ImageBuild",
    "ImageCommit",
    "ImageCreate",
    "NetworkCreate",
    "SecretCreate",
    "SecretUpdate",
    "ServiceCreate",
    "ServiceUpdate",
    "VolumeCreate",
];

/// The operations that turn their connection into a tunnel.
const HIJACKING: &[&str] = &["ContainerAttach", "ContainerAttachWebsocket", "ExecStart", "Session"];

/// The POST operations that create nothing to label: labels of plugins, swarms and nodes matter neither to
/// billing nor to clean-up, a loaded or pulled image has its own, and the others change or copy something that
/// exists.
const HARMLESS_POSTS: &[&str] = &[
    "BuildPrune",
    "ContainerExec",
    "ContainerKill",
    "ContainerPause",
    "ContainerPrune",
    "ContainerRename",
    "ContainerResize",
    "ContainerRestart",
    "ContainerStop",
    "ContainerUnpause",
    "ContainerUpdate",
    "ContainerWait",
    "ExecResize",
    "ImageLoad",
    "ImagePrune",
    "ImagePush",
    "ImageTag",
    "NetworkConnect",
    "NetworkDisconnect",
    "NetworkPrune",
    "NodeUpdate",
    "PluginCreate",
    "PluginDisable",
    "PluginEnable",
    "PluginPull",
    "PluginPush",
    "PluginSet",
    "PluginUpgrade",
    "PutContainerArchive",
    "SwarmInit",
    "SwarmJoin",
    "SwarmLeave",
    "SwarmUnlock",
    "SwarmUpdate",
    "SystemAuth",
    "VolumePrune",
    "VolumeUpdate",
];

/// Returns method, path and name of each described operation.
fn described() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    DESCRIBED.lines().filter(|line| !line.starts_with('#')).map(|line| {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [method, path, _, _, name] => (method, path, name),
            _ => panic!("{line:?}?"),
        }
    })
}

#[test]
fn every_operation_that_is_described_is_known_by_its_name() {
    let mut count = 0;
    for (method, path, name) in described() {
        let path = path.replace(['{', '}'], "");
        assert_eq!(route(method, path.as_bytes()).name, name, "{method} {path}");
        count += 1;
    }
    assert!(count > 100, "only {count} operations in the description");
}

#[test]
fn somebody_has_said_of_every_operation_what_it_is() {
    for (method, path, name) in described() {
        let operation = route(method, path.replace(['{', '}'], "").as_bytes());
        let carries = match operation.payload {
            Payload::Nothing | Payload::Plugin | Payload::LibpodOptions(_) => false,
            // Updates and execs have options, but create nothing that could be labelled.
            Payload::Body(shape) => !shape.positions.is_empty(),
            _ => true,
        };
        assert_eq!(carries, CREATING.contains(&name), "{name}: does it create?");
        let hijacks = operation.upgrade == Upgrade::Hijack;
        assert_eq!(hijacks, HIJACKING.contains(&name), "{name}: does it leave HTTP?");
        let reads = ["GET", "HEAD", "DELETE"].contains(&method);
        let said = carries || hijacks || HARMLESS_POSTS.contains(&name);
        assert!(reads || said, "{name} is new: what does it create?");
    }
}
