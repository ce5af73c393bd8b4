//! Projects of compose.

use std::fs;

use super::Scene;
use crate::buildkit;
use crate::support::{Running, skip, until};

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    restart: always
    volumes: ['data:/data', '/anonymous']
    networks: [front, back]
  db:
    image: IMAGE
    command: sh -c \"trap '' TERM; while :; do sleep 1; done\"
    depends_on: [web]
    volumes: ['data:/data', 'db:/db']
    networks: [back]
  once:
    image: IMAGE
    command: 'true'
    networks: [front]
volumes:
  data: {}
  db: {}
networks:
  front: {}
  back: {internal: true}
";

#[test]
fn a_project_is_gone_and_everything_else_is_as_before() {
    let Some(lab) = buildkit::lab().filter(super::is_docker) else { return };
    if buildkit::run(&lab.direct, &["compose", "version"]).code != Some(0) {
        return skip("compose", "the docker command has no compose");
    }
    let scene = Scene::begin(&lab);
    let file = lab.proxy.folder().join("compose.yml");
    fs::write(&file, PROJECT.replace("IMAGE", lab.image())).unwrap();
    let up = [&*lab.direct.cli, "compose", "--project-name", &lab.name];
    let up = [&up[..], &["--file", file.to_str().unwrap(), "up", "--detach"]].concat();
    let finished = Running::start(&mut scene.run(&up)).unwrap().finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    scene.is_over();

    // Somebody's container runs on a network of the project.
    let running = scene.script(&format!("{} && echo up && read line", up.join(" ")));
    running.await_output("up");
    until("the third container has ended", || (scene.running() == 2).then_some(()));
    let network = format!("{}_front", lab.name);
    let guest = scene.starts("guest", &["--network", &network], lab.image());
    // Without input, read fails.
    let finished = running.finish();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let why = format!("the container {guest} runs on it");
    assert!(finished.err().contains(&why), "{finished:?}");
    scene.has_left(&[&network]);
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
}
