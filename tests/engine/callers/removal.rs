//! The removal of what a container's processes created, after its end, and of what clients created, when the proxy
//! stops.

use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::{Job, proxy};
use crate::support::{Kind, Lab, eventually, until};

const WHEN_GONE: &[&str] = &["--reap-when-gone", "--reap-delay=2s"];

/// Things of all kinds that a daemon has without a swarm.
struct Things<'lab> {
    lab: &'lab Lab,
    all: Vec<(Kind, String)>,
}

impl<'lab> Things<'lab> {
    /// Creates them from within a job: a container that runs, one that has ended, and one that only was created, with
    /// a network and a volume that are used, and an image.
    fn of(job: &Job<'lab>, what: &str) -> Self {
        let lab = job.lab;
        let name = |kind, part: &str| (kind, lab.reserve(kind, &format!("{what}-{part}")));
        let (network, volume) = (name(Kind::Network, "net"), name(Kind::Volume, "vol"));
        let (runs, ended) = (name(Kind::Container, "runs"), name(Kind::Container, "ended"));
        let (created, image) = (name(Kind::Container, "created"), name(Kind::Image, "image"));
        let mount = format!("{}:/v", volume.1);
        job.ok(&["docker", "network", "create", &network.1]);
        job.ok(&["docker", "volume", "create", &volume.1]);
        let run = [
            "docker",
            "run",
            "--detach",
            "--stop-signal",
            "KILL",
            "--network",
            &network.1,
            "--volume",
            &mount,
        ];
        job.ok(&[&run[..], &["--name", &runs.1, lab.image(), "sleep", "1000"]].concat());
        job.ok(&["docker", "run", "--name", &ended.1, lab.image(), "true"]);
        job.ok(&["docker", "create", "--name", &created.1, lab.image(), "true"]);
        job.ok(&["docker", "commit", &ended.1, &image.1]);
        Self { lab, all: vec![runs, ended, created, network, volume, image] }
    }

    /// Returns the names of those that are there.
    fn left(&self) -> Vec<&str> {
        let there = |(kind, name): &&(Kind, String)| self.lab.exists(*kind, name);
        self.all.iter().filter(there).map(|(_, name)| name.as_str()).collect()
    }

    fn are_all_there(&self) {
        assert_eq!(self.left().len(), self.all.len(), "{:?}", self.left());
    }

    fn go(&self, log: impl Fn() -> String) {
        let gone = eventually(|| self.left().is_empty().then_some(()));
        assert!(gone.is_some(), "{:?} stayed\n{}", self.left(), log());
    }
}

/// Kills a job with SIGKILL.
fn kill(job: &Job<'_>) {
    job.lab.direct.ok(&["kill", "--signal", "KILL", &job.name]);
}

#[test]
fn what_a_killed_job_created_goes_and_nothing_else() {
    let Some(lab) = Lab::open() else { return };
    // systemd removes slices itself.
    let parent = (lab.engine.cgroup_driver != "systemd").then(|| format!("/{}-reaped", lab.name));
    let parent = parent.map(|parent| format!("--cgroup-parent={parent}"));
    let proxy = proxy(&lab, &[WHEN_GONE, parent.as_deref().as_slice()].concat());
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let other = Job::start(&lab, &proxy.socket(), "other", &[]);
    let (things, others) = (Things::of(&job, "of-job"), Things::of(&other, "of-other"));
    // Somebody else uses a public image, and the proxy's host has a client outside of containers.
    let bystander = lab.background(&[], "sleep 1000");
    let volume = lab.reserve(Kind::Volume, "of-host");
    super::host(&lab, &proxy).ok(&["volume", "create", &volume]);
    kill(&job);
    things.go(|| proxy.log());
    others.are_all_there();
    assert!(lab.exists(Kind::Container, &bystander) && lab.exists(Kind::Volume, &volume));
    assert!(lab.exists(Kind::Container, &job.name), "a job itself belongs to somebody else");
    let line = "3 containers, 1 network, 1 volume, 1 image";
    assert!(proxy.log().contains(line), "{}", proxy.log());
    lab.direct.ok(&["rm", "--force", &other.name]);
    others.go(|| proxy.log());
    if parent.is_some() {
        until("the cgroup parent is removed", || proxy.log().contains("1 cgroup").then_some(()));
    }
}

