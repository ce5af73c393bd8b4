//! `docker build` of today: BuildKit, through the CLI's buildx.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Docker, Finished, Kind, Lab, Proxy, Running, noise, skip, until};

/// A docker command with buildx.
pub(super) fn cli() -> String {
    std::env::var("DCP_TEST_BUILDX_CLI").unwrap_or_else(|_| Docker::program())
}

/// Opens a lab whose docker builds with buildx; returns `None` if there is no buildx.
pub(crate) fn lab() -> Option<Lab> {
    let mut lab = Lab::open()?;
    lab.docker.cli = cli();
    lab.direct.cli = cli();
    // An unpacked client has its plugins beside it.
    let program = PathBuf::from(cli());
    let plugins = program.parent().unwrap_or(Path::new("/")).join("../libexec/docker/cli-plugins");
    let config = format!("{{\"cliPluginsExtraDirs\":[{:?}]}}", plugins.display());
    fs::write(lab.proxy.folder().join("config.json"), config).unwrap();
    let version = lab.docker.run(&["buildx", "version"]);
    if version.code == Some(0) && version.out().contains("buildx") {
        return Some(lab);
    }
    skip("BuildKit tests", "the docker command has no buildx");
    None
}

/// The docker command with BuildKit.
pub(super) fn command(docker: &Docker, arguments: &[&str]) -> Command {
    let mut command = docker.command(&docker.cli);
    command.env("DOCKER_BUILDKIT", "1").env("BUILDKIT_PROGRESS", "plain");
    // Newer versions of bake ask for permission to read outside of the working folder.
    command.env("BUILDX_BAKE_ENTITLEMENTS_FS", "0").args(arguments);
    command
}

pub(super) fn run(docker: &Docker, arguments: &[&str]) -> Finished {
    Running::start(&mut command(docker, arguments)).unwrap().finish()
}

/// Creates a folder `name` with this Dockerfile; `BASE` is the image with a shell.
pub(super) fn context(lab: &Lab, name: &str, dockerfile: &str) -> String {
    let context = lab.proxy.folder().join(name);
    fs::create_dir_all(&context).unwrap();
    let dockerfile = dockerfile.replace("BASE", lab.image());
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    context.to_str().unwrap().to_owned()
}

pub(crate) fn build(
    lab: &Lab,
    docker: &Docker,
    image: &str,
    options: &[&str],
    dockerfile: &str,
) -> Finished {
    let context = context(lab, "context", dockerfile);
    run(docker, &[&["build", "--no-cache", "--tag", image], options, &[&context]].concat())
}

#[test]
fn an_image_has_the_labels_of_dockerfile_client_and_operator() {
    let Some(lab) = lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let dockerfile = "FROM BASE AS first\nARG WORD\nLABEL first=lost\nRUN echo $WORD >/word\n\
                      FROM BASE\nLABEL dockerfile=kept ci.job=dockerfile\n\
                      COPY --from=first /word /word\nCOPY large /large\n\
                      RUN --mount=type=secret,id=s cp /run/secrets/s /secret\n";
    let context = context(&lab, "context", dockerfile);
    fs::write(PathBuf::from(&context).join("large"), noise(30_000_000)).unwrap();
    let secret = lab.proxy.folder().join("secret");
    fs::write(&secret, "told").unwrap();
    let secret = format!("id=s,src={}", secret.display());
    let options = ["--label", "client=kept", "--label", "ci.team=client", "--secret", &secret];
    let arguments = ["build", "--no-cache", "--build-arg", "WORD=hello", "--tag", &image];
    let built = run(&lab.docker, &[&arguments[..], &options, &[&context]].concat());
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_labels(Kind::Image, &image, &[("client", "kept"), ("dockerfile", "kept")]);
    let script = "cat /word /secret; wc -c </large";
    let seen = lab.docker.ok(&["run", "--rm", &image, "sh", "-c", script]);
    assert_eq!(seen, "hello\ntold30000000");
}

