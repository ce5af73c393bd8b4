use super::*;
use crate::engine::fields::{FIELDS, Section, find};
use crate::engine::shapes::Place;
use crate::rules::paths::{FixedPath, PathRules};
use crate::rules::{How, Inject, Label, Value};

/// Returns a profile with a rule of each kind that was always there.
fn profile() -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let rules = [
        ("config.toml:6:10", Inject::label(label("ci.job", "7"))),
        ("--label", Inject::label(label("ci.team", "web"))),
        ("config.toml:7:16", Inject::image_label(label("ci.job", "7"))),
        ("config.toml:8:17", Inject::cgroup_parent("ci.slice")),
        ("config.toml:9:23", Inject::build_cgroup_parent("build.slice")),
    ];
    let rules = rules.map(|(from, rule)| Inject { from: from.into(), ..rule });
    Profile { inject: rules.into_iter().collect(), ..Profile::default() }
}

/// Returns the report about a POST, below its exit code.
fn post(target: &str, body: Option<&str>) -> String {
    report(&profile(), target, body.map(str::as_bytes))
}

fn report(profile: &Profile, target: &str, body: Option<&[u8]>) -> String {
    with_paths(profile, &PathRules::default(), target, body)
}

fn with_paths(profile: &Profile, paths: &PathRules, target: &str, body: Option<&[u8]>) -> String {
    match explain(profile, paths, "POST", target, body) {
        Ok(Explanation { text, exit }) => format!("{}\n{text}", exit.code()),
        Err(unclear) => panic!("{unclear}"),
    }
}

#[test]
fn a_create_shows_each_rule_what_comes_before_and_the_edited_request() {
    let body = r#"{"Image":"alpine", "Labels":{"ci.job":"7"},"HostConfig":{"CgroupParent":"my.slice",
"Privileged":true,"Binds":["cache:/c","/tmp:/t"],"VolumesFrom":["other"]}}"#;
    let wanted = r#"0
operation  ContainerCreate
verdict    edited
rules
  config.toml:6:10  force label ci.job = "7"          already so
  --label           force label ci.team = "web"       sets it (the request has none)
  config.toml:8:17  force cgroup parent = "ci.slice"  replaces "my.slice"
before it, the proxy would
  look whether a path leads to the daemon's socket: /tmp; assumed: none does
  ask the daemon which volumes the image "alpine" declares; assumed: none
  ask the daemon for the mounts of "other"; assumed: none
  create the volume "cache" with the labels, unless it exists
warnings in the log
  a container is privileged, so it can reach the daemon around the proxy
request
POST /v1.51/containers/create?name=x HTTP/1.1
{"Image":"alpine", "Labels":{"ci.job":"7","ci.team":"web"},"HostConfig":{"CgroupParent":"ci.slice",
"Privileged":true,"Binds":["cache:/c","/tmp:/t"],"VolumesFrom":["other"]}}
"#;
    assert_eq!(post("/v1.51/containers/create?name=x", Some(body)), wanted);
}

#[test]
fn a_request_that_has_everything_passes_unchanged() {
    let body = r#"{"Labels":{"ci.job":"7","ci.team":"web"}}"#;
    let wanted = r#"0
operation  NetworkCreate
verdict    passes unchanged
rules
  config.toml:6:10  force label ci.job = "7"     already so
  --label           force label ci.team = "web"  already so
request
POST /networks/create HTTP/1.1
{"Labels":{"ci.job":"7","ci.team":"web"}}
"#;
    assert_eq!(post("/networks/create", Some(body)), wanted);
}

