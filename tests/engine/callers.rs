//! Rules that depend on the caller: the container of CI from which a client talks to the proxy.

mod cgroups;
mod images;
mod labels;
mod lookups;
mod paths;
mod placement;
mod relay;
mod removal;
mod workspaces;

use std::path::{Path, PathBuf};

use crate::buildkit;
use crate::support::{Docker, Finished, Kind, Lab, Proxy};

/// Starts a proxy with these rules in front of the lab's daemon.
fn proxy(lab: &Lab, rules: &[&str]) -> Proxy {
    let open_to_all = ["--socket-mode", "0666"];
    let name = format!("{}-callers", lab.name);
    Proxy::start(&lab.engine.socket, &name, &[&open_to_all, rules].concat())
}

/// A container of CI: it has a socket as `/var/run/docker.sock`, and the programs of this machine.
struct Job<'lab> {
    lab: &'lab Lab,
    name: String,
}

impl<'lab> Job<'lab> {
    fn start(lab: &'lab Lab, socket: &Path, what: &str, options: &[&str]) -> Self {
        let name = lab.reserve(Kind::Container, what);
        let socket = format!("{}:/var/run/docker.sock", socket.display());
        let tools = tools();
        let mut arguments = vec!["run", "--detach", "--stop-signal", "KILL", "--name", &name];
        arguments.extend(["--volume", &socket]);
        arguments.extend(tools.iter().map(String::as_str));
        arguments.extend(options);
        arguments.extend([lab.image(), "sleep", "1000"]);
        lab.direct.ok(&arguments);
        Self { lab, name }
    }

    /// Runs a command in the container.
    fn run(&self, words: &[&str]) -> Finished {
        self.lab.direct.run(&[&["exec", &self.name], words].concat())
    }

    /// Runs a command that must succeed; returns its trimmed stdout.
    fn ok(&self, words: &[&str]) -> String {
        self.lab.direct.ok(&[&["exec", &self.name], words].concat())
    }

    /// Runs docker in the container.
    fn docker(&self, words: &[&str]) -> Finished {
        self.run(&[&["docker"], words].concat())
    }

    /// Runs a container from within this one, removes it, and returns its stdout.
    fn sees(&self, options: &[&str], script: &str) -> String {
        let command = [self.lab.image(), "sh", "-c", script];
        self.ok(&[&["docker", "run", "--rm"], options, &command].concat())
    }

    /// Creates a container from within this one; returns its name.
    fn sibling(&self, what: &str, options: &[&str]) -> String {
        let name = self.lab.reserve(Kind::Container, what);
        let words = [&["docker", "create", "--name", &name], options];
        self.ok(&[&words.concat()[..], &[self.lab.image(), "sleep", "1000"]].concat());
        name
    }

    /// Fails unless a create from within this container is refused; returns the message.
    fn refused(&self, what: &str, options: &[&str]) -> String {
        let name = self.lab.reserve(Kind::Container, what);
        let words = [&["create", "--name", &name], options, &[self.lab.image(), "true"]].concat();
        refusal(self.lab, &name, &self.docker(&words))
    }
}

/// Fails unless the create of a container was refused; returns the message.
fn refusal(lab: &Lab, name: &str, finished: &Finished) -> String {
    assert_ne!(finished.code, Some(0), "{finished:?}");
    let found = lab.direct.run(&["container", "inspect", name]);
    assert_ne!(found.code, Some(0), "it was created: {found:?}");
    finished.err()
}

/// Returns the options that mount the programs of this machine.
pub(crate) fn tools() -> Vec<String> {
    let cli = PathBuf::from(buildkit::cli());
    // An unpacked client has its plugins beside it.
    let unpacked =
        cli.parent().and_then(Path::parent).filter(|usr| cli.is_absolute() && usr.is_dir());
    let mut mounts: Vec<(PathBuf, PathBuf)> = ["/usr", "/lib", "/lib64"]
        .map(Path::new)
        .into_iter()
        .chain(unpacked)
        .map(|folder| (folder.to_owned(), folder.to_owned()))
        .collect();
    let plugins = unpacked.map(|usr| usr.join("libexec/docker/cli-plugins"));
    mounts.extend(plugins.map(|plugins| (plugins, PathBuf::from("/client/cli-plugins"))));
    let mounts = mounts.iter().filter(|(source, _)| source.is_dir()).map(|(source, target)| {
        let (source, target) = (source.display(), target.display());
        format!("--mount=type=bind,source={source},target={target},readonly")
    });
    let own = unpacked.map(|usr| format!("{}/bin:", usr.display())).unwrap_or_default();
    let path = format!("--env=PATH={own}/usr/local/bin:/usr/bin:/bin");
    let rest =
        ["--env=DOCKER_CONFIG=/client", "--env=DOCKER_BUILDKIT=0", "--env=BUILDKIT_PROGRESS=plain"];
    mounts.chain([path]).chain(rest.map(str::to_owned)).collect()
}

/// Returns a docker command of this host at the socket of a proxy.
fn host(lab: &Lab, proxy: &Proxy) -> Docker {
    let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    docker.cli.clone_from(&lab.docker.cli);
    docker
}

/// Returns a label of a container.
fn label(lab: &Lab, container: &str, key: &str) -> String {
    lab.inspect(Kind::Container, container, &format!("{{{{index .Config.Labels {key:?}}}}}"))
}

/// Returns a request that creates a container with this name, and ends the connection.
fn create(lab: &Lab, name: &str) -> String {
    let body = serde_json::json!({ "Image": lab.image(), "Cmd": ["true"] }).to_string();
    let length = body.len();
    format!(
        "POST /containers/create?name={name} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}
