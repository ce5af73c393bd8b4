//! Siblings below the cgroup parent of their caller.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Job, host, label, proxy, refusal};
use crate::support::{Docker, Finished, Kind, Lab, Proxy, Running, assert_below, skip, until};

const BESIDE: [&str; 2] = ["--cgroup-parent", "caller"];

/// The id of a container that no daemon knows.
const FOREIGN: &str = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

/// Returns the daemon's `CgroupParent` for a container.
fn parent_of(lab: &Lab, container: &str) -> String {
    lab.inspect(Kind::Container, container, "{{.HostConfig.CgroupParent}}")
}

#[test]
fn a_sibling_is_below_the_parent_of_its_caller_whatever_it_asks_for() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &BESIDE);
    let job = Job::start(&lab, &proxy.socket(), "job", &["--cgroup-parent", &lab.cgroup_parent]);
    let sibling = job.sibling("sibling", &["--cgroup-parent", "/elsewhere"]);
    assert_eq!(parent_of(&lab, &sibling), lab.cgroup_parent);
    lab.direct.ok(&["start", &sibling]);
    lab.assert_confined(&sibling);
}

#[test]
fn a_caller_without_a_parent_leaves_the_choice_to_the_daemon_and_not_to_itself() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &BESIDE);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    for options in [&[][..], &["--cgroup-parent", "/elsewhere"]] {
        let sibling = job.sibling(&format!("sibling-{}", options.len()), options);
        assert_eq!(parent_of(&lab, &sibling), "");
    }
}

/// Returns `true` if this test can make cgroups for this daemon.
fn makes_cgroups(lab: &Lab) -> bool {
    let can = lab.engine.cgroup_driver == "cgroupfs" && rustix::process::geteuid().is_root();
    if !can {
        skip("a test of cgroups", "that wants root, and the driver cgroupfs");
    }
    can
}

/// Returns the roots of the hierarchies.
fn hierarchies(lab: &Lab) -> Vec<PathBuf> {
    let top = Path::new("/sys/fs/cgroup");
    if lab.engine.cgroup_version == "2" {
        return vec![top.to_owned()];
    }
    let all = fs::read_dir(top).unwrap().flatten().map(|entry| entry.path());
    all.filter(|root| root.join("cgroup.procs").exists()).collect()
}

#[test]
fn the_limit_of_the_parent_ends_a_sibling_that_exceeds_it() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &BESIDE);
    let job = Job::start(&lab, &proxy.socket(), "job", &["--cgroup-parent", &lab.cgroup_parent]);
    for (file, limit) in [
        ("memory/PARENT/memory.limit_in_bytes", "128M"),
        ("memory/PARENT/memory.memsw.limit_in_bytes", "128M"),
        ("PARENT/memory.max", "128M"),
        ("PARENT/memory.swap.max", "0"),
    ] {
        let file =
            Path::new("/sys/fs/cgroup").join(file.replace("PARENT", &lab.cgroup_parent[1..]));
        if file.exists() {
            fs::write(file, limit).unwrap();
        }
    }
    let (modest, greedy) =
        (lab.reserve(Kind::Container, "modest"), lab.reserve(Kind::Container, "greedy"));
    let run = |name: &str, size: &str| {
        let size = format!("bs={size}");
        let options = ["run", "--name", name, "--memory", "1g", "--cgroup-parent", "/elsewhere"];
        let command = ["dd", "if=/dev/zero", "of=/dev/null", "count=1", &size];
        job.docker(&[&options[..], &[lab.image()], &command].concat()).code
    };
    assert_eq!(run(&modest, "16M"), Some(0));
    assert_eq!(run(&greedy, "256M"), Some(137));
    assert_eq!(lab.inspect(Kind::Container, &greedy, "{{.State.OOMKilled}}"), "true");
}

/// Makes the cgroup `path` in the hierarchy with this root, unless it exists, and returns it.
fn make(root: PathBuf, path: &str) -> PathBuf {
    let mut cgroup = root;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let above = cgroup.clone();
        cgroup.push(name);
        let is_new = fs::create_dir(&cgroup).is_ok();
        // With version 1, no process may enter without them. With version 2 there are none to copy.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let all = fs::read_to_string(above.join(file)).unwrap_or_default();
            if is_new && !all.trim().is_empty() {
                fs::write(cgroup.join(file), all).unwrap();
            }
        }
    }
    cgroup
}

/// A process of this host in a cgroup of its own.
struct Process<'lab> {
    lab: &'lab Lab,
    /// The cgroup in each hierarchy.
    cgroups: Vec<PathBuf>,
}

impl<'lab> Process<'lab> {
    fn at(lab: &'lab Lab, path: &str, is_in: impl Fn(&Path) -> bool) -> Self {
        let roots = hierarchies(lab).into_iter().filter(|root| is_in(root));
        let cgroups = roots.map(|root| make(root, path)).collect();
        Self { lab, cgroups }
    }

    /// Prepares a command that runs in the cgroup.
    fn command(&self, docker: &Docker, program: &str) -> Command {
        let enter = "for cgroup in $CGROUPS; do echo $$ >$cgroup/cgroup.procs; done; exec \"$@\"";
        let cgroups: Vec<_> = self.cgroups.iter().map(|path| path.to_str().unwrap()).collect();
        let mut command = docker.command("sh");
        command.env("CGROUPS", cgroups.join(" ")).args(["-euc", enter, "sh", program]);
        command
    }

    /// Creates a container with this name.
    fn create(&self, proxy: &Proxy, name: &str) -> Finished {
        let docker = host(self.lab, proxy);
        let mut command = self.command(&docker, &docker.cli);
        command.args(["create", "--name", name, self.lab.image(), "sleep", "1000"]);
        Running::start(&mut command).unwrap().finish()
    }

