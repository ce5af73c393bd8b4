//! The command of the operator's guide that removes empty cgroup parents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use crate::buildkit;
use crate::support::{Docker, Kind, Lab, Proxy, skip};

/// Returns the command of the guide, with `top` in place of its example.
fn command(top: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators-guide.md");
    let guide = fs::read_to_string(path).unwrap();
    let (_, rest) = guide.split_once("<!-- remove cgroup parents -->\n```sh\n").unwrap();
    let (command, _) = rest.split_once("```").unwrap();
    assert!(command.starts_with("parents='ci/*'\n"), "{command}");
    command.replacen("ci/*", &format!("{top}/*"), 1)
}

/// Runs the command in a script that stops at the first failure.
fn remove_parents(top: &str) {
    assert!(Command::new("sh").args(["-euc", &command(top)]).status().unwrap().success());
}

/// The cgroup with all parents of one test; removed with its empty children when dropped.
struct Top(String);

impl Top {
    /// Returns all cgroups in it, in all hierarchies.
    fn cgroups(&self) -> BTreeSet<PathBuf> {
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        let roots = hierarchies.map(|hierarchy| hierarchy.path());
        let mut waiting: Vec<_> = roots
            .chain([PathBuf::from("/sys/fs/cgroup")])
            .map(|root| root.join(&self.0))
            .filter(|path| path.is_dir())
            .collect();
        let mut found = BTreeSet::new();
        while let Some(path) = waiting.pop() {
            let below = fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path());
            waiting.extend(below.filter(|path| path.is_dir()));
            found.insert(path);
        }
        found
    }

    /// Returns the cgroups of one job: its parent and the cgroups below.
    fn of_job(&self, job: &str) -> BTreeSet<PathBuf> {
        let below = format!("{}/{job}", self.0);
        let is_of_job = |path: &Path| path.ancestors().any(|path| path.ends_with(&below));
        self.cgroups().into_iter().filter(|path| is_of_job(path)).collect()
    }
}

impl Drop for Top {
    fn drop(&mut self) {
        // A path sorts before those below it.
        for path in self.cgroups().iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// Starts a proxy with its own cgroup parent, and a docker command that uses it.
fn job(lab: &Lab, top: &Top, name: &str) -> (Proxy, Docker) {
    let parent = format!("/{}/{name}", top.0);
    let label = format!("ci.job={}", lab.name);
    let arguments = ["--label", &label, "--cgroup-parent", &parent];
    let proxy = Proxy::start(&lab.engine.socket, &format!("{}-{name}", lab.name), &arguments);
    let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    docker.cli.clone_from(&lab.docker.cli);
    (proxy, docker)
}

#[test]
fn the_guide_removes_all_cgroup_parents_that_are_empty_and_no_others() {
    // Declared before the lab, which removes the containers when dropped.
    let top = Top(format!("dcp-{}-parents", process::id()));
    let Some(lab) = buildkit::lab() else { return };
    if lab.engine.cgroup_driver == "systemd" || !rustix::process::geteuid().is_root() {
        return skip("the removal of cgroup parents", "that wants root, and the driver cgroupfs");
    }
    let (_ended_proxy, ended) = job(&lab, &top, "ended");
    let (_busy_proxy, busy) = job(&lab, &top, "busy");
    let run = || ended.ok(&["run", "--rm", lab.image(), "true"]);
    run();
    let image = lab.reserve(Kind::Image, "built");
    let built = buildkit::build(&lab, &ended, &image, &[], "FROM BASE\nRUN true\n");
    assert_eq!(built.code, Some(0), "{built:?}");
    let container = lab.reserve(Kind::Container, "busy");
    busy.ok(&["run", "--detach", "--name", &container, lab.image(), "sleep", "600"]);

    let left = top.of_job("ended");
    assert!(!left.is_empty(), "the daemon removes them now: the guide is out of date");
    let version = lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]);
    let by_buildkit = left.iter().any(|path| path.ends_with("buildkit"));
    // Docker 20.10 does not run BuildKit's steps below the parent.
    assert_eq!(by_buildkit, !version.starts_with("20."), "{version}: {left:?}");
    let in_use = top.of_job("busy");
    assert!(in_use.iter().any(|path| !path.ends_with("busy")), "no container in {in_use:?}");

    remove_parents(&top.0);
    assert_eq!(top.of_job("ended"), BTreeSet::new());
    assert_eq!(top.of_job("busy"), in_use);
    assert_eq!(lab.inspect(Kind::Container, &container, "{{.State.Running}}"), "true");

    // The daemon creates it again.
    run();
    assert!(!top.of_job("ended").is_empty());
    lab.direct.ok(&["rm", "--force", &container]);
    remove_parents(&top.0);
    let rest = top.cgroups();
    assert!(rest.iter().all(|path| path.ends_with(&top.0)), "{rest:?}");
}
