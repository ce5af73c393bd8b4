//! The same plugin behind the proxy and behind dockerd: the same verdicts, and the same messages.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::authz_plugin::{AuthzPlugin, Mode, Seen, document};
use super::support::corpus::{Side, all};
use super::support::{Docker, Lab, Proxy, converse, skip};

/// A daemon with the plugin, which is stopped when dropped.
struct Guarded {
    folder: PathBuf,
    socket: PathBuf,
}

impl Guarded {
    /// Starts the engine of `DCP_TEST_ENGINE`, or that of this machine.
    fn start(plugin: &Path) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skip("a daemon with an authorization plugin", "it needs root");
            return None;
        }
        let folder = PathBuf::from(format!("/tmp/dcp-guarded-{}", std::process::id()));
        let engine = std::env::var("DCP_TEST_ENGINE").unwrap_or_else(|_| "local".to_owned());
        if engine == "podman" {
            // It has no plugins of this kind.
            return None;
        }
        let output = Command::new(script("up"))
            .args([folder.as_os_str(), engine.as_ref()])
            .env("DCP_ENGINE_AUTHZ", plugin)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        Some(Self { socket: text(&output.stdout).into(), folder })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let ended = Command::new(script("down")).arg(&self.folder).status();
        assert!(ended.is_ok_and(|status| status.success()), "the daemon has not ended");
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine").join(name)
}

fn proxied(lab: &Lab, plugin: &Path) -> Proxy {
    let file = format!(
        "[[listener]]\nname = \"authz\"\nsocket = \"FOLDER/s\"\ndaemon = \"{}\"\nlabels = {{}}\n\
         anonymous_volumes = \"leave\"\nauthz_plugins = [\"{}\"]\n",
        lab.engine.socket.display(),
        plugin.display()
    );
    Proxy::configured(&format!("{}-authz", lab.name), &file)
}

/// Targets that are not sent: they change the daemon as a whole, or their responses do not end.
const LEFT_OUT: &[&str] =
    &["/swarm", "/nodes", "/events", "/session", "/grpc", "/prune", "stream=1"];

/// Returns the first request of each recorded connection, each once.
fn requests() -> Vec<Vec<u8>> {
    let mut requests: Vec<Vec<u8>> = Vec::new();
    for recording in all() {
        for connection in &recording.connections {
            let Some(first) = connection.turns.first().filter(|turn| turn.by == Side::Client)
            else {
                continue;
            };
            let request = first.written();
            let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            // Its body follows behind the daemon's answer.
            let waits = String::from_utf8_lossy(&request).contains("Expect: 100-continue");
            let is_left_out = LEFT_OUT.iter().any(|target| line.contains(target));
            if line.starts_with("PRI ") || waits || is_left_out {
                continue;
            }
            if !requests.contains(&request) {
                requests.push(request);
            }
        }
    }
    requests
}

/// Returns the plugin's reason in an answer, if it denies the request.
fn denial(answer: &str) -> Option<&str> {
    let (_, behind) = answer.split_once("authorization denied by plugin ")?;
    Some(behind.split_once(": ")?.1.split(['"', '\\']).next().unwrap_or_default())
}

/// Returns the parts of the requests that the plugin got.
fn asked(seen: Vec<Seen>) -> Vec<(Value, String, Value)> {
    let requests = seen.into_iter().filter(|(method, _)| method == "AuthZPlugin.AuthZReq");
    let parts = |(_, message): Seen| {
        let body = document(&message, "RequestBody");
        let target = message["RequestUri"].as_str().unwrap_or_default();
        // The proxy makes builds remove the containers of their steps.
        let is_build = target.contains("/build?");
        let target = if is_build { target.split('?').next().unwrap_or_default() } else { target };
        (message["RequestMethod"].clone(), target.to_owned(), body)
    };
    requests.map(parts).collect()
}

#[test]
fn the_verdicts_are_those_of_dockerd() {
    let Some(lab) = Lab::open() else { return };
    let folder = lab.proxy.folder();
    let of_proxy = AuthzPlugin::start(&folder.join("p1.sock"), Mode::Decides);
    let of_dockerd = AuthzPlugin::start(&folder.join("p2.sock"), Mode::Decides);
    let Some(guarded) = Guarded::start(&of_dockerd.socket) else { return };
    let proxy = proxied(&lab, &of_proxy.socket);
    let requests = requests();
    assert!(requests.len() > 50, "{} requests", requests.len());
    let (mut denied, mut differ) = (0, Vec::new());
    for request in &requests {
        let head = String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
        of_proxy.seen();
        of_dockerd.seen();
        let ours = converse(&proxy.socket(), request, true);
        let theirs = converse(&guarded.socket, request, true);
        if denial(&ours) != denial(&theirs) {
            differ.push(format!("{head}\n{ours}\n{theirs}"));
        }
        let (one, other) = (asked(of_proxy.seen()), asked(of_dockerd.seen()));
        if one != other {
            differ.push(format!("{head}\n{one:?}\n{other:?}"));
        }
        denied += usize::from(denial(&ours).is_some());
    }
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
    assert!(denied > 5 && denied < requests.len() / 2, "{denied} of {}", requests.len());
}

#[test]
fn users_of_docker_read_the_reason() {
    let Some(lab) = Lab::open() else { return };
    let folder = lab.proxy.folder();
    let plugin = AuthzPlugin::start(&folder.join("p.sock"), Mode::Decides);
    let proxy = proxied(&lab, &plugin.socket);
    let docker = Docker::new(&proxy.socket(), folder.path());
    let path = plugin.socket.display();
    let reads = |arguments: &[&str], why: &str| {
        let finished = docker.run(arguments);
        assert_ne!(finished.code, Some(0));
        assert!(finished.err().contains(why), "{finished:?}");
    };
    let denied =
        "Error response from daemon: dockerd-ci-proxy: refused: authorization denied by plugin";
    reads(&["volume", "create", "x"], &format!("{denied} {path}: no volumes"));
    let run = ["run", "--rm", "--privileged", lab.image(), "true"];
    reads(&run, &format!("{denied} {path}: no privileged containers"));
    let name = lab.reserve(super::support::Kind::Container, "plain");
    docker.ok(&["run", "--name", &name, lab.image(), "true"]);
    reads(&["rm", &name], &format!("{denied} {path}: nothing is removed"));
    plugin.becomes(Mode::Closes);
    let failed = format!("dockerd-ci-proxy: refused: plugin {path} failed with error: ");
    reads(&["volume", "ls"], &failed);
}
