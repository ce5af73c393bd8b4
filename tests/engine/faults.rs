//! What fails, fails as it does without the proxy; and what the proxy itself says.

use crate::support::{Docker, Lab, Proxy};

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

#[test]
fn a_daemon_that_is_away_is_told_in_words_for_the_person_at_the_command() {
    let Some(lab) = Lab::open() else { return };
    let nowhere = lab.proxy.folder().join("nowhere.sock");
    let proxy = Proxy::start(&nowhere, &format!("{}-away", lab.name), &[]);
    let docker = Docker::new(&proxy.socket(), proxy.folder().path());
    let finished = docker.run(&["ps"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.err().contains("dockerd-ci-proxy: "), "{finished:?}");
    assert!(finished.err().contains("nowhere.sock"), "{finished:?}");
}