#[test]
fn a_step_has_the_clients_ssh_agent() {
    let Some(lab) = lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let path = lab.proxy.folder().join("agent");
    let _agent = UnixListener::bind(&path).unwrap();
    // The daemon asks the client for it before it makes the socket.
    let dockerfile = "FROM BASE\nRUN --mount=type=ssh test -S $SSH_AUTH_SOCK\n";
    let option = format!("default={}", path.display());
    let built = build(&lab, &lab.docker, &image, &["--ssh", &option], dockerfile);
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_labels(Kind::Image, &image, &[]);
    let without = build(&lab, &lab.docker, &image, &[], dockerfile);
    assert_ne!(without.code, Some(0), "{without:?}");
}

#[test]
fn its_steps_run_below_the_cgroup_parent() {
    let Some(lab) = lab() else { return };
    // Docker 20.10 does not support it; on cgroup v2 a step sees itself at the root.
    let version = lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]);
    if version.starts_with("20.") || lab.engine.cgroup_version != "1" {
        return;
    }
    let image = lab.reserve(Kind::Image, "built");
    let options = ["--cgroup-parent", "/other"];
    let built =
        build(&lab, &lab.docker, &image, &options, "FROM BASE\nRUN cat /proc/self/cgroup\n");
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_confined_by(&cgroups_told(&built));
}

/// Returns the lines of `/proc/self/cgroup` from a step's output.
pub(super) fn cgroups_told(built: &Finished) -> String {
    let output = built.err();
    let lines = output.lines().filter_map(|line| line.split_once(' ')?.1.split_once(' '));
    let cgroups = lines.map(|(_, text)| text).filter(|text| text.matches(":/").count() == 1);
    cgroups.collect::<Vec<_>>().join("\n")
}

#[test]
fn several_builds_at_once_are_labelled_each() {
    let Some(lab) = lab() else { return };
    let context = context(&lab, "context", "FROM BASE\nARG WORD\nRUN echo $WORD >/word\n");
    let images = ["one", "two", "three"].map(|name| lab.reserve(Kind::Image, name));
    let target = |(name, image): (&str, &String)| {
        format!(
            "{name:?}:{{\"context\":{context:?},\"tags\":[{image:?}],\"no-cache\":true,\
             \"args\":{{\"WORD\":{name:?}}},\"labels\":{{\"target\":{name:?}}}}}"
        )
    };
    let targets: Vec<String> = ["a", "b", "c"].into_iter().zip(&images).map(target).collect();
    let file = lab.proxy.folder().join("bake.json");
    let group = "{\"default\":{\"targets\":[\"a\",\"b\",\"c\"]}}";
    fs::write(&file, format!("{{\"group\":{group},\"target\":{{{}}}}}", targets.join(",")))
        .unwrap();
    let baked = run(&lab.docker, &["buildx", "bake", "--file", file.to_str().unwrap()]);
    assert_eq!(baked.code, Some(0), "{baked:?}");
    for (name, image) in ["a", "b", "c"].into_iter().zip(&images) {
        lab.assert_labels(Kind::Image, image, &[("target", name)]);
    }
}

#[test]
fn a_message_larger_than_any_window_passes() {
    let Some(lab) = lab() else { return };
    let context = context(&lab, "context", "FROM BASE\nARG WORD\nRUN true\n");
    let image = lab.reserve(Kind::Image, "built");
    // Docker 20.10 accepts 4 MiB. No step gets the value as an argument, since the kernel's limit is 128 KiB.
    let huge = "x".repeat(3_000_000);
    let target = format!(
        "{{\"target\":{{\"default\":{{\"context\":{context:?},\"tags\":[{image:?}],\
         \"args\":{{\"UNUSED\":{huge:?}}}}}}}}}"
    );
    let file = lab.proxy.folder().join("bake.json");
    fs::write(&file, target).unwrap();
    let baked = run(&lab.docker, &["buildx", "bake", "--file", file.to_str().unwrap()]);
    assert_eq!(baked.code, Some(0), "{baked:?}");
    lab.assert_labels(Kind::Image, &image, &[]);
}

