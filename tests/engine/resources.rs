//! Networks and volumes.

use crate::support::{Kind, Lab};

#[test]
fn a_network_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let network = lab.reserve(Kind::Network, "net");
    let arguments =
        ["network", "create", "--label", "mine=kept", "--label", "ci.job=mine", "--internal"];
    lab.docker.ok(&[&arguments[..], &[&network]].concat());
    lab.assert_labels(Kind::Network, &network, &[("mine", "kept")]);
    assert_eq!(lab.inspect(Kind::Network, &network, "{{.Internal}}"), "true");
    let container = lab.background(&["--network", &network], "sleep 1000");
    lab.assert_confined(&container);
    lab.same(&["network", "inspect", &network]);
}

#[test]
fn a_named_volume_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let volume = lab.reserve(Kind::Volume, "data");
    let arguments = ["volume", "create", "--label", "mine=kept", "--label", "ci.job=mine"];
    lab.docker.ok(&[&arguments[..], &[&volume]].concat());
    lab.assert_labels(Kind::Volume, &volume, &[("mine", "kept")]);
    lab.same(&["volume", "inspect", &volume]);
}

#[test]
fn an_anonymous_volume_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let volume = lab.docker.ok(&["volume", "create"]);
    lab.remove_later(Kind::Volume, &volume);
    lab.assert_labels(Kind::Volume, &volume, &[]);
}

#[test]
fn what_the_operators_labels_mark_can_be_listed_and_pruned() {
    let Some(lab) = Lab::open() else { return };
    let volume = lab.reserve(Kind::Volume, "data");
    lab.docker.ok(&["volume", "create", &volume]);
    let filter = format!("label=ci.job={}", lab.name);
    let listed = lab.docker.ok(&["volume", "ls", "--quiet", "--filter", &filter]);
    assert_eq!(listed, volume);
    let container = lab.background(&[], "true");
    lab.docker.ok(&["wait", &container]);
    lab.docker.ok(&["container", "prune", "--force", "--filter", &filter]);
    let left = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &filter]);
    assert_eq!(left, "");
}
