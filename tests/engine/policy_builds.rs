//! Builds by BuildKit under a policy: what a rule is about works on the daemon itself, and is refused through the
//! proxy.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::buildkit::{build, context, lab, run};
use crate::llb::{SOLVE, answer, begin, call, connect, field, pair};
use crate::support::{Docker, Finished, Kind, Lab, Proxy};

const FILE: &str = r#"
[[listener]]
name = "one"
socket = "FOLDER/s"
daemon = "DAEMON"
labels = { "ci.job" = "JOB", "ci.team" = "web" }
MORE

[listener.policy]
contact = "the team of this host"
trial = TRIAL
rule = [
  { name = "entitled", do = "refuse", option = "Entitlements", reason = "no more than others" },
  { name = "network", do = "refuse", option = "FrontendAttrs.force-network-mode", is = "host" },
  { name = "step-network", do = "refuse", option = "Exec.Network", is = "host" },
  { name = "step-security", do = "refuse", option = "Exec.Security", is = "insecure" },
  { name = "step-sources", do = "refuse", option = "Source.Identifier", prefix = "git://" },
  { name = "prune", do = "refuse", operation = "BuildkitPrune" },
]
"#;

/// A proxy with the policy, and a docker command for it.
struct Guarded {
    proxy: Proxy,
    docker: Docker,
}

impl Guarded {
    fn start(lab: &Lab, name: &str, trial: bool, more: &str) -> Self {
        let file = FILE
            .replace("DAEMON", lab.engine.socket.to_str().unwrap())
            .replace("JOB", &lab.name)
            .replace("TRIAL", if trial { "true" } else { "false" })
            .replace("MORE", more);
        let proxy = Proxy::configured(&format!("{}-{name}", lab.name), &file);
        let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
        docker.cli.clone_from(&lab.docker.cli);
        Self { proxy, docker }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.proxy.folder().join("log")).unwrap()
    }
}

/// Checks that the user of the command sees the refusal by a rule.
fn assert_refused(finished: &Finished, rule: &str) {
    assert_ne!(finished.code, Some(0), "{finished:?}");
    let told = finished.err();
    assert!(told.contains("the policy does not allow"), "{told}");
    assert!(told.contains(&format!("rule {rule}")), "{told}");
    assert!(told.contains("the team of this host"), "{told}");
}

/// Returns `true` if a step of a Dockerfile may name its network, which Docker 20.10 does not support.
fn steps_name_networks(lab: &Lab) -> bool {
    !lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]).starts_with("20.")
}

#[test]
fn ordinary_builds_pass() {
    let Some(lab) = lab() else { return };
    let guarded = Guarded::start(&lab, "pass", false, "");
    let image = lab.reserve(Kind::Image, "built");
    let dockerfile = "FROM BASE AS one\nRUN echo hello >/word\nFROM BASE\n\
                      COPY --from=one /word /word\nRUN NETWORK cat /word\n\
                      RUN --mount=type=cache,target=/c touch /c/x\n";
    let network = if steps_name_networks(&lab) { "--network=none" } else { "" };
    let dockerfile = dockerfile.replace("NETWORK", network);
    let built = build(&lab, &guarded.docker, &image, &[], &dockerfile);
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_labels(Kind::Image, &image, &[]);
    let image = lab.reserve(Kind::Image, "baked");
    let context = context(&lab, "context", "FROM BASE\nRUN true\n");
    let file = lab.proxy.folder().join("bake.json");
    let target = format!("{{\"context\":{context:?},\"tags\":[{image:?}]}}");
    fs::write(&file, format!("{{\"target\":{{\"default\":{target}}}}}")).unwrap();
    let baked = run(&guarded.docker, &["buildx", "bake", "--file", file.to_str().unwrap()]);
    assert_eq!(baked.code, Some(0), "{baked:?}");
    lab.assert_labels(Kind::Image, &image, &[]);
}