#[test]
fn what_makes_no_image_is_as_without_the_proxy() {
    let Some(lab) = lab() else { return };
    let context = context(&lab, "context", "FROM BASE\nRUN echo hi >/hi\n");
    let out = lab.proxy.folder().join("out");
    let output = format!("type=local,dest={}", out.display());
    let built = run(&lab.docker, &["build", "--output", &output, &context]);
    assert_eq!(built.code, Some(0), "{built:?}");
    assert_eq!(fs::read_to_string(out.join("hi")).unwrap(), "hi\n");
    let checks =
        [&lab.docker, &lab.direct].map(|docker| run(docker, &["build", "--check", &context]));
    assert_eq!(checks[0].code, checks[1].code, "{checks:?}");
    assert_eq!(checks[0].out(), checks[1].out());
}

/// Returns a build's lines about step output and errors, without times, sorted.
fn told(finished: &Finished) -> Vec<String> {
    let steady = |line: &str| {
        let words = line.split(' ').filter(|word| {
            let time = word.trim_end_matches('s').parse::<f64>().is_ok();
            !time && !word.starts_with('#') && !word.contains("sha256:")
        });
        // The order in which the two calls of a build fail is a race within buildx.
        words
            .collect::<Vec<_>>()
            .join(" ")
            .replace("failed to run Build function", "failed to solve")
    };
    let mut lines: Vec<String> = finished.err().lines().map(steady).collect();
    // Progress varies: on a busy machine steps are reported twice, or not as done.
    let matters =
        |line: &str| ["ERROR", ">>>", "hello", "on the way"].map(|word| line.contains(word));
    lines.retain(|line| matters(line).contains(&true));
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn output_and_errors_are_as_without_the_proxy() {
    let Some(lab) = lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    for (dockerfile, code) in [
        ("FROM BASE\nLABEL a=b\nRUN echo hello >&2\n", 0),
        ("FROM BASE\nRUN echo on the way; exit 3\n", 1),
        ("FROM BASE\nNONSENSE\n", 1),
    ] {
        let through = build(&lab, &lab.docker, &image, &[], dockerfile);
        let direct = build(&lab, &lab.direct, &image, &[], dockerfile);
        assert_eq!((through.code, direct.code), (Some(code), Some(code)), "{through:?}");
        assert_eq!(told(&through), told(&direct));
    }
}

#[test]
fn a_build_whose_client_is_gone_is_cancelled() {
    let Some(lab) = lab() else { return };
    let seconds = 1_000_000 + std::process::id();
    let building = sleeping_build(&lab, &lab.docker, seconds);
    building.kill();
    until("the step is ended", || (!sleeps(seconds)).then_some(()));
    until("the proxy is idle", || (lab.proxy.sockets() <= 4).then_some(()));
}

/// Starts a build whose only step sleeps, and waits until the step runs.
fn sleeping_build(lab: &Lab, docker: &Docker, seconds: u32) -> Running {
    let dockerfile = format!("FROM BASE\nRUN sleep {seconds}\n");
    let context = context(lab, &format!("context-{seconds}"), &dockerfile);
    let mut command = command(docker, &["build", "--no-cache", &context]);
    let building = Running::start(command.process_group(0)).unwrap();
    until("the step runs", || sleeps(seconds).then_some(()));
    building
}

/// Returns `true` if a process `sleep SECONDS` runs.
fn sleeps(seconds: u32) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = processes.flat_map(|process| fs::read(process.path().join("cmdline")));
    lines.any(|line| line == format!("sleep\0{seconds}\0").as_bytes())
}

