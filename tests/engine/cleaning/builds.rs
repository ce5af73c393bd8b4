//! Builds by both builders, whose images a job and others use.

use super::Scene;
use crate::buildkit;
use crate::support::Kind;

/// Builds by both builders, twice with the same tag, so that the first image has none. The job runs a container of
/// each image.
const BUILDS: &str = "set -e; \
    file() { printf 'FROM %s\\nRUN echo %s >/a\\nRUN echo %s >/b\\n' $image $1 $1; }; \
    for turn in 1 2; do \
        file $name-$turn | DOCKER_BUILDKIT=0 $docker build --tag $name-classic - >&2; \
        file $name-$turn | DOCKER_BUILDKIT=1 $docker build --tag $name-new - >&2; \
    done; \
    printf 'FROM %s\\nENV A=1\\n' $name-new | DOCKER_BUILDKIT=0 $docker build - >&2; \
    $docker tag $name-new $name-again; \
    $docker run --detach --name $name-one $name-classic sleep 1000 >&2; \
    $docker run --detach --name $name-two $name-new sleep 1000 >&2; \
    echo up; read line; exit 0";

#[test]
fn images_are_gone_unless_others_use_them() {
    let Some(lab) = buildkit::lab().filter(super::is_docker) else { return };
    let scene = Scene::begin(&lab);
    let images = ["classic", "new"].map(|what| lab.reserve(Kind::Image, what));
    let mut running = scene.script(BUILDS);
    running.await_output("up");
    let guest = scene.starts("guest", &[], &images[0]);
    running.write(b"\n");
    let finished = running.finish();
    assert_eq!(finished.code, Some(4), "{finished:?}");
    let why = format!("the container {guest} uses it");
    assert!(finished.err().contains(&why), "{finished:?}");
    let image = lab.inspect(Kind::Container, &guest, "{{.Image}}");
    assert_eq!(lab.inspect(Kind::Image, &images[0], "{{.Id}}"), image);
    scene.leaves(&guest);
    scene.reap_all(&scene.label());
    scene.is_over();
}
