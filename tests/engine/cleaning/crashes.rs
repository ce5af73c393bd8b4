//! The proxy itself is killed, and `reap` removes what it has left.

use super::Scene;
use crate::support::{Docker, Kind, Proxy, Running, until};

/// Creates things of all kinds, and a container that an attached client waits for.
const WORK: &str = "set -e; \
    $docker network create $name-net >&2; \
    $docker volume create $name-vol >&2; \
    $docker run --detach --restart always --network $name-net --volume $name-vol:/a --volume /b \
        $image sleep 1000 >&2; \
    printf 'FROM %s\\nRUN echo %s >/a\\n' $image $name | $docker build --tag $name-built - >&2; \
    $docker create $name-built true >&2; \
    $docker run --rm $image sh -c 'echo up; sleep 1000'";

#[test]
fn what_a_killed_run_has_left_is_gone_after_a_reap() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    lab.reserve(Kind::Image, "built");
    let running = scene.script(WORK);
    running.await_output("up");
    // Not the command, which goes on.
    running.kill();
    is_reaped(&scene);
}

#[test]
fn what_clients_of_a_killed_service_have_left_is_gone_after_a_reap() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    lab.reserve(Kind::Image, "built");
    let label = scene.label();
    let name = format!("{}-service", lab.name);
    let flags = ["--label", &*label, "--reap-on-exit"];
    let mut proxy = Proxy::start(&lab.engine.socket, &name, &flags);
    let docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    let mut command = docker.command("sh");
    command.args(["-c", WORK]).env("docker", &docker.cli).env("image", lab.image());
    let running = Running::start(command.env("name", &lab.name)).unwrap();
    running.await_output("up");
    proxy.kill();
    // Its client notices.
    assert_ne!(running.finish().code, Some(0));
    is_reaped(&scene);
}

/// Reaps everything, at first but for a network on which somebody's container runs.
fn is_reaped(scene: &Scene<'_>) {
    until("the containers run", || (scene.running() == 2).then_some(()));
    let network = format!("{}-net", scene.lab.name);
    let guest = scene.starts("guest", &["--network", &network], scene.lab.image());
    let reaped = scene.reap(&scene.label(), &[]);
    assert_eq!(reaped.code, Some(4), "{reaped:?}");
    scene.has_left(&[&network]);
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
}
