//! The command `run`: what its command creates is gone afterwards, and nothing else.

use std::fs;
use std::process::Command;

use crate::buildkit;
use crate::compose;
use crate::support::{Docker, Finished, Kind, Lab, Running, binary, skip};

/// Prepares `run` on the engine itself, with flags and with a script as its command. The script has the docker command
/// in `$docker` and the image in `$image`, and begins its names with `$name`.
fn command(lab: &Lab, flags: &[&str], script: &str) -> Command {
    let mut command = lab.direct.command(&binary());
    command.arg("run").args(flags).args(["--", "sh", "-c", &format!("echo $DCP_RUN; {script}")]);
    command.env("docker", &lab.direct.cli).env("image", lab.image()).env("name", &lab.name);
    command.env("XDG_RUNTIME_DIR", lab.proxy.folder().path());
    command
}

fn start(lab: &Lab, flags: &[&str], script: &str) -> Running {
    Running::start(&mut command(lab, flags, script)).unwrap()
}

fn run(lab: &Lab, flags: &[&str], script: &str) -> Finished {
    start(lab, flags, script).finish()
}

/// Returns the ids of all things of a run.
fn things(lab: &Lab, finished: &Finished) -> Vec<String> {
    let out = finished.out();
    let id = out.lines().next().unwrap();
    assert_eq!(id.len(), 16, "{finished:?}");
    with_label(&lab.direct, &format!("label=dockerd-ci-proxy.run={id}"))
}

fn with_label(docker: &Docker, filter: &str) -> Vec<String> {
    let lists: [&[&str]; 4] = [
        &["container", "ls", "--all"],
        &["network", "ls"],
        &["volume", "ls"],
        &["image", "ls", "--all"],
    ];
    let list = |list: &&[&str]| docker.ok(&[*list, &["--quiet", "--filter", filter]].concat());
    lists.iter().map(list).filter(|ids| !ids.is_empty()).collect()
}

/// Fails if the thing exists.
fn assert_gone(lab: &Lab, kind: &str, name: &str) {
    let inspected = lab.direct.run(&[kind, "inspect", name]);
    assert_ne!(inspected.code, Some(0), "{kind} {name} is there");
}

/// Creates one thing of each kind, with an anonymous volume, and a container that ignores SIGTERM. No other test has the
/// same steps of the build: the removal of an image takes the images of its steps along.
const MUCH: &str = "set -e; \
    $docker network create $name-net >&2; \
    $docker volume create $name-vol >&2; \
    $docker run --detach --name $name-runs --network $name-net -v $name-vol:/a -v /b $image sleep 1000 >&2; \
    $docker run --name $name-ended $image true >&2; \
    $docker create --name $name-new $image true >&2; \
    printf 'FROM %s\\nRUN echo %s >/a\\nRUN echo 2 >/b\\n' $image $name | $docker build --tag $name-built - >&2; \
    $docker inspect --format '{{range .Mounts}}{{.Name}} {{end}}' $name-runs; ";

/// Reserves the names of [`MUCH`], in case it is not removed.
fn reserve(lab: &Lab) {
    lab.reserve(Kind::Image, "built");
    lab.reserve(Kind::Network, "net");
    lab.reserve(Kind::Volume, "vol");
    for container in ["runs", "ended", "new"] {
        lab.reserve(Kind::Container, container);
    }
}

#[test]
fn what_a_command_creates_is_gone_at_its_end() {
    let Some(lab) = Lab::open() else { return };
    reserve(&lab);
    let finished = run(&lab, &["--grace", "0"], &format!("{MUCH} exit 7"));
    assert_eq!(finished.code, Some(7), "{finished:?}");
    assert!(finished.err().contains("removed 3 containers, 1 network, 1 volume, "), "{finished:?}");
    assert_eq!(things(&lab, &finished), Vec::<String>::new());
    for (kind, name) in [("container", "runs"), ("network", "net"), ("image", "built")] {
        assert_gone(&lab, kind, &format!("{}-{name}", lab.name));
    }
    let out = finished.out();
    let volumes: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(volumes.len(), 2, "{finished:?}");
    for volume in volumes {
        assert_gone(&lab, "volume", volume);
    }
}

#[test]
fn what_others_own_stays() {
    let Some(lab) = Lab::open() else { return };
    reserve(&lab);
    let network = lab.reserve(Kind::Network, "others");
    let volume = lab.reserve(Kind::Volume, "others");
    lab.direct.ok(&["network", "create", "--label", "dockerd-ci-proxy.run=other", &network]);
    lab.docker.ok(&["volume", "create", &volume]);
    let container =
        lab.background(&["--network", &network, "-v", &format!("{volume}:/a")], "sleep 1000");
    let used = format!(
        "{MUCH} $docker run --detach --network {network} -v {volume}:/c $image sleep 1000 >&2"
    );
    let finished = run(&lab, &["--grace", "0"], &used);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(things(&lab, &finished), Vec::<String>::new());
    assert_eq!(lab.inspect(Kind::Container, &container, "{{.State.Running}}"), "true");
    assert_eq!(lab.inspect(Kind::Network, &network, "{{len .Containers}}"), "1");
    assert_eq!(lab.inspect(Kind::Volume, &volume, "{{.Name}}"), volume);
    assert_ne!(lab.inspect(Kind::Image, lab.image(), "{{.Id}}"), "");
}

