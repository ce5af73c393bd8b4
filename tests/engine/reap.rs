//! The command `reap`: what carries the labels goes, and nothing else.

mod bystanders;
mod swarm;

use std::path::Path;
use std::process::Command;

use crate::support::{Finished, Kind, Lab, Running, binary, until};

/// A lab with things that carry a label of their own.
struct Job {
    lab: Lab,
    label: String,
}

impl Job {
    fn open() -> Option<Self> {
        let lab = Lab::open()?;
        let label = format!("reap.test={}", lab.name);
        Some(Self { lab, label })
    }

    /// Creates a thing with the label; returns its name.
    fn make(&self, kind: Kind, what: &str) -> String {
        let name = self.lab.reserve(kind, what);
        let word = if kind == Kind::Volume { "volume" } else { "network" };
        self.lab.direct.ok(&[word, "create", "--label", &self.label, &name]);
        name
    }

    /// Runs a container with the label.
    fn run(&self, what: &str, options: &[&str], script: &str) -> String {
        let labelled = [&["--label", &self.label], options].concat();
        self.run_plainly(what, &labelled, self.lab.image(), script)
    }

    /// Runs a container without the label.
    fn run_plainly(&self, what: &str, options: &[&str], image: &str, script: &str) -> String {
        let name = self.lab.reserve(Kind::Container, what);
        let arguments = ["run", "--detach", "--name", &name];
        let command = [image, "sh", "-c", script];
        self.lab.direct.ok(&[&arguments, options, &command].concat());
        name
    }

    /// Makes an image with the label and this tag; returns its id.
    fn image(&self, tag: &str) -> String {
        self.lab.remove_later(Kind::Image, tag);
        let plain = self.run_plainly("plain", &[], self.lab.image(), "exit");
        let change = format!("LABEL {}", self.label);
        let id = self.lab.direct.ok(&["commit", "--change", &change, &plain, tag]);
        self.lab.direct.ok(&["rm", "--force", &plain]);
        id
    }

    fn reap(&self, options: &[&str]) -> Finished {
        reap(&self.lab.engine.socket, &[&["--label", &self.label], options].concat())
    }

    /// Returns `true` if the thing exists.
    fn has(&self, kind: &str, name: &str) -> bool {
        self.lab.direct.run(&[kind, "inspect", name]).code == Some(0)
    }

    /// Returns all containers, networks, volumes and images with the label.
    fn all(&self) -> String {
        let filter = format!("label={}", self.label);
        let list = |kind: &str, all: &[&str]| {
            let arguments = [&[kind, "ls", "--quiet", "--filter", &filter], all].concat();
            self.lab.direct.ok(&arguments)
        };
        [("container", &["--all"][..]), ("network", &[]), ("volume", &[]), ("image", &[])]
            .map(|(kind, all)| list(kind, all))
            .concat()
    }
}

fn reap(daemon: &Path, options: &[&str]) -> Finished {
    let mut command = Command::new(binary());
    command.args(["reap", "--grace", "1", "--dockersocket"]).arg(daemon).args(options);
    Running::start(&mut command).unwrap().finish()
}

#[test]
fn everything_with_the_label_goes_and_nothing_else() {
    let Some(job) = Job::open() else { return };
    let (network, volume) = (job.make(Kind::Network, "net"), job.make(Kind::Volume, "data"));
    let options =
        ["--network", &network, "--volume", &format!("{volume}:/data"), "--volume", "/anonymous"];
    let web = job.run("web", &options, "sleep 1000");
    let mounts = "{{range .Mounts}}{{println .Name}}{{end}}";
    let mounts = job.lab.inspect(Kind::Container, &web, mounts);
    let anonymous = mounts.lines().find(|name| **name != volume).unwrap();
    job.run("always", &["--restart", "always"], "trap '' TERM; while :; do sleep 1; done");
    job.run("ended", &[], "exit 3");
    let id = job.image(&format!("{}-one:1", job.lab.name));
    for other in ["one:2", "two:1"] {
        let tag = format!("{}-{other}", job.lab.name);
        job.lab.remove_later(Kind::Image, &tag);
        job.lab.direct.ok(&["tag", &id, &tag]);
    }
    // Not of the job: without the label, or with another value.
    let kept = job.lab.reserve(Kind::Volume, "kept");
    job.lab.direct.ok(&["volume", "create", "--label", &format!("{}x", job.label), &kept]);
    let other = job.run_plainly("other", &[], job.lab.image(), "sleep 1000");

    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), "");
    assert!(!job.has("volume", anonymous), "an anonymous volume stayed");
    assert!(!job.has("image", &id));
    assert!(job.has("volume", &kept));
    assert_eq!(job.lab.inspect(Kind::Container, &other, "{{.State.Running}}"), "true");
    let lines = done.out();
    let row = |kind: &str, name: &str| {
        let is_row = |line: &&str| line.starts_with(kind) && line.contains(name);
        let row = lines.lines().find(is_row).unwrap_or_else(|| panic!("no {name} in\n{lines}"));
        assert!(row.ends_with("  removed"), "{row}");
    };
    row("container  ", &web);
    row("network ", &network);
    row("volume ", &volume);
    row("image ", &job.lab.name);
    assert!(lines.starts_with("KIND"), "{lines}");
    assert!(lines.ends_with("6 removed, 0 left, 0 kept"), "{lines}");
    assert!(done.err().contains("removing what carries"), "{done:?}");
    assert!(done.err().contains("containers to remove: 3"), "{done:?}");

    let again = job.reap(&[]);
    assert_eq!((again.code, again.out().as_str()), (Some(0), "nothing to remove"));
}

