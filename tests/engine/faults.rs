//! Failures, which are the same as without the proxy, and the proxy's own error messages.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::support::{Dead, Docker, Lab, Proxy, skip, until};

#[test]
fn questions_are_answered_as_by_the_daemon() {
    let Some(lab) = Lab::open() else { return };
    assert_eq!(lab.same(&["version"]).code, Some(0));
    let facts = "{{.ID}} {{.Name}} {{.ServerVersion}} {{.Driver}} {{.CgroupDriver}} {{.MemTotal}}";
    assert_eq!(lab.same(&["info", "--format", facts]).code, Some(0));
    lab.same(&["image", "inspect", lab.image()]);
}

#[test]
fn running_an_image_that_is_not_there_fails_in_the_daemons_words() {
    let Some(lab) = Lab::open() else { return };
    let finished = lab.same(&["run", "--rm", "localhost:1/missing:latest"]);
    assert_eq!(finished.code, Some(125));
    assert!(finished.err().contains("Unable to find image"), "{finished:?}");
}

#[test]
fn pulling_what_is_not_there_fails_in_the_daemons_words() {
    let Some(lab) = Lab::open() else { return };
    let finished = lab.same(&["pull", "localhost:1/missing:latest"]);
    assert_eq!(finished.code, Some(1));
    assert!(!finished.err().contains("dockerd-ci-proxy"), "{finished:?}");
}

#[test]
fn what_is_not_there_is_not_found() {
    let Some(lab) = Lab::open() else { return };
    for arguments in [
        &["inspect", "missing"][..],
        &["logs", "missing"],
        &["attach", "missing"],
        &["exec", "missing", "true"],
        &["rm", "missing"],
        &["start", "missing"],
        &["network", "rm", "missing"],
        &["volume", "inspect", "missing"],
        &["rmi", "missing:latest"],
    ] {
        assert_ne!(lab.same(arguments).code, Some(0));
    }
}

#[test]
fn a_create_that_the_daemon_refuses_is_refused_in_its_words() {
    let Some(lab) = Lab::open() else { return };
    lab.same(&["run", "--rm", "--network", "missing", lab.image(), "true"]);
    let finished = lab.same(&["run", "--rm", "--name", "no/slashes", lab.image(), "true"]);
    assert_eq!(finished.code, Some(125));
    let finished = lab.same(&["run", "--rm", lab.image(), "no-such-command"]);
    assert_eq!(finished.code, Some(127));
}