#[test]
fn a_signal_or_the_time_limit_leaves_nothing() {
    let Some(lab) = Lab::open() else { return };
    reserve(&lab);
    let finished =
        run(&lab, &["--grace", "0"], &format!("{MUCH} kill -TERM $PPID; exec sleep 1000"));
    assert_eq!(finished.code, Some(143), "{finished:?}");
    assert_eq!(things(&lab, &finished), Vec::<String>::new());
    // The docker command waits for the container, which ignores SIGTERM.
    let script = "exec $docker run --name $name-runs $image sleep 1000";
    let finished = run(&lab, &["--timeout", "3", "--grace", "1"], script);
    assert_eq!(finished.code, Some(124), "{finished:?}");
    assert_eq!(things(&lab, &finished), Vec::<String>::new());
    assert_gone(&lab, "container", &format!("{}-runs", lab.name));
}

#[test]
fn two_runs_do_not_touch_each_other() {
    let Some(lab) = Lab::open() else { return };
    let one = lab.reserve(Kind::Container, "one");
    let other = lab.reserve(Kind::Container, "other");
    let script = |name: &str| {
        format!("$docker run --detach --name {name} $image sleep 1000; echo ready; read line")
    };
    let mut first = start(&lab, &["--grace", "0"], &script(&one));
    let mut second = start(&lab, &["--grace", "0"], &script(&other));
    first.await_output("ready");
    second.await_output("ready");
    first.write(b"end\n");
    let first = first.finish();
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_gone(&lab, "container", &one);
    assert_eq!(lab.inspect(Kind::Container, &other, "{{.State.Running}}"), "true");
    second.write(b"end\n");
    let second = second.finish();
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_gone(&lab, "container", &other);
}

#[test]
fn reap_removes_what_a_killed_run_has_left() {
    let Some(lab) = Lab::open() else { return };
    reserve(&lab);
    let killed = run(&lab, &[], &format!("{MUCH} kill -KILL $PPID"));
    assert_eq!(killed.code, None, "{killed:?}");
    assert!(!things(&lab, &killed).is_empty());
    let out = killed.out();
    let id = out.lines().next().unwrap();
    assert!(killed.err().contains(&format!("run {id} uses the daemon at ")), "{killed:?}");
    let mut reap = lab.direct.command(&binary());
    reap.args(["reap", "--grace", "0", "--label", &format!("dockerd-ci-proxy.run={id}")]);
    let reaped = Running::start(&mut reap).unwrap().finish();
    assert_eq!(reaped.code, Some(0), "{reaped:?}");
    assert_eq!(things(&lab, &killed), Vec::<String>::new());
}

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    volumes: ['data:/data', '/anonymous']
    networks: [inner]
volumes:
  data: {}
networks:
  inner: {}
";

#[test]
fn a_compose_project_is_gone_at_the_end() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = compose::program() else {
        return skip("compose", "there is neither docker-compose nor docker compose");
    };
    let file = lab.proxy.folder().join("docker-compose.yml");
    fs::write(&file, PROJECT.replace("IMAGE", lab.image())).unwrap();
    let compose = format!("{} --file {}", program.join(" "), file.display());
    let script = format!("{compose} --project-name $name up --detach >&2");
    let finished = run(&lab, &["--grace", "0"], &script);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.err().contains("removed 1 container, 1 network, 1 volume"), "{finished:?}");
    let project = format!("label=com.docker.compose.project={}", lab.name);
    assert_eq!(with_label(&lab.direct, &project), Vec::<String>::new());
}

#[test]
fn images_of_buildkit_are_gone_at_the_end() {
    let Some(lab) = buildkit::lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let context = buildkit::context(&lab, "context", "FROM BASE\nRUN echo 1 >/a\n");
    let script = format!(
        "DOCKER_BUILDKIT=1 $docker build --tag {image} {context} >&2 && \
         $docker run --detach {image} sleep 1000 >&2"
    );
    let finished = run(&lab, &["--grace", "0"], &script);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.err().contains("removed 1 container, 1 image"), "{finished:?}");
    assert_gone(&lab, "image", &image);
}

#[test]
fn a_cgroup_parent_that_a_run_brought_into_being_goes_with_it() {
    let Some(lab) = Lab::open() else { return };
    if lab.engine.cgroup_driver != "cgroupfs" {
        return skip("a run with a cgroup parent", "slices of systemd go by themselves");
    }
    let parent = format!("/dcp-test/{}-run", lab.name);
    let at = |root: &str| fs::exists(format!("{root}{parent}")).unwrap();
    let is_there =
        || ["", "/memory", "/pids"].iter().any(|one| at(&format!("/sys/fs/cgroup{one}")));
    // The container is gone before the removal begins.
    let script =
        "$docker run --rm $image true; ls -d /sys/fs/cgroup$parent /sys/fs/cgroup/*$parent";
    let script = format!("parent={parent}; {script}");
    let finished = run(&lab, &["--cgroup-parent", &parent], &script);
    assert!(finished.out().contains(&parent), "{finished:?}");
    assert!(!is_there(), "{finished:?}");
}
