//! One test's place: a proxy in front of the engine, docker on both sides of it, and
//! the removal of everything the test made.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cli::{Docker, Finished};
use super::engine::{Engine, engine};
use super::proxy::Proxy;

/// What docker can create, by the word with which docker manages it.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Config,
    Container,
    Image,
    Network,
    Secret,
    Service,
    Volume,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Container => "container",
            Self::Image => "image",
            Self::Network => "network",
            Self::Secret => "secret",
            Self::Service => "service",
            Self::Volume => "volume",
        }
    }

    fn removal(self) -> &'static [&'static str] {
        match self {
            Self::Container => &["container", "rm", "--force", "--volumes"],
            Self::Image => &["image", "rm", "--force"],
            Self::Config => &["config", "rm"],
            Self::Network => &["network", "rm"],
            Self::Secret => &["secret", "rm"],
            Self::Service => &["service", "rm"],
            Self::Volume => &["volume", "rm", "--force"],
        }
    }

    fn labels(self) -> &'static str {
        match self {
            Self::Container | Self::Image => "{{json .Config.Labels}}",
            Self::Network | Self::Volume => "{{json .Labels}}",
            Self::Config | Self::Secret | Self::Service => "{{json .Spec.Labels}}",
        }
    }
}

pub(crate) struct Lab {
    pub(crate) engine: &'static Engine,
    /// Docker as the CI job has it.
    pub(crate) docker: Docker,
    /// Docker as the operator has it: on the daemon's own socket.
    pub(crate) direct: Docker,
    pub(crate) proxy: Proxy,
    /// Unique on this machine; the value of the operator's label `ci.job`.
    pub(crate) name: String,
    /// What the operator forces on containers, and how `/proc/PID/cgroup` shows it.
    pub(crate) cgroup_parent: String,
    made: RefCell<Vec<(Kind, String)>>,
}

impl Lab {
    /// Nothing when there is no engine: the test then returns.
    pub(crate) fn open() -> Option<Self> {
        let engine = engine()?;
        let name = unique_name();
        let cgroup_parent = if engine.cgroup_driver == "systemd" {
            "dcptest.slice".to_owned()
        } else {
            format!("/dcp-test/{name}")
        };
        let job = format!("ci.job={name}");
        let arguments =
            ["--label", &job, "--label", "ci.team=web", "--cgroup-parent", &cgroup_parent];
        let proxy = Proxy::start(&engine.socket, &name, &arguments);
        let config = proxy.folder().path();
        Some(Self {
            docker: Docker::new(&proxy.socket(), config),
            direct: Docker::new(&engine.socket, config),
            made: RefCell::default(),
            engine,
            proxy,
            name,
            cgroup_parent,
        })
    }

    /// A unique name for something to be made, which is removed when the test is over.
    pub(crate) fn reserve(&self, kind: Kind, what: &str) -> String {
        let name = format!("{}-{what}", self.name);
        self.remove_later(kind, &name);
        name
    }

    pub(crate) fn remove_later(&self, kind: Kind, name: &str) {
        self.made.borrow_mut().push((kind, name.to_owned()));
    }

    /// An image with a shell.
    pub(crate) fn image(&self) -> &str {
        &self.engine.image
    }

    /// Runs a container in the background, through the proxy, until the test is over.
    pub(crate) fn background(&self, options: &[&str], script: &str) -> String {
        let name = self.reserve(Kind::Container, "main");
        let mut arguments = vec!["run", "--detach", "--name", &name];
        arguments.extend(options);
        arguments.extend([self.image(), "sh", "-c", script]);
        self.docker.ok(&arguments);
        name
    }

    /// Runs the same on both sides of the proxy; stdout, stderr and exit code are equal.
    pub(crate) fn same(&self, arguments: &[&str]) -> Finished {
        let through = self.docker.run(arguments).without_log();
        let direct = self.direct.run(arguments).without_log();
        assert_eq!(through, direct, "through the proxy and direct: docker {arguments:?}");
        through
    }

    /// One field of something, as the daemon itself tells it.
    pub(crate) fn inspect(&self, kind: Kind, name: &str, format: &str) -> String {
        self.direct.ok(&[kind.word(), "inspect", "--format", format, name])
    }

    /// It has the operator's labels, these of the client, and no others but docker's own.
    pub(crate) fn assert_labels(&self, kind: Kind, name: &str, clients: &[(&str, &str)]) {
        let found = self.inspect(kind, name, kind.labels());
        self.assert_label_map(&found, clients);
    }

    /// The same for a label map in JSON that was found elsewhere.
    pub(crate) fn assert_label_map(&self, found: &str, clients: &[(&str, &str)]) {
        let found: Option<BTreeMap<String, String>> = serde_json::from_str(found).unwrap();
        let mut found = found.unwrap_or_default();
        found.retain(|key, _| !key.starts_with("com.docker."));
        let operators = [("ci.job", self.name.as_str()), ("ci.team", "web")];
        let wanted: BTreeMap<String, String> = clients
            .iter()
            .chain(&operators)
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(found, wanted);
    }

    /// The running container's process is where the operator wants it.
    pub(crate) fn assert_confined(&self, container: &str) {
        let pid = self.inspect(Kind::Container, container, "{{.State.Pid}}");
        let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        self.assert_confined_by(&cgroups);
    }

    /// Every line of a `/proc/PID/cgroup` but those of hierarchies that docker leaves alone.
    pub(crate) fn assert_confined_by(&self, cgroups: &str) {
        assert_below(&self.cgroup_parent, cgroups);
    }
}

/// Fails unless every line of a `/proc/PID/cgroup` is below `parent`, but those of hierarchies that
/// docker leaves alone.
pub(crate) fn assert_below(parent: &str, cgroups: &str) {
    let parent = format!("{parent}/");
    let paths = cgroups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let (inside, outside): (Vec<_>, Vec<_>) =
        paths.filter(|path| *path != "/").partition(|path| path.contains(&parent));
    assert!(!inside.is_empty() && outside.is_empty(), "not in the cgroup parent:\n{cgroups}");
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The newest first: a container before the network it uses. What the test
        // removed itself is not there any more.
        for (kind, name) in self.made.take().iter().rev() {
            let mut arguments = kind.removal().to_vec();
            arguments.push(name);
            let _ = self.direct.try_run(&arguments);
        }
        self.remove_cgroups();
    }
}

impl Lab {
    /// The daemon makes the cgroup parent, and BuildKit one below it, but they never remove it.
    fn remove_cgroups(&self) {
        if self.engine.cgroup_driver != "systemd" {
            remove_cgroup(&self.cgroup_parent);
        }
    }
}

/// Removes the cgroup `parent` that a daemon has made, and what BuildKit made below it.
pub(crate) fn remove_cgroup(parent: &str) {
    let parent = parent.trim_start_matches('/');
    let controllers = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let version_1 = controllers.map(|controller| controller.path());
    for root in version_1.chain([PathBuf::from("/sys/fs/cgroup")]) {
        let _ = fs::remove_dir(root.join(parent).join("buildkit"));
        let _ = fs::remove_dir(root.join(parent));
        // Fails while another test is in it, as it should.
        let _ = fs::remove_dir(root.join("dcp-test"));
    }
}

fn unique_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("dcp-{}-{number}", process::id())
}