#[test]
fn what_a_job_created_stays_while_it_runs_or_is_started_again() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &["--reap-when-gone", "--reap-delay=5s"]);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let things = Things::of(&job, "of-job");
    lab.direct.ok(&["restart", "--time", "0", &job.name]);
    lab.direct.ok(&["pause", &job.name]);
    std::thread::sleep(Duration::from_secs(8));
    things.are_all_there();
    lab.direct.ok(&["unpause", &job.name]);
    kill(&job);
    things.go(|| proxy.log());
}

/// The children of a job may be jobs themselves.
#[test]
fn what_nested_jobs_created_goes_with_them() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, WHEN_GONE);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let child = lab.reserve(Kind::Container, "child");
    let volume = lab.reserve(Kind::Volume, "of-child");
    let options: Vec<String> = super::tools();
    let socket = format!("{}:/var/run/docker.sock", proxy.socket().display());
    let mut words = vec!["docker", "run", "--detach", "--name", &child, "--volume", &socket];
    words.extend(options.iter().map(String::as_str));
    words.extend([lab.image(), "sh", "-c", "docker volume create $0 && sleep 1000", &volume]);
    job.ok(&words);
    until("the child has created its volume", || lab.exists(Kind::Volume, &volume).then_some(()));
    kill(&job);
    let gone = eventually(|| {
        let left = lab.exists(Kind::Container, &child) || lab.exists(Kind::Volume, &volume);
        (!left).then_some(())
    });
    assert!(gone.is_some(), "{}", proxy.log());
}

#[test]
fn what_ended_while_no_proxy_ran_goes_at_its_start() {
    let Some(lab) = Lab::open() else { return };
    let mut proxy = proxy(&lab, WHEN_GONE);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let other = Job::start(&lab, &proxy.socket(), "other", &[]);
    let (things, others) = (Things::of(&job, "of-job"), Things::of(&other, "of-other"));
    proxy.kill();
    kill(&job);
    things.are_all_there();
    proxy.start_again(&[]);
    things.go(|| proxy.log());
    others.are_all_there();
    kill(&other);
    others.go(|| proxy.log());
}

#[test]
fn what_clients_created_goes_when_the_proxy_stops_and_not_at_an_upgrade() {
    let Some(lab) = Lab::open() else { return };
    let mut proxy = proxy(&lab, &["--reap-on-exit", "--drain-time=2s"]);
    let docker = super::host(&lab, &proxy);
    let (container, volume) = (lab.reserve(Kind::Container, "c"), lab.reserve(Kind::Volume, "v"));
    let mount = format!("{volume}:/v");
    docker.ok(&[
        "run",
        "--detach",
        "--name",
        &container,
        "--volume",
        &mount,
        lab.image(),
        "sleep",
        "1000",
    ]);
    let bystander = lab.background(&[], "sleep 1000");
    let next = proxy.upgrade();
    assert_eq!(proxy.await_exit().code(), Some(0));
    assert!(lab.exists(Kind::Container, &container) && lab.exists(Kind::Volume, &volume));
    kill_process(next, Signal::TERM).unwrap();
    let gone = eventually(|| {
        let left = lab.exists(Kind::Container, &container) || lab.exists(Kind::Volume, &volume);
        (!left).then_some(())
    });
    assert!(gone.is_some(), "{}", proxy.log());
    assert!(lab.exists(Kind::Container, &bystander));
    until("the process ends", || {
        proxy.log().contains("created: 1 container, 1 volume").then_some(())
    });
}
