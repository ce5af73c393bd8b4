//! docker compose, the old program or the newer plugin.

use std::fs;
use std::process::Command;

use crate::support::{Docker, Kind, Lab, Running, skip};

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_signal: SIGKILL
    labels: {mine: kept, ci.job: mine}
    cgroup_parent: /other
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
fn program() -> Option<Vec<String>> {
    let programs =
        [vec!["docker-compose".to_owned()], vec![Docker::program(), "compose".to_owned()]];
    programs.into_iter().find(|program| {
        let mut version = Command::new(&program[0]);
        version.args(&program[1..]).arg("version");
        version.output().is_ok_and(|output| output.status.success())
    })
}

/// A project that compose has up; taken down when dropped.
struct Project<'lab> {
    lab: &'lab Lab,
    program: Vec<String>,
}

impl Project<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.docker.command(&self.program[0]);
        command
            .args(&self.program[1..])
            .args(["--project-name", &self.lab.name])
            .args(arguments)
            .current_dir(self.lab.proxy.folder().path());
        command
    }

    fn ok(&self, arguments: &[&str]) {
        let finished = Running::start(&mut self.command(arguments)).unwrap().finish();
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    }

    fn write(&self) {
        let lab = self.lab;
        let project = PROJECT
            .replace("IMAGE", lab.image())
            .replace("BUILT", &lab.reserve(Kind::Image, "built"));
        let dockerfile = format!("FROM {}\nLABEL dockerfile=kept\n", lab.image());
        fs::write(lab.proxy.folder().join("docker-compose.yml"), project).unwrap();
        fs::write(lab.proxy.folder().join("Dockerfile"), dockerfile).unwrap();
    }

    /// The name that compose gave: version 1 joins with `_`, version 2 with `-`.
    fn container(&self, service: &str) -> String {
        let service = format!("label=com.docker.compose.service={service}");
        let project = format!("label=com.docker.compose.project={}", self.lab.name);
        let filters = ["--filter", &service, "--filter", &project];
        let list = ["ps", "--all", "--format", "{{.Names}}"];
        self.lab.direct.ok(&[&list[..], &filters].concat())
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let _ = self.command(&DOWN).output();
    }
}

const DOWN: [&str; 4] = ["down", "--volumes", "--timeout", "1"];

#[test]
fn everything_that_compose_makes_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = program() else {
        return skip("compose", "there is neither docker-compose nor docker compose");
    };
    let project = Project { lab: &lab, program };
    project.write();
    project.ok(&["up", "--detach", "--build"]);
    assert_labelled(&lab, &project);
    project.ok(&DOWN);
    assert_eq!(project.container("web"), "");
}

fn assert_labelled(lab: &Lab, project: &Project) {
    let web = project.container("web");
    lab.assert_labels(Kind::Container, &web, &[("mine", "kept")]);
    lab.assert_confined(&web);
    let job = project.container("job");
    lab.assert_labels(Kind::Container, &job, &[("dockerfile", "kept")]);
    lab.assert_confined(&job);
    let network = format!("{}_inner", lab.name);
    lab.assert_labels(Kind::Network, &network, &[("mine", "kept")]);
    let volume = format!("{}_data", lab.name);
    lab.assert_labels(Kind::Volume, &volume, &[("mine", "kept")]);
    let image = format!("{}-built", lab.name);
    lab.assert_labels(Kind::Image, &image, &[("dockerfile", "kept")]);
}