#[test]
fn the_network_of_the_host_is_refused() {
    let Some(lab) = lab() else { return };
    let guarded = Guarded::start(&lab, "network", false, "");
    let image = lab.reserve(Kind::Image, "built");
    let plain = "FROM BASE\nRUN true\n";
    let step =
        if steps_name_networks(&lab) { "FROM BASE\nRUN --network=host true\n" } else { plain };
    let allow = ["--allow", "network.host"];
    for (options, dockerfile) in [(&["--network", "host"][..], plain), (&allow, step)] {
        let direct = build(&lab, &lab.direct, &image, options, dockerfile);
        assert_eq!(direct.code, Some(0), "{direct:?}");
        let refused = build(&lab, &guarded.docker, &image, options, dockerfile);
        assert_refused(&refused, "entitled");
    }
    if step != plain {
        // The daemon itself grants no step what its build was not granted.
        let refused = build(&lab, &guarded.docker, &image, &[], step);
        assert_ne!(refused.code, Some(0), "{refused:?}");
    }
    for mode in ["none", "default"] {
        let built = build(&lab, &guarded.docker, &image, &["--network", mode], plain);
        assert_eq!(built.code, Some(0), "{built:?}");
    }
}

#[test]
fn an_insecure_step_is_refused() {
    let Some(lab) = lab() else { return };
    let guarded = Guarded::start(&lab, "insecure", false, "");
    let image = lab.reserve(Kind::Image, "built");
    let dockerfile = "FROM BASE\nRUN --security=insecure true\n";
    let allow = ["--allow", "security.insecure"];
    let refused = build(&lab, &guarded.docker, &image, &allow, dockerfile);
    assert_refused(&refused, "entitled");
}

#[test]
fn a_call_is_refused_by_its_name() {
    let Some(lab) = lab() else { return };
    let guarded = Guarded::start(&lab, "prune", false, "");
    let prune = ["buildx", "prune", "--force", "--filter", "until=9000h"];
    let direct = run(&lab.direct, &prune);
    assert_eq!(direct.code, Some(0), "{direct:?}");
    assert_refused(&run(&guarded.docker, &prune), "prune");
}

#[test]
fn a_trial_lets_pass_and_says_what_would_be_refused() {
    let Some(lab) = lab() else { return };
    for (name, more) in [("trial", ""), ("unread", "buildkit = false")] {
        let guarded = Guarded::start(&lab, name, true, more);
        let image = lab.reserve(Kind::Image, name);
        let plain = "FROM BASE\nRUN true\n";
        let built = build(&lab, &guarded.docker, &image, &["--network", "host"], plain);
        assert_eq!(built.code, Some(0), "{built:?}");
        let log = guarded.log();
        assert!(log.contains("Entitlements \"network.host\" in BuildkitSolve"), "{log}");
    }
}

#[test]
fn a_connection_that_is_not_rewritten_is_decided_about() {
    let Some(lab) = lab() else { return };
    let guarded = Guarded::start(&lab, "unread", false, "buildkit = false");
    let image = lab.reserve(Kind::Image, "built");
    let plain = "FROM BASE\nRUN true\n";
    let built = build(&lab, &guarded.docker, &image, &[], plain);
    assert_eq!(built.code, Some(0), "{built:?}");
    assert_eq!(lab.inspect(Kind::Image, &image, "{{json .Config.Labels}}"), "null");
    let refused = build(&lab, &guarded.docker, &image, &["--network", "host"], plain);
    assert_refused(&refused, "entitled");
}