#[test]
fn ctrl_c_ends_a_build_as_without_the_proxy() {
    let Some(lab) = lab() else { return };
    let seconds = 2_000_000 + 2 * std::process::id();
    let interrupted = |docker, seconds| {
        let building = sleeping_build(&lab, docker, seconds);
        building.interrupt();
        until("the step is ended", || (!sleeps(seconds)).then_some(()));
        let finished = building.finish();
        let told = String::from_utf8_lossy(&finished.stderr).into_owned();
        (finished.code, told.lines().last().map(ToOwned::to_owned))
    };
    let direct = interrupted(&lab.direct, seconds);
    assert_ne!(direct.0, Some(0));
    assert_eq!(interrupted(&lab.docker, seconds + 1), direct);
    until("the proxy is idle", || (lab.proxy.sockets() <= 4).then_some(()));
}

#[test]
fn compose_builds_are_labelled() {
    let Some(lab) = lab() else { return };
    if run(&lab.docker, &["compose", "version"]).code != Some(0) {
        return skip("a BuildKit test", "the docker command has no compose");
    }
    let context = context(&lab, "context", "FROM BASE\nARG WORD\nRUN echo $WORD >/word\n");
    let images = ["one", "two"].map(|name| lab.reserve(Kind::Image, name));
    let file = lab.proxy.folder().join("compose.yml");
    let service = |image: &String| {
        format!(
            "  s-{image}:\n    image: {image}\n    build: {{context: {context}, args: {{WORD: {image}}}, labels: [mine=kept]}}\n"
        )
    };
    fs::write(&file, format!("services:\n{}{}", service(&images[0]), service(&images[1]))).unwrap();
    let built = run(&lab.docker, &["compose", "--file", file.to_str().unwrap(), "build"]);
    assert_eq!(built.code, Some(0), "{built:?}");
    for image in &images {
        lab.assert_labels(Kind::Image, image, &[("mine", "kept")]);
    }
}

#[test]
fn images_of_several_platforms_are_labelled_each() {
    let Some(lab) = lab() else { return };
    let driver = lab.direct.ok(&["info", "--format", "{{.DriverStatus}}"]);
    if !driver.contains("containerd.snapshotter") {
        return; // only the containerd image store has such images
    }
    let image = lab.reserve(Kind::Image, "built");
    let options = ["--platform", "linux/amd64,linux/arm64"];
    let dockerfile = "FROM scratch\nLABEL dockerfile=kept\nCOPY Dockerfile /\n";
    let built = build(&lab, &lab.docker, &image, &options, dockerfile);
    assert_eq!(built.code, Some(0), "{built:?}");
    for architecture in ["amd64", "arm64"] {
        let labels = labels_of_platform(&lab, &image, architecture);
        lab.assert_label_map(&labels.to_string(), &[("dockerfile", "kept")]);
    }
}

/// Returns the labels of an image for one of its platforms, which older docker commands cannot.
fn labels_of_platform(lab: &Lab, image: &str, architecture: &str) -> serde_json::Value {
    let platform =
        format!("%7B%22os%22%3A%22linux%22%2C%22architecture%22%3A%22{architecture}%22%7D");
    let request =
        format!("GET /v1.49/images/{image}/json?platform={platform} HTTP/1.0\r\nHost: d\r\n\r\n");
    let mut stream = UnixStream::connect(&lab.engine.socket).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let image: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(image["Architecture"], architecture, "{answer}");
    image["Config"]["Labels"].clone()
}

#[test]
fn without_rewriting_builds_pass_and_the_log_says_so() {
    let Some(lab) = lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let name = format!("{}-plain", lab.name);
    let proxy = Proxy::start(&lab.engine.socket, &name, &["--label", "a=b", "--no-buildkit"]);
    let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    docker.cli = cli();
    let built = build(&lab, &docker, &image, &[], "FROM BASE\nLABEL dockerfile=kept\n");
    assert_eq!(built.code, Some(0), "{built:?}");
    let labels = lab.inspect(Kind::Image, &image, "{{json .Config.Labels}}");
    assert_eq!(labels, "{\"dockerfile\":\"kept\"}");
    let log = fs::read_to_string(proxy.folder().join("log")).unwrap();
    assert!(log.contains("a BuildKit connection (/grpc) passes"), "{log}");
}
