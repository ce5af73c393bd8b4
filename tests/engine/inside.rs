//! The proxy inside a container: `--cgroup-parent self` is that container's cgroup parent.

use crate::support::{Docker, Kind, Lab, binary, until};

const SELF: [&str; 2] = ["--cgroup-parent", "self"];

#[test]
fn self_is_the_cgroup_parent_of_the_proxys_own_container() {
    let Some(lab) = Lab::open() else { return };
    let parent = lab.cgroup_parent.clone();
    let socket = start_inside(&lab, &["--cgroup-parent", &parent], &SELF);
    let docker = Docker::new(&socket, lab.proxy.folder().path());
    until("the proxy inside answers", || (docker.run(&["version"]).code == Some(0)).then_some(()));

    let container = lab.reserve(Kind::Container, "child");
    docker.ok(&["run", "--detach", "--name", &container, lab.image(), "sleep", "1000"]);
    lab.assert_confined(&container);
    assert_eq!(lab.inspect(Kind::Container, &container, "{{.HostConfig.CgroupParent}}"), parent);
}

#[test]
fn without_a_parent_of_its_own_the_proxy_says_so_and_ends() {
    let Some(lab) = Lab::open() else { return };
    start_inside(&lab, &[], &SELF);
    let name = format!("{}-proxy", lab.name);
    assert_eq!(lab.direct.ok(&["wait", &name]), "1");
    let log = lab.direct.run(&["logs", &name]).err();
    assert!(log.contains("--cgroup-parent self: ") && log.contains("no cgroup parent"), "{log}");
}

/// Starts the proxy in a container with these options and the host's files mounted; returns its listening
/// socket.
pub(crate) fn start_inside(lab: &Lab, options: &[&str], rules: &[&str]) -> std::path::PathBuf {
    let name = lab.reserve(Kind::Container, "proxy");
    let socket = lab.proxy.folder().join("inside");
    let binary = binary();
    let mut arguments = vec!["run", "--detach", "--name", &name, "--volume", "/:/host"];
    arguments.extend(options);
    arguments.extend([lab.image(), "chroot", "/host", &binary]);
    arguments.extend(["--dockersocket", lab.engine.socket.to_str().unwrap()]);
    arguments.extend(["--listensocket", socket.to_str().unwrap()]);
    arguments.extend(rules);
    lab.direct.ok(&arguments);
    socket
}