    /// Creates a container; returns its name.
    fn creates(&self, proxy: &Proxy, what: &str) -> String {
        let name = self.lab.reserve(Kind::Container, what);
        let finished = self.create(proxy, &name);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        name
    }

    /// Fails unless a create is refused; returns the message.
    fn refused(&self, proxy: &Proxy) -> String {
        let name = self.lab.reserve(Kind::Container, "refused");
        refusal(self.lab, &name, &self.create(proxy, &name))
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        let top = Path::new(&self.lab.cgroup_parent[1..]);
        for cgroup in &self.cgroups {
            for path in cgroup.ancestors().take_while(|path| !path.ends_with(top)) {
                let _ = fs::remove_dir(path);
            }
        }
    }
}

#[test]
fn a_container_that_another_runtime_runs_for_a_pod_keeps_its_siblings_in_the_pod() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &["--cgroup-parent=caller", "--label=ci.parent={container:-none}"]);
    let pod = format!("{}/kubepods/burstable/pod7f3c", lab.cgroup_parent);
    let process = Process::at(&lab, &format!("{pod}/{FOREIGN}"), |_| true);
    let sibling = process.creates(&proxy, "sibling");
    assert_eq!(parent_of(&lab, &sibling), pod);
    assert_eq!(label(&lab, &sibling, "ci.parent"), "none");
    lab.direct.ok(&["start", &sibling]);
    let pid = lab.inspect(Kind::Container, &sibling, "{{.State.Pid}}");
    assert_below(&pod, &fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap());
    lab.direct.ok(&["rm", "--force", &sibling]);
}

#[test]
fn a_step_of_a_batch_job_keeps_its_containers_in_the_job() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &BESIDE);
    // Slurm makes cgroups in the hierarchies whose limits it sets, and leaves the others to the system.
    let job = format!("{}/slurm/uid_7/job_42", lab.cgroup_parent);
    let limited = |root: &Path| root.ends_with("memory") || lab.engine.cgroup_version == "2";
    let process = Process::at(&lab, &format!("{job}/step_0"), limited);
    assert_eq!(parent_of(&lab, &process.creates(&proxy, "of-step")), job);
}

#[test]
fn with_version_1_a_caller_in_the_cgroups_of_two_jobs_has_no_parent() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) || lab.engine.cgroup_version != "1" {
        return;
    }
    let proxy = proxy(&lab, &BESIDE);
    let at = |job: &str, hierarchy: &str| {
        let path = format!("{}/{job}/step", lab.cgroup_parent);
        Process::at(&lab, &path, |root| root.ends_with(hierarchy))
    };
    let (mut process, mut other) = (at("job_1", "memory"), at("job_2", "pids"));
    process.cgroups.append(&mut other.cgroups);
    let message = process.refused(&proxy);
    assert!(message.contains("in another hierarchy of cgroup version 1"), "{message}");
}

#[test]
fn a_parent_with_processes_of_its_own_is_one_with_version_1_alone() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &BESIDE);
    let unit = format!("{}/unit", lab.cgroup_parent);
    let process = Process::at(&lab, &format!("{unit}/step"), |_| true);
    let main = Process::at(&lab, &unit, |_| true);
    let mut sleep = main.command(&lab.docker, "sleep");
    let _sleep = Running::start(sleep.arg("1000")).unwrap();
    let procs = main.cgroups.last().unwrap().join("cgroup.procs");
    until("it is in the cgroup", || (fs::read(&procs).unwrap() != b"").then_some(()));
    if lab.engine.cgroup_version == "1" {
        assert_eq!(parent_of(&lab, &process.creates(&proxy, "sibling")), unit);
    } else {
        let message = process.refused(&proxy);
        assert!(message.contains("has processes of its own"), "{message}");
    }
}

#[test]
fn a_cgroup_that_is_named_like_the_container_of_another_job_gives_none_of_its_values() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &["--label=ci.secret={container.label:secret:-none}"]);
    let victim = Job::start(&lab, &proxy.socket(), "victim", &["--label", "secret=s3cret"]);
    let attacker = Job::start(&lab, &proxy.socket(), "attacker", &[]);
    let id = lab.inspect(Kind::Container, &victim.name, "{{.Id}}");
    for parent in [lab.cgroup_parent.clone(), cgroup(&lab, &attacker.name)] {
        let attacker = Process::at(&lab, &format!("{parent}/{id}"), |_| true);
        let message = attacker.refused(&proxy);
        assert!(message.contains("but the container of that name is elsewhere"), "{message}");
    }
}

#[test]
fn a_container_within_a_container_counts_as_the_outer_one() {
    let Some(lab) = Lab::open() else { return };
    if !makes_cgroups(&lab) {
        return;
    }
    let proxy = proxy(&lab, &["--label=ci.parent={container.name}"]);
    let outer = Job::start(&lab, &proxy.socket(), "outer", &[]);
    let inner = format!("{}/docker/{FOREIGN}", cgroup(&lab, &outer.name));
    let inner = Process::at(&lab, &inner, |_| true);
    assert_eq!(label(&lab, &inner.creates(&proxy, "sibling"), "ci.parent"), outer.name);
}

/// Returns the cgroup of a running container.
fn cgroup(lab: &Lab, container: &str) -> String {
    let found = lab.inspect(Kind::Container, container, "{{.Id}} {{.State.Pid}}");
    let (id, pid) = found.split_once(' ').unwrap();
    let all = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let line = all.lines().find(|line| line.contains(id)).unwrap();
    line.splitn(3, ':').nth(2).unwrap().to_owned()
}
