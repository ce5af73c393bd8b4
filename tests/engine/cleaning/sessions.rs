//! A session like that of Testcontainers, whose libraries and whose Ryuk need a registry: the same requests by the
//! docker command, with the labels of a session and with a container that has the socket.

use super::Scene;

/// The program is killed while it follows a log, and leaves that process behind.
const SESSION: &str = "set -e; \
    labels=\"--label org.testcontainers=true --label org.testcontainers.sessionId=$name\"; \
    $docker run --detach --name testcontainers-ryuk-$name --label org.testcontainers.ryuk=true $labels \
        --restart no --publish 8080 --volume ${DOCKER_HOST#unix://}:/var/run/docker.sock \
        $image sleep 1000 >&2; \
    $docker network create $labels $name-net >&2; \
    $docker volume create $labels $name-vol >&2; \
    $docker create --name $name-redis $labels --network $name-net --network-alias redis --publish 6379 \
        --volume $name-vol:/data --volume /anonymous $image \
        sh -c \"trap '' TERM; echo ready; while :; do sleep 1; done\" >&2; \
    echo settings | $docker cp - $name-redis:/tmp >&2 || true; \
    $docker start $name-redis >&2; \
    $docker exec $name-redis sh -c 'echo kept >/data/file' >&2; \
    $docker logs --follow $name-redis >&2 & \
    $docker run --name $name-init $labels $image true >&2; \
    $docker create $labels --env A=1 $image true >&2; \
    echo up; read line; kill -KILL $$";

#[test]
fn a_session_whose_program_is_killed_is_gone_and_everything_else_is_as_before() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    let mut running = scene.script(SESSION);
    running.await_output("up");
    let network = format!("{}-net", lab.name);
    let guest = scene.starts("guest", &["--network", &network], lab.image());
    running.write(b"\n");
    let finished = running.finish();
    assert_eq!(finished.code, Some(137), "{finished:?}");
    let why = format!("the container {guest} runs on it");
    assert!(finished.err().contains(&why), "{finished:?}");
    scene.has_left(&[&network]);
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
}
