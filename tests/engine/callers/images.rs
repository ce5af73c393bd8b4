//! Images that a CI container builds.

use super::Job;
use crate::buildkit;
use crate::support::{Finished, Kind, Lab, Proxy, assert_below, remove_cgroup};

/// Three listeners: builds go where the daemon puts them, below a pool, and beside their caller.
const CONFIG: &str = r#"
[[listener]]
name = "free"
socket = "FOLDER/s"
daemon = "DAEMON"
cgroup_parent = "caller"
labels = { "ci.parent" = "{listener} {container.name:-host}" }

[[listener]]
name = "pool"
socket = "FOLDER/pool"
daemon = "DAEMON"
cgroup_parent = "caller"
build_cgroup_parent = "POOL"
labels = { "ci.parent" = "{listener} {container.name:-host}" }

[[listener]]
name = "beside"
socket = "FOLDER/beside"
daemon = "DAEMON"
build_cgroup_parent = "caller"
labels = { "ci.parent" = "{listener} {container.name:-host}" }
"#;

/// Builds in the CI container, with a Dockerfile on the standard input.
fn build(job: &Job<'_>, buildkit: &str, socket: &str, image: &str) -> Finished {
    let dockerfile = format!("FROM {}\nRUN cat /proc/self/cgroup\n", job.lab.image());
    let (builder, host) =
        (format!("DOCKER_BUILDKIT={buildkit}"), format!("DOCKER_HOST=unix:///proxy/{socket}"));
    let words = ["exec", "--interactive", "--env", &builder, "--env", &host, &job.name];
    let command = ["docker", "build", "--no-cache", "--tag", image, "-"];
    job.lab.direct.run_with(&[&words[..], &command].concat(), dockerfile.as_bytes())
}

/// Builds at each listener, with the label of the caller and the listener's cgroup parent.
fn build_at_each(lab: &Lab, buildkit: &str) {
    let pool = match &*lab.engine.cgroup_driver {
        "systemd" => "dcptest-pool.slice".to_owned(),
        _ => format!("{}-pool", lab.cgroup_parent),
    };
    let file = CONFIG.replace("DAEMON", lab.engine.socket.to_str().unwrap()).replace("POOL", &pool);
    let proxy = Proxy::configured(&format!("{}-callers", lab.name), &file);
    let folder = format!("{}:/proxy", proxy.folder().path().display());
    let options = ["--cgroup-parent", &lab.cgroup_parent, "--volume", &folder];
    let job = Job::start(lab, &proxy.socket(), "job", &options);
    // Docker 20.10 has no cgroup parent for BuildKit's steps; with cgroup version 2 a step sees itself at the
    // root; BuildKit does not understand slices.
    let version = lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]);
    let is_seen = lab.engine.cgroup_version == "1"
        && (buildkit == "0"
            || !version.starts_with("20.") && lab.engine.cgroup_driver != "systemd");
    let image = lab.reserve(Kind::Image, "built");
    for (listener, socket, parent) in [
        ("free", "s", None),
        ("pool", "pool", Some(&pool)),
        ("beside", "beside", Some(&lab.cgroup_parent)),
    ] {
        let built = build(&job, buildkit, socket, &image);
        assert_eq!(built.code, Some(0), "{built:?}");
        let label = lab.inspect(Kind::Image, &image, "{{index .Config.Labels \"ci.parent\"}}");
        assert_eq!(label, format!("{listener} {}", job.name));
        let cgroups = cgroups(&built);
        match parent {
            _ if !is_seen => {}
            Some(parent) => assert_below(parent, &cgroups),
            None => assert!(!cgroups.contains(&lab.cgroup_parent), "{cgroups}"),
        }
    }
    remove_cgroup(&pool);
}

/// Returns the lines of `/proc/self/cgroup` that a step has printed, on either output.
fn cgroups(built: &Finished) -> String {
    let told = format!("{}\n{}", built.out(), built.err());
    let lines = told.lines().filter(|line| line.matches(":/").count() == 1);
    lines.filter(|line| !line.contains("localhost:")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_classic_build_has_the_label_of_its_caller_and_the_cgroup_parent_of_builds() {
    let Some(lab) = Lab::open() else { return };
    build_at_each(&lab, "0");
}

#[test]
fn a_build_by_buildkit_has_the_label_of_its_caller_and_the_cgroup_parent_of_builds() {
    let Some(lab) = buildkit::lab() else { return };
    build_at_each(&lab, "1");
}
