//! Jobs with sockets of their own, while the proxy is replaced, and side by side.

mod store;

use std::fs;

use serde_json::Value;

use super::Scene;
use super::lists::{assert_untouched, inspected};
use crate::job_sockets::{Job, PLACE};
use crate::support::{Kind, Lab, Proxy, until};
use crate::upgrade::Next;
use store::Store;

/// The things of a job.
struct Things<'lab> {
    job: Job<'lab>,
    child: Job<'lab>,
    network: String,
    volume: String,
    /// The container that the child has created.
    grandchild: String,
}

impl<'lab> Things<'lab> {
    /// Starts a job with a child, which creates things of its own.
    fn of(lab: &'lab Lab, proxy: &Proxy, what: &str) -> Self {
        let name = |kind, part: &str| lab.reserve(kind, &format!("{what}-{part}"));
        let (network, volume) = (name(Kind::Network, "net"), name(Kind::Volume, "vol"));
        let grandchild = name(Kind::Container, "grandchild");
        let job = Job::start(lab, proxy, what, &[]);
        job.docker(&["network", "create", &network]);
        let child = job.child(&format!("{what}-child"), &["--network", &network]);
        child.docker(&["volume", "create", &volume]);
        let mount = format!("{volume}:/data");
        let run = ["run", "--detach", "--stop-signal", "KILL", "--name", &grandchild];
        let uses = ["--network", &network, "--volume", &mount, lab.image(), "sleep", "1000"];
        child.docker(&[&run[..], &uses].concat());
        Self { job, child, network, volume, grandchild }
    }

    /// Returns the names of all of them.
    fn names(&self) -> [&str; 5] {
        let Self { job, child, network, volume, grandchild } = self;
        [&job.name, &child.name, network, volume, grandchild]
    }

    /// Returns what the daemon reports about all of them, by their paths.
    fn state(&self, lab: &Lab) -> Vec<(String, Value)> {
        let [job, child, network, volume, grandchild] = self.names();
        let containers = [job, child, grandchild].map(|name| format!("/containers/{name}/json"));
        let others = [format!("/networks/{network}"), format!("/volumes/{volume}")];
        let paths = containers.into_iter().chain(others);
        paths.map(|path| (path.clone(), inspected(&lab.engine.socket, &path))).collect()
    }
}

/// Starts a proxy that gives each container a socket, through the command `before`.
fn proxy(scene: &Scene<'_>, before: &[&str]) -> Proxy {
    let (lab, name) = (scene.lab, format!("{}-j", scene.lab.name));
    let label = scene.label();
    let flags = ["--label", &label, "--job-socket", PLACE, "--reap-delay", "0s"];
    Proxy::start_by(before, &lab.engine.socket, &name, &flags)
}

/// Waits until the sockets of containers are gone.
fn await_no_sockets(proxy: &Proxy) {
    let folder = format!("{}.jobs", proxy.socket().display());
    until("the sockets are gone", || (fs::read_dir(&folder).unwrap().count() == 0).then_some(()));
}

fn kill(lab: &Lab, job: &Job<'_>) {
    lab.direct.ok(&["kill", "--signal", "KILL", &job.name]);
}

#[test]
fn jobs_end_while_the_proxy_is_replaced() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    let store = Store::new(&lab.proxy.folder().join("notify"));
    let notify = store.variable();
    let mut proxy = proxy(&scene, &["env", &notify]);
    let things = Things::of(&lab, &proxy, "job");
    let other = Job::start(&lab, &proxy, "ended", &[]);
    let of_other = lab.reserve(Kind::Volume, "of-ended");
    other.docker(&["volume", "create", &of_other]);
    let guest = scene.starts("guest", &["--network", &things.network], lab.image());
    until("the sockets are stored", || (store.count() == 4).then_some(()));

    // One job ends while no proxy runs.
    proxy.kill();
    kill(&lab, &other);
    let mut stay = things.names().to_vec();
    stay.push(&other.name);
    scene.has_left(&[&stay[..], &[&of_other]].concat());
    let passed = store.passed();
    proxy.start_again(&["env", &notify, "bash", "-c", passed.script(), "bash"]);
    drop(passed);
    scene.comes_to(&stay);

    // The sockets of the other containers are as before, also after an upgrade.
    let later = ["one", "two"].map(|what| lab.reserve(Kind::Volume, what));
    things.job.docker(&["volume", "create", &later[0]]);
    let next = Next(proxy.upgrade());
    things.child.docker(&["volume", "create", &later[1]]);
    for (volume, job) in later.iter().zip([&things.job, &things.child]) {
        let label = "{{index .Labels \"dockerd-ci-proxy.job\"}}";
        assert_eq!(lab.inspect(Kind::Volume, volume, label), job.id());
    }

    // The other is killed while its children run.
    kill(&lab, &things.job);
    scene.comes_to(&[&things.job.name, &other.name, &things.network]);
    let why = format!("the container {guest} runs on it");
    until("the log has the reason", || proxy.log().contains(&why).then_some(()));
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
    await_no_sockets(&proxy);
    until("the store is empty", || (store.count() == 0).then_some(()));
    drop(next);
}

#[test]
fn a_job_that_ends_leaves_the_other_one_alone() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    let proxy = proxy(&scene, &[]);
    let [first, second] = ["first", "second"].map(|what| Things::of(&lab, &proxy, what));
    let guest = scene.starts("guest", &["--network", &second.network], lab.image());
    let state = second.state(&lab);
    kill(&lab, &first.job);
    let left = [&[&*first.job.name], &second.names()[..]].concat();
    scene.comes_to(&left);
    for (path, state) in &state {
        assert_untouched(&lab.engine.socket, path, state);
    }
    second.child.docker(&["ps"]);
    scene.leaves(&guest);
    lab.direct.ok(&["rm", "--force", &second.job.name]);
    scene.comes_to(&[&first.job.name]);
    lab.direct.ok(&["rm", "--force", &first.job.name]);
    scene.is_over();
    await_no_sockets(&proxy);
}
