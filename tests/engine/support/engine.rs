//! Finds the engine for the tests, and prints a message if there is none.
//!
//! | variable | meaning |
//! |---|---|
//! | `DCP_TEST_DOCKER_SOCKET` | the daemon's socket; else `/var/run/docker.sock`, if it answers |
//! | `DCP_TEST_DOCKER_CLI` | the docker command; else `docker` from `PATH` |
//! | `DCP_TEST_BUILDX_CLI` | one with buildx and compose; else the same |
//! | `DCP_TEST_IMAGE` | an image with a shell; else one is imported (`tests/engine/images`) |
//! | `DCP_TEST_BINARY` | the proxy; else the one that cargo built |
//! | `DCP_TEST_REQUIRE_ENGINE` | `1`: a test that would be skipped fails instead |

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::cli::Docker;
use super::skip::skip;

pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
    /// An image with a shell and the usual small commands.
    pub(crate) image: String,
    /// `cgroupfs` or `systemd`.
    pub(crate) cgroup_driver: String,
    /// `1` or `2`.
    pub(crate) cgroup_version: String,
}

/// Returns the engine, or prints a message and returns `None`.
pub(crate) fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let found = ENGINE.get_or_init(find);
    found.as_ref().inspect_err(|reason| skip("engine tests", reason)).ok()
}

fn find() -> Result<Engine, String> {
    let socket = std::env::var_os("DCP_TEST_DOCKER_SOCKET")
        .map_or_else(|| PathBuf::from("/var/run/docker.sock"), PathBuf::from);
    let docker = Docker::new(&socket, &std::env::temp_dir());
    let facts = docker
        .try_run(&["info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}} {{.ServerVersion}}"])
        .map_err(|error| format!("no docker command: {error}"))?;
    let facts = facts.out();
    let facts: Vec<_> = facts.split_whitespace().collect();
    let [driver, version, server] = facts[..] else {
        return Err(format!("no Docker daemon answers on {}", socket.display()));
    };
    announce(&docker, &socket, server);
    Ok(Engine {
        image: image(&socket)?,
        cgroup_driver: driver.to_owned(),
        cgroup_version: version.to_owned(),
        socket,
    })
}

fn announce(docker: &Docker, socket: &Path, server: &str) {
    let client = docker.ok(&["--version"]);
    let socket = socket.display();
    let _ = writeln!(std::io::stderr(), "engine {server} on {socket}, client: {client}");
}

fn image(socket: &Path) -> Result<String, String> {
    if let Ok(image) = std::env::var("DCP_TEST_IMAGE") {
        return Ok(image);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/images");
    let output = Command::new(script).arg(socket).output();
    let output = output.map_err(|error| format!("tests/engine/images: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("tests/engine/images: {}", text(&output.stderr)))
    }
}
