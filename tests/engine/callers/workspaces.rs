//! Three places of a CI container: beside a mounted socket, beside docker:dind, and below a controller of its
//! own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Job, label, proxy};
use crate::buildkit;
use crate::support::{Kind, Lab, Proxy, Running, skip, until};
use crate::swarm::Swarm;

#[test]
fn compose_in_a_ci_container_mounts_folders_of_its_workspace() {
    let Some(lab) = buildkit::lab() else { return };
    if buildkit::run(&lab.docker, &["compose", "version"]).code != Some(0) {
        return skip("compose in a container", "the docker command has no compose");
    }
    let proxy = proxy(&lab, &["--map-paths=caller", "--label=ci.parent={container.name:-host}"]);
    let place = lab.proxy.folder().join("place");
    fs::create_dir_all(place.join("src")).unwrap();
    fs::write(place.join("src/in"), "of the job").unwrap();
    let service = "command: [cp, /src/in, /src/out], volumes: ['./src:/src', './made:/made']";
    let project = format!("services: {{web: {{image: '{}', {service}}}}}\n", lab.image());
    fs::write(place.join("compose.yml"), project).unwrap();
    let mount = format!("{}:/ci/workspace", place.display());
    let job =
        Job::start(&lab, &proxy.socket(), "job", &["--volume", &mount, "--workdir=/ci/workspace"]);
    let compose = ["docker", "compose", "--project-name", &lab.name];
    job.ok(&[&compose[..], &["up"]].concat());
    assert_eq!(fs::read_to_string(place.join("src/out")).unwrap(), "of the job");
    assert!(place.join("made").is_dir());
    let filter = format!("label=com.docker.compose.project={}", lab.name);
    let made = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &filter]);
    assert_eq!(label(&lab, &made, "ci.parent"), job.name);
    job.ok(&[&compose[..], &["down", "--timeout=0"]].concat());
}

#[test]
fn a_service_mounts_a_folder_of_the_workspace() {
    let Some(lab) = Lab::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let proxy = proxy(&lab, &["--map-paths=caller"]);
    let place = lab.proxy.folder().join("place");
    fs::create_dir_all(place.join("sub")).unwrap();
    let mount = format!("{}:/ci/workspace", place.display());
    let job = Job::start(&lab, &proxy.socket(), "job", &["--volume", &mount]);
    let name = lab.reserve(Kind::Service, "service");
    let options = [
        "--detach",
        "--restart-condition=none",
        "--mount=type=bind,src=/ci/workspace/sub,dst=/data",
    ];
    let command = [lab.image(), "touch", "/data/made"];
    job.ok(&[&["docker", "service", "create", "--name", &name], &options[..], &command].concat());
    until("the service has made its file", || place.join("sub/made").exists().then_some(()));
}

/// The controller and its containers go through the same proxy. The workspace has three paths.
#[test]
fn a_controller_in_a_container_starts_ci_containers_which_start_their_own() {
    let Some(lab) = Lab::open() else { return };
    let rules = [
        "--map-paths=caller",
        "--map-paths-strict",
        "--label=ci.parent={container.name:-host}",
        // Each generation has it from the one before, whatever it asks for.
        "--label=ci.team={container.label:ci.team:-none}",
    ];
    let proxy = proxy(&lab, &rules);
    let place = lab.proxy.folder().join("place");
    fs::create_dir_all(place.join("builds/1/src")).unwrap();
    fs::write(place.join("builds/1/src/file"), "cloned").unwrap();
    let mount = format!("{}:/runner", place.display());
    let options = ["--volume", &mount, "--label=ci.team=web"];
    let controller = Job::start(&lab, &proxy.socket(), "controller", &options);

    let name = lab.reserve(Kind::Container, "ci");
    let socket = "--volume=/var/run/docker.sock:/var/run/docker.sock";
    let create =
        ["docker", "create", "--name", &name, "--volume=/runner/builds/1:/project", socket];
    // Those of the controller, which has them at the same paths.
    let tools = super::tools();
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    let command = ["--label=ci.team=other", lab.image(), "sleep", "1000"];
    controller.ok(&[&create[..], &tools, &command].concat());
    lab.direct.ok(&["start", &name]);

    let ci = Job { lab: &lab, name };
    let script = "cat /data/file; echo built >/data/result";
    assert_eq!(ci.sees(&["--volume=/project/src:/data"], script), "cloned");
    assert_eq!(controller.ok(&["cat", "/runner/builds/1/src/result"]), "built");
    let test = ci.sibling("test", &["--volume=/project:/data:ro", "--label=ci.team=other"]);
    for (container, parent) in [(&ci.name, &controller.name), (&test, &ci.name)] {
        assert_eq!(label(&lab, container, "ci.parent"), *parent);
        assert_eq!(label(&lab, container, "ci.team"), "web");
    }
    // It is a path of another container.
    ci.refused("foreign", &["--volume=/runner/builds/1:/data"]);
}

/// Returns the path of a script of the tests.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine").join(name)
}

/// A second daemon, in whose view a directory of the host is elsewhere.
struct Inner {
    folder: String,
    socket: String,
}

impl Inner {
    fn start(lab: &Lab, shared: &Path, seen: &Path) -> Self {
        let folder = lab.proxy.folder().join(&format!("{}-dind", lab.name)).display().to_string();
        let mount = "mount --bind $0 $1; exec $2 $3";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation=private", "sh", "-euc", mount]);
        command.args([shared, seen]).arg(script("up")).arg(&folder);
        let started = Running::start(&mut command).unwrap().finish();
        assert_eq!(started.code, Some(0), "{started:?}");
        Self { folder, socket: started.out() }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = Command::new(script("down")).arg(&self.folder).status();
    }
}

#[test]
fn beside_a_daemon_that_sees_the_shared_directory_elsewhere_the_operator_maps_it() {
    let Some(lab) = Lab::open() else { return };
    let has_dockerd =
        Path::new("/usr/sbin/dockerd").exists() || Path::new("/usr/bin/dockerd").exists();
    if !has_dockerd || !rustix::process::geteuid().is_root() {
        return skip("a second daemon", "that wants root, and dockerd");
    }
    let (shared, seen) = (lab.proxy.folder().join("shared"), lab.proxy.folder().join("seen"));
    fs::create_dir_all(shared.join("7/src")).unwrap();
    fs::create_dir(&seen).unwrap();
    let inner = Inner::start(&lab, &shared, &seen);
    let mut image = Command::new(script("images"));
    let image = Running::start(image.arg(&inner.socket)).unwrap().finish().out();

    let map = format!("--map-path=/builds/7={}/7", seen.display());
    let proxy = Proxy::start(
        Path::new(&inner.socket),
        &format!("{}-callers", lab.name),
        &[&map, "--map-paths-strict"],
    );
    let mount = format!("{}:/builds", shared.display());
    let job = Job::start(&lab, &proxy.socket(), "job", &["--volume", &mount]);
    job.ok(&["sh", "-c", "echo of the job >/builds/7/src/there"]);
    let script = "cat /data/there; echo of the sibling >/data/back";
    let run = ["docker", "run", "--rm", "--volume=/builds/7/src:/data", &image, "sh", "-c", script];
    assert_eq!(job.ok(&run), "of the job");
    assert_eq!(job.ok(&["cat", "/builds/7/src/back"]), "of the sibling");
    assert!(!seen.join("7").exists(), "the daemon sees what the host sees");
    let other = job.docker(&["run", "--rm", "--volume=/builds/8:/data", &image, "true"]);
    assert!(other.err().contains("for this caller: /builds/7;"), "{other:?}");
}