/// Returns the digest of a step.
fn digest(step: &[u8]) -> String {
    let command = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut command = command.unwrap();
    command.stdin.take().unwrap().write_all(step).unwrap();
    let told = String::from_utf8(command.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256:{}", told.split(' ').next().unwrap())
}

/// Encodes a build of LLB: one step in `image`, with these fields of its own, exported as `name`.
fn definition(image: &str, name: &str, exec: &[u8], entitlements: &[&str]) -> Vec<u8> {
    let source = field(3, &field(1, format!("docker-image://{image}").as_bytes()));
    let input = |step: &[u8]| field(1, &field(1, digest(step).as_bytes()));
    let command = ["sh", "-c", "echo hi >/made"].map(|word| field(1, word.as_bytes())).concat();
    let meta = field(1, &[command, field(3, b"/")].concat());
    let mount = field(2, &field(3, b"/"));
    let step = [input(&source), field(2, &[&meta, &mount, exec].concat())].concat();
    let end = input(&step);
    let steps = [source, step, end].map(|step| field(1, &step)).concat();
    let granted: Vec<u8> = entitlements.iter().flat_map(|name| field(9, name.as_bytes())).collect();
    let exporter = [field(1, b"moby"), pair(2, "name", name)].concat();
    let old = [field(3, b"moby"), pair(4, "name", name)].concat();
    let exporters = [old, field(13, &exporter)].concat();
    [field(1, name.as_bytes()), field(2, &steps), granted, exporters].concat()
}

/// The name by which the daemon's BuildKit finds an image of the daemon.
fn reference(lab: &Lab) -> String {
    let image = lab.image();
    let image = if image.contains(':') { image.to_owned() } else { format!("{image}:latest") };
    if image.contains('/') { image } else { format!("docker.io/library/{image}") }
}

/// A definition has steps of which no Dockerfile tells.
#[test]
fn the_steps_of_a_definition_are_decided_about() {
    let Some(lab) = Lab::open() else { return };
    let guarded = Guarded::start(&lab, "llb", false, "");
    let image = reference(&lab);
    let (sandbox, host, insecure): (&[u8], _, _) = (b"", b"\x18\x01", b"\x20\x01");
    let name = lab.reserve(Kind::Image, "plain");
    let plain = definition(&image, &name, sandbox, &[]);
    let (told, succeeded) = call(&guarded.proxy.socket(), &plain);
    assert!(succeeded, "{}", told.escape_ascii());
    assert!(lab.exists(Kind::Image, &name));
    let name = lab.reserve(Kind::Image, "host");
    let of_host = definition(&image, &name, host, &["network.host"]);
    let (told, succeeded) = call(&lab.engine.socket, &of_host);
    assert!(succeeded, "{}", told.escape_ascii());
    assert!(lab.exists(Kind::Image, &name));
    for (exec, granted, rule) in [
        (host, &["network.host"][..], "entitled"),
        (host, &[], "step-network"),
        (insecure, &[], "step-security"),
    ] {
        let message = definition(&image, "unmade", exec, granted);
        let (told, succeeded) = call(&guarded.proxy.socket(), &message);
        let told = String::from_utf8_lossy(&told);
        assert!(!succeeded && told.contains(&format!("rule {rule}")), "{told}");
    }
    let log = guarded.log();
    assert!(log.contains("Exec.Network \"host\" in BuildkitSolve"), "{log}");
}

/// A container of a build is made by a call of its own, while the build goes on.
#[test]
fn a_container_of_a_build_is_decided_about() {
    let Some(lab) = Lab::open() else { return };
    let guarded = Guarded::start(&lab, "container", false, "");
    let new = "/moby.buildkit.v1.frontend.LLBBridge/NewContainer";
    let made = |socket: &std::path::Path, network: &[u8], name: &str| {
        let mut stream = connect(socket);
        let entitled =
            if socket == lab.engine.socket { field(9, b"network.host") } else { Vec::new() };
        let build = [field(1, name.as_bytes()), field(5, name.as_bytes()), entitled].concat();
        begin(&mut stream, 1, SOLVE, "", &build);
        let mount = field(2, &field(3, b"/"));
        let container = [&field(1, b"c"), &mount, network].concat();
        let id = format!(", buildkit-controlapi-buildid={name}");
        begin(&mut stream, 3, new, &id, &container);
        answer(&mut stream, 3)
    };
    let proxy = guarded.proxy.socket();
    for (socket, network, name) in [
        (&lab.engine.socket, &b"\x18\x01"[..], "direct"),
        (&proxy, b"", "sandbox"),
        (&proxy, b"\x18\x02", "none"),
    ] {
        let (told, succeeded) = made(socket, network, &format!("{}-{name}", lab.name));
        assert!(succeeded, "{name}: {}", told.escape_ascii());
    }
    let (told, succeeded) = made(&proxy, b"\x18\x01", &format!("{}-host", lab.name));
    let told = String::from_utf8_lossy(&told);
    assert!(!succeeded && told.contains("Exec.Network \"host\" in BuildkitNewContainer"), "{told}");
}
