//! docker compose, the old program or the newer plugin.

use std::fs;
use std::process::Command;

use crate::support::{Docker, Finished, Kind, Lab, Running, skip};

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_signal: SIGKILL
    labels: {mine: kept, ci.job: mine}
    cgroup_parent: PARENT
    volumes: ['data:/data']
    networks: [inner]
  job:
    build: .
    image: BUILT
    command: sleep 1000
    stop_signal: SIGKILL
    networks: [inner]
volumes:
  data: {labels: {mine: kept}}
networks:
  inner: {labels: {mine: kept}}
";

/// `docker-compose` or `docker compose`, whichever is there.
fn program(lab: &Lab) -> Option<fn(&Lab) -> Command> {
    let choices: [fn(&Lab) -> Command; 2] = [
        |lab| lab.docker.command("docker-compose"),
        |lab| {
            let mut command = lab.docker.command(&Docker::program());
            command.arg("compose");
            command
        },
    ];
    choices.into_iter().find(|choice| {
        choice(lab)
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
    })
}

#[test]
fn everything_that_compose_makes_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = program(&lab) else {
        return skip(
            "compose",
            "there is neither docker-compose nor docker compose",
        );
    };
    let compose = |arguments: &[&str]| -> Finished {
        let mut command = program(&lab);
        command.args(["--project-name", &lab.name]).args(arguments);
        Running::start(command.current_dir(lab.proxy.folder().path()))
            .unwrap()
            .finish()
    };
    write_project(&lab);
    let up = compose(&["up", "--detach", "--build"]);
    assert_eq!(up.code, Some(0), "{up:?}");
    assert_project(&lab);
    let down = compose(&["down", "--volumes", "--timeout", "1"]);
    assert_eq!(down.code, Some(0), "{down:?}");
    let filter = format!("label=ci.job={}", lab.name);
    assert_eq!(
        lab.direct
            .ok(&["ps", "--all", "--quiet", "--filter", &filter]),
        ""
    );
}

fn write_project(lab: &Lab) {
    let built = lab.reserve(Kind::Image, "built");
    let parent = if lab.engine.cgroup_driver == "systemd" {
        "other.slice"
    } else {
        "/other"
    };
    let project = PROJECT
        .replace("IMAGE", lab.image())
        .replace("PARENT", parent)
        .replace("BUILT", &built);
    let dockerfile = format!("FROM {}\nLABEL dockerfile=kept\n", lab.image());
    fs::write(lab.proxy.folder().join("docker-compose.yml"), project).unwrap();
    fs::write(lab.proxy.folder().join("Dockerfile"), dockerfile).unwrap();
    // The names that compose gives, for the case that `down` is not reached.
    lab.remove_later(Kind::Network, &format!("{}_inner", lab.name));
    lab.remove_later(Kind::Volume, &format!("{}_data", lab.name));
    lab.remove_later(Kind::Container, &container(lab, "web"));
    lab.remove_later(Kind::Container, &container(lab, "job"));
}

/// Compose v1 joins with `_`, v2 with `-`.
fn container(lab: &Lab, service: &str) -> String {
    let filter = format!("label=com.docker.compose.service={service}");
    let project = format!("label=com.docker.compose.project={}", lab.name);
    let found = [
        "ps",
        "--all",
        "--format",
        "{{.Names}}",
        "--filter",
        &filter,
        "--filter",
        &project,
    ];
    lab.direct.ok(&found)
}

fn assert_project(lab: &Lab) {
    let web = container(lab, "web");
    lab.assert_labels(Kind::Container, &web, &[("mine", "kept")]);
    lab.assert_confined(&web);
    let job = container(lab, "job");
    lab.assert_labels(Kind::Container, &job, &[("dockerfile", "kept")]);
    lab.assert_confined(&job);
    lab.assert_labels(
        Kind::Network,
        &format!("{}_inner", lab.name),
        &[("mine", "kept")],
    );
    lab.assert_labels(
        Kind::Volume,
        &format!("{}_data", lab.name),
        &[("mine", "kept")],
    );
    lab.assert_labels(
        Kind::Image,
        &format!("{}-built", lab.name),
        &[("dockerfile", "kept")],
    );
}
