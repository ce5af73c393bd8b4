//! The task of `run`, from arguments and variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::orders::{Format, RunOrder};
use crate::cli::resolve::removal::LAST_EXCHANGES;
use crate::cli::{self, Command};
use crate::config::Drain;
use crate::reap::Kind;

/// Reads `run` with these words and variables.
fn run(words: &[&str], variables: &[(&str, &str)]) -> Result<RunOrder, String> {
    let args = ["run"].iter().chain(words).map(OsString::from);
    let env = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    };
    match cli::parse(args, env, &[]) {
        Ok(Command::Run(order)) => Ok(*order),
        Ok(other) => Err(format!("{other:?}")),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

const HOST: (&str, &str) = ("DOCKER_HOST", "unix:///d.sock");

#[test]
fn a_run_has_defaults() {
    let order = run(&["--", "make", "-j", "test"], &[HOST]).unwrap();
    assert_eq!((order.program, order.arguments), ("make".into(), vec!["-j".into(), "test".into()]));
    assert_eq!((order.daemon.path, order.daemon.by), (PathBuf::from("/d.sock"), HOST.0.to_owned()));
    assert_eq!((order.timeout, order.grace), (None, Duration::from_secs(10)));
    assert_eq!(order.format, Format::Text);
    assert!(Kind::ALL.iter().all(|kind| !order.keep.has(*kind)));
    assert_eq!(order.config.drain, Drain::After(LAST_EXCHANGES));
    let [listener] = &order.config.listeners[..] else { panic!("one listener") };
    assert_eq!(*listener.daemon, *Path::new("/d.sock"));
    assert!(listener.removal.mark);
    let socket = format!("/tmp/dockerd-ci-proxy-{}/docker.sock", order.id);
    assert_eq!(listener.listen, Path::new(&socket));
}

#[test]
fn what_is_created_carries_the_id_and_the_labels_of_flags_or_variables() {
    let labels = |order: &RunOrder| {
        let shown = |sourced: &crate::config::Sourced<crate::rules::Label>| {
            format!("{}={}", sourced.value.key, sourced.value.value)
        };
        order.config.listeners[0].labels.iter().map(shown).collect::<Vec<_>>()
    };
    let order = run(&["--label", "a=b", "true"], &[HOST, ("DCP_LABELS", "c=d")]).unwrap();
    assert_eq!(labels(&order), ["a=b".to_owned(), format!("dockerd-ci-proxy.run={}", order.id)]);
    let other = run(&["true"], &[HOST, ("DCP_LABELS", "c=d")]).unwrap();
    assert_eq!(labels(&other), ["c=d".to_owned(), format!("dockerd-ci-proxy.run={}", other.id)]);
    assert_ne!(order.id, other.id);
    let images = |flag| {
        let order = run(&["--image-labels", flag, "--label", "a=b", "true"], &[HOST]).unwrap();
        order.config.listeners[0].image_labels.len()
    };
    assert_eq!((images("all"), images("none")), (2, 0));
}

#[test]
fn flags_are_read() {
    let words = [
        "--dockersocket",
        "/other.sock",
        "--timeout",
        "5m",
        "--grace",
        "3s",
        "--keep",
        "images,volumes",
        "--format",
        "json",
        "true",
    ];
    let order = run(&words, &[HOST]).unwrap();
    assert_eq!(
        (order.daemon.path, order.daemon.by.as_str()),
        ("/other.sock".into(), "--dockersocket")
    );
    assert_eq!(
        (order.timeout, order.grace),
        (Some(Duration::from_mins(5)), Duration::from_secs(3))
    );
    assert!(order.keep.has(Kind::Images) && order.keep.has(Kind::Volumes));
    assert!(!order.keep.has(Kind::Containers));
    assert_eq!(order.format, Format::Json);
}

#[test]
fn the_socket_is_in_the_first_directory_that_exists() {
    let here = std::env::temp_dir();
    let here = here.to_str().unwrap();
    let folder = |variables: &[(&str, &str)]| {
        let order = run(&["true"], &[&[HOST], variables].concat()).unwrap();
        let socket = order.config.listeners[0].listen.clone();
        socket.parent().and_then(Path::parent).map(Path::to_owned).unwrap()
    };
    let (runtime, tmp) = ("XDG_RUNTIME_DIR", "TMPDIR");
    assert_eq!(folder(&[(runtime, "/proc"), (tmp, "/dev")]), Path::new("/proc"));
    assert_eq!(folder(&[(runtime, "/nonexistent"), (tmp, here)]), Path::new(here));
    assert_eq!(folder(&[(runtime, ""), (tmp, "relative")]), Path::new("/tmp"));
}

#[test]
fn mistakes_name_the_setting() {
    let long = std::env::temp_dir().join(format!("dcp-{}-{}", std::process::id(), "x".repeat(90)));
    std::fs::create_dir_all(&long).unwrap();
    let error = |words: &[&str], variables: &[(&str, &str)]| run(words, variables).unwrap_err();
    let too_long = error(&["true"], &[HOST, ("TMPDIR", long.to_str().unwrap())]);
    std::fs::remove_dir(&long).unwrap();
    assert!(too_long.starts_with("TMPDIR: "), "{too_long}");
    assert!(
        too_long.ends_with("is too long; the path of a socket has at most 107 bytes"),
        "{too_long}"
    );
    for (words, begin) in [
        (&["--timeout", "never", "true"][..], "--timeout: \"never\" is not a time"),
        (&["--keep", "all", "true"], "--keep: unknown kind \"all\""),
        (&["--config", "x", "true"], "--config: cannot be used with run"),
        (&["--listensocket", "x", "true"], "--listensocket: cannot be used with run"),
        (&["--reap-on-exit", "true"], "--reap-on-exit: cannot be used with run"),
        (&["--label", "a=b"], "run: needs a command"),
        (
            &["--label", "dockerd-ci-proxy.run=x", "true"],
            "--label: the label key \"dockerd-ci-proxy.run\" was already given by run",
        ),
    ] {
        let why = error(words, &[HOST]);
        assert!(why.starts_with(begin), "{why}");
    }
}
