//! The lines of the log, and the absence of client data in them.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::Command;

use dockerd_ci_proxy::net::host::own_container;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::lab::{CHUNKED, Folder, LOGS, Lab, PING, PONG};
use super::proxy::{Proxy, until};
use super::skip::skip;

fn create(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n{}\r\n";

/// Makes a successful create and refused ones, each with a secret in everything that the client can choose.
fn creates(lab: &Lab) {
    let (mut client, mut daemon) = lab.pair();
    let body = r#"{"Env":["TOKEN=secret"],"Labels":{"secret":"secret","ci.job":"secret"}}"#;
    client.sends(create("/containers/create?name=secret", body));
    let head = daemon.gets_head();
    assert!(head.starts_with("POST /containers/create?name=secret "));
    daemon.sends(CREATED);
    client.gets(CREATED);
    client.sends(PING);
    daemon.gets(
        r#"{"Env":["TOKEN=secret"],"Labels":{"secret":"secret","ci.job":"7","ci.team":"web"}"#,
    );
    daemon.gets(r#","HostConfig":{"CgroupParent":"/ci/7"}}"#);
    daemon.gets(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    let bad = [
        r#"{"Labels":"secret"}"#,
        r#"{"Labels":{"secret":["secret"]}}"#,
        r#"{"Labels":{}} secret"#,
        r#"{"Env": secret}"#,
        r#"{"secret": 1, "HostConfig": "secret"}"#,
        r#"["secret"]"#,
        r#""secret""#,
        r#""secret" secret"#,
    ];
    for body in bad {
        let mut client = lab.client();
        client.sends(create("/containers/create", body));
        assert!(client.gets_head().starts_with("HTTP/1.1 400 "), "{body}");
        client.gets_rest();
    }
    let mut client = lab.client();
    client.sends("GET /secret HTTP/1.1\r\nsecret : secret\r\n\r\n");
    assert!(client.gets_head().starts_with("HTTP/1.1 400 "));
}

const OPERATOR: [&str; 6] =
    ["--label", "ci.job=7", "--label", "ci.team=web", "--cgroup-parent", "/ci/7"];

#[test]
fn injected_and_refused_requests_have_a_line_each_without_what_the_client_wrote() {
    let lab = Lab::with(&OPERATOR);
    creates(&lab);
    lab.proxy.await_log("malformed");
    let log = lab.proxy.log();
    let injected = "ContainerCreate injected ci.job=\"7\" ci.team=\"web\" cgroup-parent=\"/ci/7\": \
                    status 201, ";
    let line = log.lines().find_map(|line| line.split_once(injected)).expect(&log).1;
    let (up, rest) = line.split_once(" bytes up, ").unwrap();
    let (down, rest) = rest.split_once(" bytes down, ").unwrap();
    let (took, caller) = rest.split_once(" ms, ").unwrap();
    assert!(up.parse::<u64>().unwrap() > 150, "{line}");
    assert_eq!(down.parse::<usize>().unwrap(), CREATED.len());
    took.parse::<f64>().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(caller, format!("uid {uid}, pid {}", std::process::id()));
    assert_eq!(log.matches("ContainerCreate refused (").count(), 8, "{log}");
    assert_eq!(log.matches(" passed: ").count(), 0);
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn debug_tells_of_every_exchange_and_still_nothing_that_the_client_wrote() {
    let mut arguments = OPERATOR.to_vec();
    arguments.push("--debug");
    let lab = Lab::with(&arguments);
    creates(&lab);
    lab.proxy.await_log("malformed");
    let log = lab.proxy.log();
    assert!(log.contains(" SystemPing passed: status 200, "), "{log}");
    assert!(!log.contains("secret"), "{log}");
}

/// Images and builds may get fewer labels than containers, or another cgroup parent.
#[test]
fn a_line_tells_what_its_own_request_got() {
    let container = "ContainerCreate injected ci.job=\"7\" ci.team=\"web\" cgroup-parent=\"/ci/7\"";
    for (words, build, commit) in [
        (
            ["--image-labels=ci.team", "--build-cgroup-parent=/builds"],
            "ImageBuild injected ci.team=\"web\" cgroup-parent=\"/builds\"",
            "ImageCommit injected ci.team=\"web\"",
        ),
        (
            ["--image-labels=none", "--build-cgroup-parent=inherit"],
            "ImageBuild injected cgroup-parent=\"/ci/7\"",
            "ImageCommit passed",
        ),
        (
            ["--image-labels=ci.job", "--build-cgroup-parent=none"],
            "ImageBuild injected ci.job=\"7\"",
            "ImageCommit injected ci.job=\"7\"",
        ),
        (
            ["--image-labels=none", "--build-cgroup-parent=none"],
            "ImageBuild passed",
            "ImageCommit passed",
        ),
    ] {
        let lab = Lab::with(&[&OPERATOR[..], &words, &["--debug"]].concat());
        let (mut client, mut daemon) = lab.pair();
        for path in ["/containers/create", "/build", "/commit?container=c"] {
            client.sends(create(path, if path.starts_with("/con") { "{}" } else { "" }));
            daemon.gets_head();
            if path.starts_with("/con") {
                daemon.gets(r#"{"Labels":{"ci.job":"7","ci.team":"web"},"#);
                daemon.gets(r#""HostConfig":{"CgroupParent":"/ci/7"}}"#);
            }
            daemon.sends(CREATED);
            client.gets(CREATED);
        }
        lab.proxy.await_log("ImageCommit");
        let log = lab.proxy.log();
        for line in [container, build, commit] {
            assert!(log.contains(&format!("{line}: status 201, ")), "{line}:\n{log}");
        }
    }
}

/// Reads a log in JSON, which has one object per line.
fn objects(log: &str) -> Vec<Value> {
    let object = |line: &str| serde_json::from_str::<Value>(line).expect(line);
    let objects: Vec<_> = log.lines().map(object).collect();
    for object in &objects {
        let time = object["time"].as_str().unwrap();
        assert!(time.starts_with("20") && time.ends_with('Z') && time.len() == 24, "{time}");
        assert!(object["level"].is_string() && object["message"].is_string(), "{object}");
    }
    objects
}

#[test]
fn in_json_every_line_is_an_object_and_the_facts_of_an_exchange_are_its_members() {
    let odd = "\"odd\" \\ \u{7f} \u{e9}";
    let odd_key = odd.replace(' ', "_");
    let label = format!("odd.{odd_key}={odd}");
    let mut arguments = OPERATOR.to_vec();
    arguments.extend(["--log-format", "json", "--debug", "--label", &label]);
    let mut lab = Lab::with(&arguments);
    let (mut client, mut daemon) = lab.pair();
    client.sends(create("/containers/create", "{}"));
    daemon.gets_head();
    daemon.sends(CREATED);
    client.gets(CREATED);
    drop((client, daemon));
    let (mut client, _daemon) = lab.pair();
    client.sends(create("/containers/create", "[]"));
    client.gets_rest();
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
    drop(client);
    lab.proxy.await_log("SystemPing");
    lab.proxy.terminate();
    lab.proxy.await_exit();
    let objects = objects(&lab.proxy.log());
    let of = |operation: &str, verdict: &str| {
        let is = |object: &&Value| object["operation"] == operation && object["verdict"] == verdict;
        objects.iter().find(is).unwrap_or_else(|| panic!("{operation} {verdict}"))
    };
    let created = of("ContainerCreate", "labelled_and_moved");
    assert_eq!(created["status"], 201);
    assert_eq!(created["label.ci.job"], "7");
    assert_eq!(created[format!("label.odd.{odd_key}")], odd);
    assert_eq!(created["cgroup_parent"], "/ci/7");
    assert_eq!(created["bytes_down"], CREATED.len());
    assert!(created["bytes_up"].is_u64() && created["milliseconds"].is_f64());
    assert_eq!(created["uid"], rustix::process::geteuid().as_raw());
    assert_eq!(created["pid"], std::process::id());
    let refused = of("ContainerCreate", "refused");
    assert_eq!((&refused["reason"], &refused["status"]), (&"wrong_type".into(), &400.into()));
    assert!(refused.get("label.ci.job").is_none());
    assert_eq!(of("SystemPing", "passed")["level"], "debug");
    assert!(objects.iter().any(|line| line["message"] == "cgroup parent \"/ci/7\""));
}

/// The proxy cannot see processes in another pid namespace, such as that of a container.
#[test]
fn a_caller_in_a_place_that_cannot_be_seen_has_a_user_and_no_number() {
    let mut enter = Command::new("unshare");
    enter.args(["--pid", "--fork", "true"]);
    if !enter.status().is_ok_and(|status| status.success()) {
        return skip("a test of the log", "unshare may not make a pid namespace");
    }
    // The proxy runs in its own pid namespace, and the test, its client, outside.
    let lab = Lab::under(&["unshare", "--pid", "--fork", "--kill-child"]);
    let mut client = lab.client();
    client.sends(create("/volumes/create", "[]"));
    client.gets_rest();
    let uid = rustix::process::geteuid().as_raw();
    lab.proxy.await_log(&format!(" ms, uid {uid}, pid unknown"));
}

/// The reader of a log pipe, a `cat`.
struct Reader(Pid);

impl Reader {
    /// Suspends the reader.
    fn stop(&self) {
        kill_process(self.0, Signal::STOP).unwrap();
    }

    fn go_on(&self) {
        kill_process(self.0, Signal::CONT).unwrap();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// Starts a proxy that writes its log into a pipe.
fn piped(folder: &Folder) -> (Lab, Reader) {
    let (pipe, number) = (folder.join("pipe"), folder.join("number"));
    let (pipe, number) = (pipe.display(), number.display());
    let script = format!("mkfifo {pipe}; cat <{pipe} & echo $! >{number}; exec \"$@\" 2>{pipe}");
    let lab = Lab::under(&["sh", "-c", &script, "sh"]);
    let number = fs::read_to_string(folder.join("number")).unwrap();
    (lab, Reader(Pid::from_raw(number.trim().parse().unwrap()).unwrap()))
}

/// Makes refused creates with log lines of more than 4 KiB.
fn long_lines(lab: &Lab, count: usize) {
    let body = format!(r#"{{"Volumes":{{"{}":{{}}}}}}"#, "v".repeat(5000));
    for _ in 0..count {
        let mut client = lab.client();
        client.sends(create("/containers/create", &body));
        assert!(client.gets_head().starts_with("HTTP/1.1 400 "));
        client.gets_rest();
    }
}

#[test]
fn a_log_that_nobody_reads_holds_up_nobody_and_says_later_what_it_has_lost() {
    let folder = Folder::new();
    let (mut lab, reader) = piped(&folder);
    reader.stop();
    // A pipe holds 64 KiB.
    long_lines(&lab, 50);
    reader.go_on();
    // The next line may still be lost if the reader has not resumed yet.
    let lost = " log lines were lost: standard error was not read";
    let mut made = 50;
    until("lost lines are counted", || {
        long_lines(&lab, 1);
        made += 1;
        lab.proxy.log().contains(lost).then_some(())
    });
    until("all lines are there or were counted", || {
        let log = lab.proxy.log();
        let told = log.matches(", uid ").count();
        let count = |line: &str| line.strip_suffix(lost)?.rsplit_once(' ')?.1.parse::<usize>().ok();
        let lost: usize = log.lines().filter_map(count).sum();
        (lost > 20 && told + lost == made).then_some(())
    });
    reader.stop();
    long_lines(&lab, 50);
    lab.proxy.signal(Signal::TERM);
    assert!(lab.proxy.await_exit().success());
}

#[test]
fn a_log_whose_reader_has_gone_holds_up_nobody() {
    let folder = Folder::new();
    let (mut lab, reader) = piped(&folder);
    drop(reader);
    long_lines(&lab, 50);
    lab.proxy.signal(Signal::TERM);
    assert!(lab.proxy.await_exit().success());
}

#[test]
fn start_configuration_and_stop_are_told() {
    let mut lab = Lab::with(&OPERATOR);
    lab.proxy.terminate();
    lab.proxy.await_exit();
    let log = lab.proxy.log();
    let (listen, daemon) = (lab.listen(), lab.folder.join("daemon"));
    let (listen, daemon) = (listen.display(), daemon.display());
    let version = env!("CARGO_PKG_VERSION");
    let told = [
        "info: label ci.job=\"7\"",
        "info: label ci.team=\"web\"",
        "info: cgroup parent \"/ci/7\"",
        "info: cgroup parent of builds \"/ci/7\"",
        &format!(
            "warn: the daemon's socket {daemon} does not exist; clients get an error until it does"
        ),
        &format!("info: listening on {listen}, for the daemon at {daemon}; version {version}"),
        "info: stopping: 0 connections are open",
        "info: stopped; 0 connections were cut off",
    ];
    let mut lines: Vec<_> =
        log.lines().map(|line| line.replace("dockerd-ci-proxy: ", "")).collect();
    lines.sort();
    let mut told = told.map(ToOwned::to_owned);
    told.sort();
    assert_eq!(lines, told);
}

#[test]
fn what_is_not_as_by_default_is_told_at_the_start() {
    let folder = Folder::new();
    let _daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let told = |arguments: &[&str]| {
        let mut proxy = Proxy::spawn(folder.path(), arguments, None);
        proxy.await_listening();
        proxy.terminate();
        proxy.await_exit();
        let log = proxy.log();
        fs::remove_file(folder.join("log")).unwrap();
        assert!(!log.contains("the daemon's socket"), "{log}");
        log
    };
    let log = told(&["--strict", "--no-buildkit", "--anonymous-volumes", "leave"]);
    for line in [
        "requests that are not known operations of the Engine API are refused",
        "BuildKit's connections are forwarded unchanged",
        "anonymous volumes have no labels",
    ] {
        assert!(log.contains(&format!("dockerd-ci-proxy: info: {line}")), "{log}");
    }
}

#[test]
fn what_becomes_of_mounts_of_the_daemons_socket_is_told_if_it_is_not_the_default() {
    for (bind, becomes) in [("refuse", "are refused"), ("pass", "are allowed")] {
        let lab = Lab::with(&["--socket-bind", bind]);
        lab.proxy.await_log(&format!("info: mounts of the daemon's socket {becomes}\n"));
    }
    let lab = Lab::with(&["--socket-bind-source", "/nowhere/here"]);
    lab.proxy
        .await_log("info: mounts of the daemon's socket are replaced by mounts of /nowhere/here\n");
    let missed = "warn: --socket-bind-source: nothing exists at /nowhere/here; ";
    assert_eq!(lab.proxy.log().contains(missed), !own_container::is_there());
}

#[test]
fn plugins_pass_with_a_warning() {
    let lab = Lab::new();
    let head = "Host: d\r\nContent-Length: 2\r\n\r\n[]";
    for (path, operation) in [
        ("/plugins/pull?remote=x", "PluginPull"),
        ("/plugins/create?name=x", "PluginCreate"),
        ("/v1.41/plugins/x/set", "PluginSet"),
        ("/plugins/x/upgrade?remote=y", "PluginUpgrade"),
    ] {
        lab.asked(&format!("POST {path} HTTP/1.1\r\n{head}"));
        lab.proxy.await_log(&format!("warn: {operation}: a plugin comes in or is changed"));
    }
}

#[test]
fn what_fails_for_no_fault_of_the_client_is_a_warning_with_its_caller() {
    let lab = Lab::with(&["--log-format", "json"]);
    let (mut client, daemon) = lab.asked(PING);
    drop(daemon);
    client.is_closed();
    // An exchange that the client cancelled by a half-close is no failure.
    let (mut client, mut daemon) = lab.asked(LOGS);
    daemon.sends(CHUNKED);
    client.half_closes();
    daemon.is_half_closed();
    drop(daemon);
    client.gets(CHUNKED);
    client.is_closed();
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends("nonsense\r\n\r\n");
    assert!(client.gets_head().starts_with("HTTP/1.1 502 "));
    lab.proxy.await_log("SystemPing failed (the daemon's response is malformed");
    let warnings = objects(&lab.proxy.log());
    assert!(!warnings.iter().any(|line| line["operation"] == "ContainerLogs"));
    let mut warnings = warnings.iter().filter(|line| line["operation"] == "SystemPing");
    let uid = rustix::process::geteuid().as_raw();
    for message in ["SystemPing: the daemon hung up before ", "SystemPing failed ("] {
        let line = warnings.next().unwrap();
        assert!(line["message"].as_str().unwrap().starts_with(message), "{line}");
        assert_eq!((&line["level"], &line["uid"]), (&"warn".into(), &uid.into()));
        assert_eq!(line["pid"], std::process::id());
    }
    assert_eq!(warnings.next(), None);
}