#[test]
fn a_build_shows_the_edited_query() {
    let wanted = r#"0
operation  ImageBuild
verdict    edited
rules
  config.toml:7:16  force image label ci.job = "7"                 already so
  config.toml:9:23  force cgroup parent of builds = "build.slice"  replaces "x"
request
POST /build?cgroupparent=build.slice&labels=%7B%22ci.job%22%3A%227%22%7D&rm=1&forcerm=1 HTTP/1.1
"#;
    assert_eq!(post("/build?cgroupparent=x&labels=%7B%22ci.job%22%3A%227%22%7D", None), wanted);
    let wanted = r#"0
operation  ImageCommit
verdict    edited
rules
  config.toml:7:16  force image label ci.job = "7"  sets it (the request has none)
request
POST /commit?container=x&changes=LABEL%20ci.job%3D7 HTTP/1.1
"#;
    assert_eq!(post("/commit?container=x", None), wanted);
}

#[test]
fn a_refusal_shows_the_answer_and_the_rule_that_refuses() {
    let body = r#"{"HostConfig":{"Annotations":{"org.systemd.property.Slice":"x.slice"}}}"#;
    let wanted = r#"1
operation  ContainerCreate
verdict    refused
reason     slice
status     403
message    dockerd-ci-proxy: refused: the annotation org.systemd.property.Slice would put the container elsewhere than into the cgroup parent
rules
  config.toml:6:10  force label ci.job = "7"          not applied
  --label           force label ci.team = "web"       not applied
  config.toml:8:17  force cgroup parent = "ci.slice"  refuses the request
"#;
    assert_eq!(post("/containers/create", Some(body)), wanted);
    let wanted = r#"1
operation  VolumeCreate
verdict    refused
reason     wrong_type
status     400
message    dockerd-ci-proxy: refused: the request body is JSON, but not an object
rules
  config.toml:6:10  force label ci.job = "7"     not applied
  --label           force label ci.team = "web"  not applied
"#;
    assert_eq!(post("/volumes/create", Some("[]")), wanted);
    let wanted = "1
verdict    refused
reason     malformed
status     400
message    dockerd-ci-proxy: the client's request is malformed: its request-target has a bad percent-escape
";
    assert_eq!(post("/build%zz", None), wanted);
    let large = vec![b' '; COLLECTED_LIMIT + 1];
    let text = report(&profile(), "/containers/create", Some(&large));
    assert!(text.contains("\nstatus     413\n"), "{text}");
}

#[test]
fn an_empty_body_of_a_volume_is_a_document() {
    let wanted = r#"0
operation  VolumeCreate
verdict    edited
rules
  config.toml:6:10  force label ci.job = "7"     sets it (the request has none)
  --label           force label ci.team = "web"  sets it (the request has none)
before it, the proxy would
  ask the daemon for the version of its API; assumed: 1.51
request
POST /volumes/create HTTP/1.1
{"Labels":{"ci.job":"7","ci.team":"web"}}
"#;
    assert_eq!(post("/volumes/create", Some("")), wanted);
}

#[test]
fn a_connection_of_a_build_has_the_rules_of_builds() {
    let wanted = r#"0
operation  Grpc
verdict    passes unchanged
rules
  config.toml:7:16  force image label ci.job = "7"                 applies to each build
  config.toml:9:23  force cgroup parent of builds = "build.slice"  applies to each build
connection
  becomes one of BuildKit; the rules are applied to each build in it
request
POST /grpc HTTP/1.1
"#;
    assert_eq!(post("/grpc", None), wanted);
    let wanted = "0
operation  Grpc
verdict    passes unchanged
connection
  becomes one of BuildKit and passes unread; its builds are not edited
request
POST /grpc HTTP/1.1
";
    assert_eq!(report(&Profile { no_buildkit: true, ..profile() }, "/grpc", None), wanted);
    let session = post("/session", None);
    assert!(session.contains("connection\n  passes unread;") && !session.contains("rules"));
}

