//! Sockets of containers, for what they create themselves.

use std::path::{Path, PathBuf};

use crate::callers::tools;
use crate::support::{Docker, Kind, Lab, Proxy, until};

pub(super) const PLACE: &str = "/var/run/docker.sock";

/// A container that was created through the proxy, with the programs of this machine.
pub(super) struct Job<'lab> {
    lab: &'lab Lab,
    pub(super) name: String,
}

impl<'lab> Job<'lab> {
    /// Starts one by the docker command of this host at the socket of the proxy.
    pub(super) fn start(lab: &'lab Lab, proxy: &Proxy, what: &str, options: &[&str]) -> Self {
        let name = lab.reserve(Kind::Container, what);
        let docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
        let words = start(lab, &name, options);
        docker.ok(&words.iter().map(String::as_str).collect::<Vec<_>>());
        Self { lab, name }
    }

    /// Starts one from within this one.
    pub(super) fn child(&self, what: &str, options: &[&str]) -> Job<'lab> {
        let name = self.lab.reserve(Kind::Container, what);
        self.docker(&start(self.lab, &name, options));
        Job { lab: self.lab, name }
    }

    /// Runs docker in the container, which must succeed; returns its trimmed stdout.
    pub(super) fn docker<S: AsRef<str>>(&self, words: &[S]) -> String {
        let words = words.iter().map(AsRef::as_ref);
        self.lab
            .direct
            .ok(&["exec", &self.name, "docker"].into_iter().chain(words).collect::<Vec<_>>())
    }

    pub(super) fn id(&self) -> String {
        self.lab.inspect(Kind::Container, &self.name, "{{.Id}}")
    }

    /// Returns the value of a label of the proxy's own.
    pub(super) fn label(&self, key: &str) -> String {
        let format = format!("{{{{index .Config.Labels \"dockerd-ci-proxy.{key}\"}}}}");
        self.lab.inspect(Kind::Container, &self.name, &format)
    }

    /// Returns the host path of what is mounted at `target`.
    fn source(&self, target: &str) -> PathBuf {
        let format = format!(
            "{{{{range .Mounts}}}}{{{{if eq .Destination {target:?}}}}}{{{{.Source}}}}{{{{end}}}}{{{{end}}}}"
        );
        PathBuf::from(self.lab.inspect(Kind::Container, &self.name, &format))
    }
}

/// Returns the arguments of docker that start a container by this name.
fn start(lab: &Lab, name: &str, options: &[&str]) -> Vec<String> {
    let words = ["run", "--detach", "--stop-signal", "KILL", "--name", name];
    let options = options.iter().map(ToString::to_string).chain(tools());
    let command = [lab.image(), "sleep", "1000"].map(str::to_owned);
    words.map(str::to_owned).into_iter().chain(options).chain(command).collect()
}

/// Starts a proxy that gives each container a socket.
fn proxy(lab: &Lab, rules: &[&str]) -> Proxy {
    let name = format!("{}-j", lab.name);
    let label = format!("ci.outer={}", lab.name);
    let own = ["--label", &label, "--job-socket", PLACE];
    Proxy::start(&lab.engine.socket, &name, &[&own, rules].concat())
}

#[test]
fn each_container_has_a_socket_and_owns_what_it_creates_by_that_to_any_depth() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[]);
    let parent = format!("{}/x", lab.cgroup_parent);
    let driver_takes_paths = lab.cgroup_parent.starts_with('/');
    let cgroup = ["--cgroup-parent", parent.as_str()];
    let job = Job::start(&lab, &proxy, "job", if driver_takes_paths { &cgroup } else { &[] });
    let child = job.child("child", &[]);
    let grandchild = child.child("grandchild", &[]);
    assert_eq!(job.label("job"), "");
    assert_eq!(child.label("job"), job.id());
    assert_eq!(grandchild.label("job"), child.id());
    let folder = PathBuf::from(format!("{}.jobs", proxy.socket().display()));
    let sockets = [&job, &child, &grandchild].map(|job| job.source(PLACE));
    for (job, socket) in [&job, &child, &grandchild].into_iter().zip(&sockets) {
        assert_eq!(socket.parent(), Some(&*folder));
        assert!(job.label("given").starts_with("ci.outer dockerd-ci-proxy.listener"));
    }
    assert!(sockets[0] != sockets[1] && sockets[1] != sockets[2] && sockets[0] != sockets[2]);
    if driver_takes_paths {
        let places = [&child, &grandchild]
            .map(|job| lab.inspect(Kind::Container, &job.name, "{{.HostConfig.CgroupParent}}"));
        assert_eq!(places, [&*parent, &*parent]);
    }
    // Other resources have the same owner.
    let (network, volume) = (lab.reserve(Kind::Network, "n"), lab.reserve(Kind::Volume, "v"));
    child.docker(&["network", "create", &network]);
    child.docker(&["volume", "create", &volume]);
    let label = "{{index .Labels \"dockerd-ci-proxy.job\"}}";
    assert_eq!(lab.inspect(Kind::Network, &network, label), child.id());
    assert_eq!(lab.inspect(Kind::Volume, &volume, label), child.id());
    let log = proxy.log();
    assert!(log.contains(&format!("container {}, listener jobs", &child.id()[..12])), "{log}");
}

#[test]
fn mounts_of_the_daemons_and_of_the_listening_socket_become_that_of_the_container() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[]);
    let daemon = format!("{}:/other.sock", lab.engine.socket.display());
    let listening = format!("type=bind,source={},target=/third.sock", proxy.socket().display());
    let at_place = format!("{}:{PLACE}", lab.engine.socket.display());
    let options = ["--volume", &daemon, "--mount", &listening, "--volume", &at_place];
    let job = Job::start(&lab, &proxy, "job", &options);
    let own = job.source(PLACE);
    assert_ne!(own, lab.engine.socket);
    assert_eq!([job.source("/other.sock"), job.source("/third.sock")], [&*own, &*own]);
    // A child that mounts the socket of its parent gets one of its own, too.
    let child = job.child("child", &["--volume", &format!("{PLACE}:/parents.sock")]);
    assert_eq!(child.source("/parents.sock"), child.source(PLACE));
    assert_ne!(child.source(PLACE), own);
}

#[test]
fn paths_of_a_container_are_those_of_its_own_mounts() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[]);
    let place = lab.proxy.folder().join("place");
    std::fs::create_dir(&place).unwrap();
    let volume = format!("{}:/ci/workspace", place.display());
    let job = Job::start(&lab, &proxy, "job", &["--volume", &volume]);
    let child = job.child("child", &["--volume", "/ci/workspace:/data"]);
    assert_eq!(child.source("/data"), place);
    let grandchild = child.child("grandchild", &["--volume", "/data:/x"]);
    assert_eq!(grandchild.source("/x"), place);
    assert!(!Path::new("/ci/workspace").exists());
}

#[test]
fn an_upgrade_keeps_the_sockets_of_containers() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[]);
    let job = Job::start(&lab, &proxy, "job", &[]);
    let next = proxy.upgrade();
    let child = job.child("child", &[]);
    assert_eq!(child.label("job"), job.id());
    assert!(child.source(PLACE).exists());
    rustix::process::kill_process(next, rustix::process::Signal::TERM).unwrap();
    until("the new process ends", || (!proxy.socket().exists()).then_some(()));
}
