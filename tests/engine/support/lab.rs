//! The environment of one test: a proxy in front of the engine, docker commands on both sides, and the removal
//! of everything that the test created.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cli::{Docker, Finished};
use super::engine::{Engine, engine};
use super::proxy::Proxy;

/// Kind of a resource, named like docker's management command.
#[derive(Clone, Copy, PartialEq, Eq)]
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
    /// Docker for the CI job, through the proxy.
    pub(crate) docker: Docker,
    /// Docker for the operator, on the daemon's own socket.
    pub(crate) direct: Docker,
    pub(crate) proxy: Proxy,
    /// Unique on this machine; the value of the operator's label `ci.job`.
    pub(crate) name: String,
    /// The forced cgroup parent of containers, as in `/proc/PID/cgroup`.
    pub(crate) cgroup_parent: String,
    made: RefCell<Vec<(Kind, String)>>,
}

impl Lab {
    /// Opens a lab; returns `None` without an engine, and the test then returns.
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

    /// Returns a unique name for a resource, which is removed at the end of the test.
    pub(crate) fn reserve(&self, kind: Kind, what: &str) -> String {
        let name = format!("{}-{what}", self.name);
        self.remove_later(kind, &name);
        name
    }

    pub(crate) fn remove_later(&self, kind: Kind, name: &str) {
        self.made.borrow_mut().push((kind, name.to_owned()));
    }

    /// Returns an image with a shell.
    pub(crate) fn image(&self) -> &str {
        &self.engine.image
    }

    /// Runs a container in the background, through the proxy, until the end of the test.
    pub(crate) fn background(&self, options: &[&str], script: &str) -> String {
        let name = self.reserve(Kind::Container, "main");
        let mut arguments = vec!["run", "--detach", "--name", &name];
        arguments.extend(options);
        arguments.extend([self.image(), "sh", "-c", script]);
        self.docker.ok(&arguments);
        name
    }

    /// Runs a command on both sides of the proxy; stdout, stderr and exit code must be equal.
    pub(crate) fn same(&self, arguments: &[&str]) -> Finished {
        let through = self.docker.run(arguments).without_log();
        let direct = self.direct.run(arguments).without_log();
        assert_eq!(through, direct, "through the proxy and direct: docker {arguments:?}");
        through
    }

    /// Returns one field of a resource, from the daemon's own socket.
    pub(crate) fn inspect(&self, kind: Kind, name: &str, format: &str) -> String {
        self.direct.ok(&[kind.word(), "inspect", "--format", format, name])
    }

    /// Returns `true` if there is such a resource.
    pub(crate) fn exists(&self, kind: Kind, name: &str) -> bool {
        self.direct.run(&[kind.word(), "inspect", name]).code == Some(0)
    }

    /// Fails unless the resource has exactly the operator's labels, these of the client, and docker's own.
    pub(crate) fn assert_labels(&self, kind: Kind, name: &str, clients: &[(&str, &str)]) {
        let found = self.inspect(kind, name, kind.labels());
        self.assert_label_map(&found, clients);
    }

    /// The same for a label map in JSON.
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

    /// Fails unless the running container is below the cgroup parent.
    pub(crate) fn assert_confined(&self, container: &str) {
        let pid = self.inspect(Kind::Container, container, "{{.State.Pid}}");
        let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        self.assert_confined_by(&cgroups);
    }

    /// The same for the lines of a `/proc/PID/cgroup`, except for hierarchies that docker does not use.
    pub(crate) fn assert_confined_by(&self, cgroups: &str) {
        assert_below(&self.cgroup_parent, cgroups);
    }
}

/// Fails unless every line of a `/proc/PID/cgroup` is below `parent`, except for hierarchies that docker does
/// not use.
pub(crate) fn assert_below(parent: &str, cgroups: &str) {
    let parent = format!("{parent}/");
    let paths = cgroups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let (inside, outside): (Vec<_>, Vec<_>) =
        paths.filter(|path| *path != "/").partition(|path| path.contains(&parent));
    assert!(!inside.is_empty() && outside.is_empty(), "not in the cgroup parent:\n{cgroups}");
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The newest first: a container before the network that it uses. Failures are ignored, since the test may
        // have removed the resource itself.
        let mut made = self.made.take();
        made.reverse();
        for same in made.chunk_by(|(one, _), (other, _)| one == other) {
            let mut arguments = same[0].0.removal().to_vec();
            arguments.extend(same.iter().map(|(_, name)| name.as_str()));
            let _ = self.direct.try_run(&arguments);
        }
        self.remove_cgroups();
    }
}

impl Lab {
    /// Removes the cgroup parent, which the daemon and BuildKit create but never remove.
    fn remove_cgroups(&self) {
        if self.engine.cgroup_driver != "systemd" {
            remove_cgroup(&self.cgroup_parent);
        }
    }
}

/// Removes the cgroup `parent` that a daemon has created, and what BuildKit and Podman leave below it.
pub(crate) fn remove_cgroup(parent: &str) {
    let parent = parent.trim_start_matches('/');
    let controllers = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let version_1 = controllers.map(|controller| controller.path());
    for root in version_1.chain([PathBuf::from("/sys/fs/cgroup")]) {
        for remains in ["buildkit", "conmon"] {
            let _ = fs::remove_dir(root.join(parent).join(remains));
        }
        let _ = fs::remove_dir(root.join(parent));
        // Fails, rightly, while another test uses it.
        let _ = fs::remove_dir(root.join("dcp-test"));
    }
}

fn unique_name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("dcp-{}-{number}", process::id())
}