#[test]
fn a_paused_container_goes() {
    let Some(job) = Job::open() else { return };
    let name = job.run("paused", &[], "sleep 1000");
    job.lab.direct.ok(&["pause", &name]);
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), "");
}

#[test]
fn containers_that_somebody_else_removes_are_no_failure() {
    let Some(job) = Job::open() else { return };
    let names: Vec<String> =
        (0..6).map(|number| job.run(&format!("c{number}"), &[], "sleep 1000")).collect();
    let mut arguments = vec!["rm", "--force", "--volumes"];
    arguments.extend(names.iter().map(String::as_str));
    let other = job.lab.direct.start(&arguments);
    let done = job.reap(&["--grace", "0"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), "");
    other.finish();
}

#[test]
fn a_dry_run_removes_nothing() {
    let Some(job) = Job::open() else { return };
    let (web, volume) = (job.run("web", &[], "sleep 1000"), job.make(Kind::Volume, "data"));
    let before = job.all();
    let done = job.reap(&["--dry-run"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), before);
    assert_eq!(job.lab.inspect(Kind::Container, &web, "{{.State.Running}}"), "true");
    let text = done.out();
    for name in [&web, &volume] {
        let row = text.lines().find(|line| line.contains(name.as_str())).unwrap();
        assert!(row.ends_with("would be removed"), "{text}");
    }
    assert!(text.ends_with("2 would be removed, 0 left, 0 kept"), "{text}");
}

#[test]
fn kinds_that_are_kept_stay() {
    let Some(job) = Job::open() else { return };
    let (network, volume) = (job.make(Kind::Network, "net"), job.make(Kind::Volume, "data"));
    let web = job.run("web", &["--volume", "/anonymous"], "sleep 1000");
    let mounts = "{{range .Mounts}}{{.Name}}{{end}}";
    let anonymous = job.lab.inspect(Kind::Container, &web, mounts);
    job.lab.remove_later(Kind::Volume, &anonymous);
    let done = job.reap(&["--keep", "volumes,networks"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!job.has("container", &web));
    assert!(job.has("volume", &volume) && job.has("volume", &anonymous));
    assert!(job.has("network", &network));
}

#[test]
fn young_things_stay() {
    let Some(job) = Job::open() else { return };
    job.run("web", &[], "sleep 1000");
    job.make(Kind::Network, "net");
    job.make(Kind::Volume, "data");
    job.image(&format!("{}-young:1", job.lab.name));
    let before = job.all();
    let done = job.reap(&["--older-than", "1h"]);
    assert_eq!((done.code, done.out().as_str()), (Some(0), "nothing to remove"));
    assert_eq!(job.all(), before);
    let done = job.reap(&["--older-than", "0s"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), "");
}

#[test]
fn programs_read_objects() {
    let Some(job) = Job::open() else { return };
    let volume = job.make(Kind::Volume, "data");
    let done = job.reap(&["--format", "json"]);
    let lines: Vec<serde_json::Value> =
        done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [thing, summary] = &lines[..] else { panic!("{done:?}") };
    assert_eq!((&thing["kind"], &thing["name"]), (&"volume".into(), &volume.into()));
    assert_eq!(thing["result"], "removed");
    assert_eq!(summary["summary"]["removed"], 1);
}

#[test]
fn without_a_label_nothing_is_removed() {
    let Some(job) = Job::open() else { return };
    let volume = job.make(Kind::Volume, "data");
    let done = reap(&job.lab.engine.socket, &[]);
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.err().contains("--label KEY=VALUE"), "{done:?}");
    assert!(job.has("volume", &volume));
}

#[test]
fn a_daemon_that_is_away_is_no_success() {
    let done = reap(Path::new("/nowhere/docker.sock"), &["--label", "a=b"]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.err().contains("cannot be reached"), "{done:?}");
}

#[test]
fn an_empty_cgroup_parent_goes_unless_it_has_limits() {
    let Some(job) = Job::open() else { return };
    if job.lab.engine.cgroup_driver != "cgroupfs" || !rustix::process::geteuid().is_root() {
        return;
    }
    let parent = |what: &str| format!("/dcp-test-{}-{what}", job.lab.name);
    let root = |what: &str| {
        let v1 = format!("/sys/fs/cgroup/pids{}", parent(what));
        let v1 = Path::new(&v1).to_owned();
        if job.lab.engine.cgroup_version == "1" {
            v1
        } else {
            format!("/sys/fs/cgroup{}", parent(what)).into()
        }
    };
    for what in ["free", "limited"] {
        job.run(what, &["--cgroup-parent", &parent(what)], "sleep 1000");
        assert!(root(what).is_dir());
    }
    std::fs::write(root("limited").join("pids.max"), "1000").unwrap();
    let done = job.reap(&[]);
    let stays = root("limited").is_dir();
    crate::support::remove_cgroup(&parent("limited"));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(stays && !done.out().contains(&parent("limited")), "{done:?}");
    assert!(!root("free").exists() && done.out().contains(&parent("free")), "{done:?}");
}

#[test]
fn many_containers_stop_at_once() {
    let Some(job) = Job::open() else { return };
    for number in 0..20 {
        job.run(&format!("c{number}"), &[], "trap '' TERM; while :; do sleep 1; done");
    }
    let start = std::time::Instant::now();
    let done = job.reap(&["--grace", "5"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    until("they are gone", || job.all().is_empty().then_some(()));
    assert!(start.elapsed().as_secs() < 40, "they were stopped one after another");
}
