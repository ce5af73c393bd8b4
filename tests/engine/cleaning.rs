//! Whole scenarios: at the end of a job, its things are gone, and everything else of the daemon is as before.
//!
//! Other tests use the same daemon at the same time, so a scenario looks for what has its name as part of a name or of
//! a label, and for the volumes and images without names that belong to it. With `DCP_TEST_ALONE=1` there are no other
//! tests, and the lists of the daemon must be the same as before. `--test-threads=1` is needed then.

mod builds;
mod crashes;
mod lists;
mod many;
mod projects;
mod sessions;
mod sockets;
mod stack;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::support::{Finished, Kind, Lab, Running, binary, eventually};
use lists::{Thing, assert_untouched, get, inspected, lists, unnamed};

/// A scenario: the lists of the daemon from before it, and the bystanders, which others own.
struct Scene<'lab> {
    lab: &'lab Lab,
    before: RefCell<BTreeSet<Thing>>,
    /// The ids of what the scenario has created without a name.
    unnamed: RefCell<BTreeSet<String>>,
    /// The paths of bystanders in the API, with what the daemon reports about them.
    bystanders: RefCell<Vec<(String, Value)>>,
}

impl<'lab> Scene<'lab> {
    /// Creates bystanders by requests to the daemon itself: a volume with a file, a network, an image with labels
    /// like those of jobs, and a container that was made from it, runs, and uses the others.
    fn begin(lab: &'lab Lab) -> Self {
        let [image, network, volume] =
            [Kind::Image, Kind::Network, Kind::Volume].map(|kind| lab.reserve(kind, "others"));
        let labels = format!("ci.job={}x dockerd-ci-proxy.run=x dockerd-ci-proxy.job=x", lab.name);
        let file = format!("FROM {}\nLABEL {labels}\n", lab.image());
        let built = lab.direct.run_with(&["build", "--tag", &image, "-"], file.as_bytes());
        assert_eq!(built.code, Some(0), "{built:?}");
        lab.direct.ok(&["network", "create", &network]);
        lab.direct.ok(&["volume", "create", &volume]);
        let before = RefCell::new(lists(&lab.engine.socket));
        let (unnamed, bystanders) = (RefCell::default(), RefCell::default());
        let scene = Self { lab, before, unnamed, bystanders };
        scene.starts(
            "other",
            &["--network", &network, "--volume", &format!("{volume}:/data")],
            &image,
        );
        for path in [
            format!("/networks/{network}"),
            format!("/volumes/{volume}"),
            format!("/images/{image}/json"),
        ] {
            scene.watches(path);
        }
        scene
    }

    /// Has this thing stay as it is.
    fn watches(&self, path: String) {
        let state = inspected(&self.lab.engine.socket, &path);
        self.bystanders.borrow_mut().push((path, state));
    }

    /// Starts a bystander: a container, by a request to the daemon itself. What the scenario has created is there.
    fn starts(&self, what: &str, options: &[&str], image: &str) -> String {
        self.notes();
        let name = self.lab.reserve(Kind::Container, what);
        let run = ["run", "--detach", "--stop-signal", "KILL", "--name", &name];
        let script = "[ ! -d /data ] || echo kept >/data/file; exec sleep 1000";
        let id = self.lab.direct.ok(&[&run, options, &[image, "sh", "-c", script]].concat());
        self.watches(format!("/containers/{id}/json"));
        let created = lists(&self.lab.engine.socket).into_iter().find(|thing| thing.id == id);
        self.before.borrow_mut().insert(created.unwrap());
        name
    }

    /// Removes a bystander.
    fn leaves(&self, container: &str) {
        let id = self.lab.inspect(Kind::Container, container, "{{.Id}}");
        self.lab.direct.ok(&["rm", "--force", "--volumes", container]);
        self.before.borrow_mut().retain(|thing| thing.id != id);
        self.bystanders.borrow_mut().retain(|(path, _)| !path.contains(&id));
    }

    /// Remembers what the scenario has created without a name so far.
    fn notes(&self) {
        let unnamed = unnamed(&self.lab.engine.socket, &self.lab.name);
        self.unnamed.borrow_mut().extend(unnamed);
    }

