//! A stack of a swarm.

use std::fs;

use super::Scene;
use crate::support::{Kind, until};
use crate::swarm::Swarm;

const STACK: &str = "
version: '3.8'
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_grace_period: 1s
    networks: [inner]
    secrets: [password]
    configs: [settings]
    volumes: ['data:/data']
    deploy: {replicas: 2}
  db:
    image: IMAGE
    command: sleep 1000
    stop_grace_period: 1s
    networks: [inner]
networks:
  inner: {driver: overlay, attachable: true}
secrets:
  password: {file: ./password}
configs:
  settings: {file: ./settings}
volumes:
  data: {}
";

#[test]
fn a_stack_is_gone_and_everything_else_is_as_before() {
    let Some(lab) = super::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let others = [
        (Kind::Secret, "secret", "/secrets/"),
        (Kind::Config, "config", "/configs/"),
        (Kind::Service, "service", "/services/"),
    ]
    .map(|(kind, word, path)| (word, lab.reserve(kind, &format!("others-{word}")), path));
    let direct = &lab.direct;
    let service = ["service", "create", "--detach", "--no-resolve-image", "--name", &others[2].1];
    for (word, name, _) in &others[..2] {
        let created = direct.run_with(&[word, "create", name, "-"], b"x");
        assert_eq!(created.code, Some(0), "{created:?}");
    }
    direct.ok(&[&service[..], &[lab.image(), "sleep", "1000"]].concat());
    until("the other service has a container", || crate::swarm::task(&lab, &others[2].1));
    let scene = Scene::begin(&lab);
    for (_, name, path) in &others {
        scene.watches(format!("{path}{name}"));
    }

    for (file, content) in [("stack.yml", STACK), ("password", "x"), ("settings", "y")] {
        let content = content.replace("IMAGE", lab.image());
        fs::write(lab.proxy.folder().join(file), content).unwrap();
    }
    let file = lab.proxy.folder().join("stack.yml");
    let deploy = ["stack", "deploy", "--resolve-image", "never", "--compose-file"];
    lab.docker.ok(&[&deploy[..], &[file.to_str().unwrap(), &lab.name]].concat());
    until("the tasks run", || (scene.running() == 3).then_some(()));
    let network = format!("{}_inner", lab.name);
    let guest = scene.starts("guest", &["--network", &network], lab.image());

    let reaped = scene.reap(&scene.label(), &[]);
    assert_eq!(reaped.code, Some(4), "{reaped:?}");
    let why = format!("the container {guest} runs on it");
    assert!(reaped.out().contains(&why), "{reaped:?}");
    scene.has_left(&[&network]);
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
}
