//! The proxy in a container of its own.

use std::fs;
use std::path::Path;

use super::{Job, label, refusal};
use crate::inside::start_inside;
use crate::support::{Docker, Kind, Lab, skip, until};

const RULES: [&str; 4] =
    ["--label", "ci.parent={container.name:-host}", "--cgroup-parent", "caller"];

#[test]
fn with_the_hosts_namespaces_the_proxys_container_knows_its_callers() {
    let Some(lab) = Lab::open() else { return };
    let options = ["--pid", "host", "--cgroupns", "host"];
    let socket = start_inside(&lab, &options, &RULES);
    answers(&lab, &socket);
    let job = Job::start(&lab, &socket, "job", &["--cgroup-parent", &lab.cgroup_parent]);
    let sibling = job.sibling("sibling", &[]);
    assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);
    let parent = lab.inspect(Kind::Container, &sibling, "{{.HostConfig.CgroupParent}}");
    assert_eq!(parent, lab.cgroup_parent);
}

#[test]
fn without_the_hosts_pid_namespace_each_create_is_refused_with_what_to_change() {
    let Some(lab) = Lab::open() else { return };
    let socket = start_inside(&lab, &["--cgroupns", "host"], &RULES);
    answers(&lab, &socket);
    let job = Job::start(&lab, &socket, "job", &[]);
    let message = job.refused("refused", &[]);
    assert!(message.contains("start the proxy's container with --pid=host"), "{message}");
    job.ok(&["docker", "ps"]);
}

#[test]
fn in_a_cgroup_namespace_of_its_own_only_callers_in_containers_are_known() {
    let Some(lab) = Lab::open() else { return };
    let socket = start_inside(&lab, &["--pid", "host", "--cgroupns", "private"], &RULES);
    answers(&lab, &socket);
    let job = Job::start(&lab, &socket, "job", &["--cgroup-parent", &lab.cgroup_parent]);
    let sibling = job.sibling("sibling", &[]);
    assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);

    let pid = lab.inspect(Kind::Container, &format!("{}-proxy", lab.name), "{{.State.Pid}}");
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/cgroup")).unwrap();
    if namespace(&pid) == namespace("self") {
        return skip("a cgroup namespace", "the engine makes none with this version of cgroups");
    }
    let name = lab.reserve(Kind::Container, "of-host");
    let docker = Docker::new(&socket, lab.proxy.folder().path());
    let finished = docker.run(&["create", "--name", &name, lab.image(), "true"]);
    let message = refusal(&lab, &name, &finished);
    assert!(message.contains("start the proxy's container with --cgroupns=host"), "{message}");
}

fn answers(lab: &Lab, socket: &Path) {
    let docker = Docker::new(socket, lab.proxy.folder().path());
    until("the proxy inside answers", || (docker.run(&["version"]).code == Some(0)).then_some(()));
}