    /// Fails unless the scenario has left exactly these things, and all bystanders are as they were.
    fn has_left(&self, names: &[&str]) {
        let socket = &self.lab.engine.socket;
        let (new, lost) = self.changes();
        assert_eq!(self.own(&new), names.iter().copied().collect(), "{new:#?}");
        if std::env::var("DCP_TEST_ALONE").is_ok_and(|value| value == "1") {
            assert_eq!((new.len(), lost.len()), (names.len(), 0), "{new:#?} {lost:#?}");
        }
        for (path, state) in &*self.bystanders.borrow() {
            assert_untouched(socket, path, state);
        }
    }

    /// Waits until the scenario has left exactly these things, and fails unless all bystanders are as they were.
    fn comes_to(&self, names: &[&str]) {
        let names: BTreeSet<&str> = names.iter().copied().collect();
        eventually(|| (self.own(&self.changes().0) == names).then_some(()));
        self.has_left(&names.into_iter().collect::<Vec<_>>());
    }

    /// Returns what was not there before, and what was.
    fn changes(&self) -> (Vec<Thing>, Vec<Thing>) {
        let (before, now) = (self.before.borrow(), lists(&self.lab.engine.socket));
        let new = now.iter().filter(|thing| !before.iter().any(|was| was.is(thing)));
        let lost = before.iter().filter(|was| !now.iter().any(|thing| thing.is(was)));
        (new.cloned().collect(), lost.cloned().collect())
    }

    /// Returns the names of the things that are of the scenario.
    fn own<'a>(&self, things: &'a [Thing]) -> BTreeSet<&'a str> {
        let unnamed = self.unnamed.borrow();
        let is_own = |thing: &&Thing| thing.is_of(&self.lab.name) || unnamed.contains(&thing.id);
        things.iter().filter(is_own).map(|thing| &*thing.name).collect()
    }

    /// Fails unless everything is as before.
    fn is_over(&self) {
        self.has_left(&[]);
        let file = format!("{}-other:/data/file", self.lab.name);
        let content = self.lab.direct.run(&["cp", &file, "-"]);
        assert!(content.out().contains("kept"), "{content:?}");
    }

    /// Prepares `dockerd-ci-proxy run` on the engine itself. It gives the same label as the proxy of the lab.
    fn run(&self, words: &[&str]) -> Command {
        let mut command = self.lab.direct.command(&binary());
        command.args(["run", "--grace", "0", "--label", &self.label(), "--"]).args(words);
        command.env("XDG_RUNTIME_DIR", self.lab.proxy.folder().path());
        command
    }

    /// Starts a script in `run`. It finds the docker command in `$docker` and the image in `$image`, and begins its
    /// names with `$name`.
    fn script(&self, script: &str) -> Running {
        let mut command = self.run(&["sh", "-c", script]);
        command.env("docker", &self.lab.direct.cli).env("image", self.lab.image());
        Running::start(command.env("name", &self.lab.name)).unwrap()
    }

    /// Returns the label that everything of the scenario has.
    fn label(&self) -> String {
        format!("ci.job={}", self.lab.name)
    }

    /// Removes what has a label by `dockerd-ci-proxy reap`.
    fn reap(&self, label: &str, options: &[&str]) -> Finished {
        let mut command = Command::new(binary());
        command.args(["reap", "--grace", "0", "--label", label, "--dockersocket"]);
        command.arg(&self.lab.engine.socket).args(options);
        Running::start(&mut command).unwrap().finish()
    }

    /// Removes what has a label, all of which goes.
    fn reap_all(&self, label: &str) {
        let reaped = self.reap(label, &[]);
        assert_eq!(reaped.code, Some(0), "{reaped:?}");
    }

    /// Returns how many containers of the scenario run.
    fn running(&self) -> usize {
        let filter = format!("label={}", self.label());
        self.lab.direct.ok(&["ps", "--quiet", "--filter", &filter]).lines().count()
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = Command::new(binary())
                .args(["reap", "--grace", "0", "--label", &self.label(), "--dockersocket"])
                .arg(&self.lab.engine.socket)
                .output();
        }
    }
}

/// Returns `true` if the engine is Docker; Podman lacks much of what the scenarios do.
fn is_docker(lab: &Lab) -> bool {
    let version = get(&lab.engine.socket, "/version").1;
    let is = !version.to_string().contains("Podman");
    if !is {
        crate::support::skip("a scenario", "the engine is Podman");
    }
    is
}

/// Opens a lab on Docker.
fn open() -> Option<Lab> {
    Lab::open().filter(is_docker)
}