/// Returns docker's error message, without its prefix, through a proxy whose daemon should be at `socket`.
fn said_of(socket: &Path, name: &str, before: &[&str]) -> String {
    let proxy = Proxy::start_by(before, socket, name, &[]);
    let docker = Docker::new(&proxy.socket(), proxy.folder().path());
    let finished = docker.run(&["ps"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let words = "Error response from daemon: dockerd-ci-proxy: cannot reach the Docker daemon at ";
    let said = finished.err();
    let said = said.strip_prefix(words).unwrap_or_else(|| panic!("{finished:?}"));
    let said = said.strip_prefix(&format!("unix://{}: ", socket.display()));
    said.unwrap_or_else(|| panic!("{finished:?}")).to_owned()
}

#[test]
fn a_daemon_that_is_away_is_told_in_words_for_the_person_at_the_command() {
    let Some(lab) = Lab::open() else { return };
    let socket = lab.proxy.folder().join("away.sock");
    let name = |what: &str| format!("{}-{what}", lab.name);
    let said = said_of(&socket, &name("missing"), &[]);
    assert_eq!(said, "no such file or directory. Is the docker daemon running?");
    drop(UnixListener::bind(&socket).unwrap());
    let said = said_of(&socket, &name("down"), &[]);
    assert_eq!(said, "connection refused. Is the docker daemon running?");
}

#[test]
fn a_daemon_that_may_not_be_asked_is_told_with_what_to_do() {
    let Some(lab) = Lab::open() else { return };
    let socket = lab.proxy.folder().join("others.sock");
    let _others = UnixListener::bind(&socket).unwrap();
    // Owned by another user, for a root without all capabilities.
    chown(&socket, Some(65534), Some(65534)).unwrap();
    fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    let powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let said = said_of(&socket, &format!("{}-denied", lab.name), &powerless);
    let words = "permission denied. The user that runs dockerd-ci-proxy has to be in the group of \
                 that socket.";
    assert_eq!(said, words);
}

#[test]
fn a_refused_request_is_told_with_its_reason() {
    let Some(lab) = Lab::open() else { return };
    let daemon = &lab.engine.socket;
    let name = format!("{}-refuses", lab.name);
    let proxy = Proxy::start(daemon, &name, &["--socket-bind", "refuse"]);
    let docker = Docker::new(&proxy.socket(), proxy.folder().path());
    let bind = format!("{}:/docker.sock", daemon.display());
    let finished = docker.run(&["run", "--rm", "-v", &bind, lab.image(), "true"]);
    assert_eq!(finished.code, Some(125), "{finished:?}");
    let words = format!(
        "docker: Error response from daemon: dockerd-ci-proxy: refused: the container mounts {}, \
         a socket of the daemon or of the proxy, and the operator refuses such mounts",
        daemon.display()
    );
    assert!(finished.err().starts_with(&words), "{finished:?}");
}

/// Compares with docker's message for a `socket` without a listener, of versions up to 28 or from 29 on.
fn says_nobody_is_there(told: &str, socket: &str) -> bool {
    let old =
        format!("Cannot connect to the Docker daemon at {socket}. Is the docker daemon running?");
    let new = format!(
        "failed to connect to the docker API at {socket}; check if the path is correct and if the daemon is running: dial unix "
    );
    told == old || told.starts_with(&new)
}

#[test]
fn docker_29_says_in_other_words_that_nobody_is_there() {
    let path = "/run/x.sock";
    let dial = format!("dial unix {path}: connect: no such file or directory");
    let told = format!(
        "failed to connect to the docker API at unix://{path}; check if the path is correct and if the daemon is \
         running: {dial}"
    );
    let socket = format!("unix://{path}");
    assert!(says_nobody_is_there(&told, &socket));
    assert!(!says_nobody_is_there(&told, "unix:///run/y.sock"));
    assert!(!says_nobody_is_there(&dial, &socket));
}

#[test]
fn while_the_proxy_drains_docker_finds_nobody_and_what_runs_goes_on() {
    let Some(lab) = Lab::open() else { return };
    let mut running = lab.docker.start(&["run", "--rm", "-i", lab.image(), "cat"]);
    running.write(b"a line\n");
    running.await_output("a line");
    lab.proxy.terminate();
    let finished = until("it takes no new clients", || {
        let finished = lab.docker.run(&["ps"]);
        (finished.code != Some(0)).then_some(finished)
    });
    assert_eq!(finished.code, Some(1));
    let socket = format!("unix://{}", lab.proxy.socket().display());
    assert!(says_nobody_is_there(&finished.err(), &socket), "{finished:?}");
    running.write(b"another\n");
    running.await_output("another");
    let finished = running.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// A daemon that looked up the path would hang.
#[test]
fn a_mount_of_a_file_system_that_does_not_answer_fails_and_names_it() {
    let Some(lab) = Lab::open() else { return };
    let Some(dead) = Dead::mount(&lab.proxy.folder().join("dead")) else {
        return skip("a test of a dead file system", "it needs root and /dev/fuse");
    };
    let path = dead.path();
    let bind = format!("{}:/cache", path.display());
    let other = lab.docker.start(&["run", "--rm", "--volume", &bind, lab.image(), "true"]);
    lab.docker.ok(&["run", "--rm", lab.image(), "true"]);
    let finished = other.finish();
    assert_eq!(finished.code, Some(125));
    let why = format!("cannot tell whether \"{}\", which is to be mounted", path.display());
    assert!(finished.err().contains(&why), "{finished:?}");
    let ours = format!("label=ci.job={}", lab.name);
    assert_eq!(lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &ours]), "");
}