#[test]
fn a_request_that_creates_nothing_needs_no_body() {
    let start = "0
operation  ContainerStart
verdict    passes unchanged
request
POST /containers/x/start HTTP/1.1
";
    assert_eq!(post("/containers/x/start", None), start);
    assert!(post("/containers/x/kill", Some("{}")).ends_with("HTTP/1.1\n{}\n"));
    let strict = Profile { strict: true, ..profile() };
    assert!(
        report(&strict, "/new", None).starts_with("1\noperation  Unknown\nverdict    refused\n")
    );
}

#[test]
fn an_unclear_request_is_reported() {
    let of = |method: &str, target: &str| {
        let paths = PathRules::default();
        explain(&profile(), &paths, method, target, None).map_err(|unclear| unclear.to_string())
    };
    for (method, target, wanted) in [
        ("post", "/info", "\"post\" is no method"),
        ("", "/info", "\"\" is no method"),
        ("GET", "info", "\"info\" is no request-target"),
        ("GET", "http://d/info", "is no request-target"),
        ("GET", "/a b", "has a space"),
        ("GET", "/a\r\nX: y", "has a space or a control character"),
        ("POST", "/containers/create", "ContainerCreate; give it with --body FILE"),
        ("POST", "/volumes/create", "VolumeCreate; give it with --body FILE"),
    ] {
        let error = of(method, target).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn what_does_not_show_is_escaped() {
    let image = r#"{"Image":"a\u001b[2Jb\u202e"}"#;
    let text = post("/containers/create", Some(image));
    assert!(text.contains(r#"image "a\u{1b}[2Jb\u{202e}" declares"#), "{text}");
    let text = post("/info?a=\"\\\u{202e}\u{9b}", None);
    assert!(text.ends_with("POST /info?a=\"\\\\u{202e}\\u{9b} HTTP/1.1\n"), "{text}");
    let text = report(&profile(), "/containers/x/kill", Some(b"\x1b[2J"));
    assert!(text.ends_with("HTTP/1.1\n(4 bytes with control characters)\n"), "{text}");
    let text = report(&profile(), "/build", Some(b"\xff"));
    assert!(text.ends_with("HTTP/1.1\n(1 bytes that are no text)\n"), "{text}");
}

/// Returns a profile with options of containers, as from a configuration file.
fn options() -> Profile {
    let rules = [
        (How::Force, "HostConfig.Init", Value::Switch(true)),
        (How::Default, "HostConfig.Memory", Value::Number(2 << 30)),
        (How::Cap, "HostConfig.Memory", Value::Number(4 << 30)),
        (How::Cap, "HostConfig.PidsLimit", Value::Number(4096)),
        (How::Append, "Env", Value::List(vec!["A=1".into()])),
    ];
    let rules = rules.into_iter().enumerate().map(|(at, (how, path, value))| {
        let mut fields = FIELDS.iter().filter(|field| field.section == Section::Container);
        let field = fields.find(|field| field.path == path).unwrap();
        Inject { at: Place::Field(field), how, value, from: format!("config.toml:{}:3", 14 + at) }
    });
    Profile { inject: rules.collect(), ..Profile::default() }
}

#[test]
fn an_option_shows_the_clients_value_and_what_becomes_of_it() {
    let of = |target, body: &str| report(&options(), target, Some(body.as_bytes()));
    let body = r#"{"Env":["B=2"],"HostConfig":{"Memory":8589934592,"PidsLimit":100}}"#;
    let wanted = r#"0
operation  ContainerCreate
verdict    edited
rules
  config.toml:14:3  force HostConfig.Init = true            sets it (the request has none)
  config.toml:15:3  default HostConfig.Memory = 2147483648  leaves the client's 8589934592
  config.toml:16:3  cap HostConfig.Memory = 4294967296      lowers 8589934592
  config.toml:17:3  cap HostConfig.PidsLimit = 4096         leaves the client's 100
  config.toml:18:3  append Env = ["A=1"]                    adds to ["B=2"]
request
POST /containers/create HTTP/1.1
{"Env":["B=2","A=1"],"HostConfig":{"Memory":4294967296,"PidsLimit":100,"Init":true}}
"#;
    assert_eq!(of("/containers/create", body), wanted);
    let body = r#"{"Env":["A=1"],"HostConfig":{"Memory":0,"Init":true}}"#;
    let wanted = r#"0
operation  ContainerCreate
verdict    edited
rules
  config.toml:14:3  force HostConfig.Init = true            already so
  config.toml:15:3  default HostConfig.Memory = 2147483648  sets it (the request has none)
  config.toml:16:3  cap HostConfig.Memory = 4294967296      has no effect on this request
  config.toml:17:3  cap HostConfig.PidsLimit = 4096         sets it (the request has no limit)
  config.toml:18:3  append Env = ["A=1"]                    already so
request
POST /containers/create HTTP/1.1
{"Env":["A=1"],"HostConfig":{"Memory":2147483648,"Init":true,"PidsLimit":4096}}
"#;
    assert_eq!(of("/containers/create", body), wanted);
    let wanted = r#"0
operation  ContainerUpdate
verdict    edited
rules
  config.toml:16:3  cap HostConfig.Memory = 4294967296  lowers 8589934592
  config.toml:17:3  cap HostConfig.PidsLimit = 4096     has no effect on this request
request
POST /containers/x/update HTTP/1.1
{"Memory":4294967296}
"#;
    assert_eq!(of("/containers/x/update", r#"{"Memory":8589934592}"#), wanted);
}

#[test]
fn rules_of_the_caller_show_their_placeholders_and_what_is_looked_up() {
    let label = Label { key: "ci.parent".into(), value: "{container.name:-host} {{}}".into() };
    let field = find(Section::Container, "HostConfig.Binds");
    let bind = Value::List(vec!["/srv/{container.label:team}:/cache".into()]);
    let rules = vec![
        Inject { from: "config.toml:6:10".into(), ..Inject::label(label) },
        Inject { from: "--cgroup-parent".into(), ..Inject::cgroup_parent("{cgroup.parent}") },
        Inject {
            at: Place::Field(field.unwrap()),
            how: How::Append,
            value: bind,
            from: "config.toml:9:1".into(),
        },
    ];
    let seen =
        FixedPath { seen: "/w".into(), host: "/jobs/{uid}".into(), from: "--map-path".into() };
    let paths = PathRules { of_caller: true, fixed: vec![seen], strict: true };
    let profile = Profile::default().with(rules, paths.clone(), "gitlab");
    let report = |target, body: &str| with_paths(&profile, &paths, target, Some(body.as_bytes()));
    let wanted = r#"0
operation  ContainerCreate
verdict    edited
rules
  config.toml:6:10  force label ci.parent = "{container.name:-host} {}"  sets it (the request has none)
  --cgroup-parent   force cgroup parent = "{cgroup.parent}"              sets it (the request has none)
  config.toml:9:1   append HostConfig.Binds = ["/srv/{container.label:team}:/cache"]  adds to ["/tmp:/cache"]
paths
  /w in a bind mount means /jobs/{uid} of the host (--map-path)
  paths in bind mounts are translated by the mounts of the client's own container
  bind mounts of other paths are refused
before it, the proxy would
  look up the caller: its container, its cgroup parent, from the kernel and the daemon
request
POST /containers/create HTTP/1.1
{"HostConfig":{"Binds":["/srv/{container.label:team}:/cache"],"CgroupParent":"{cgroup.parent}"},"Labels":{"ci.parent":"{container.name:-host} {}"}}
"#;
    let body = r#"{"HostConfig":{"Binds":["/tmp:/cache"]}}"#;
    assert_eq!(report("/containers/create", body), wanted);
    let network = report("/networks/create", "{}");
    assert!(network.contains("look up the caller") && !network.contains("\npaths\n"), "{network}");
    let exec = report("/containers/x/exec", "{}");
    assert!(exec.contains("passes unchanged") && !exec.contains("caller"), "{exec}");
}
