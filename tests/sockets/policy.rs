//! The policy of a listener, as its clients and the operator see it.

use std::os::unix::net::UnixListener;
use std::process::Command;

use rustix::process::Signal;

use super::configured::{connect, created_from, write};
use super::ends::accept;
use super::lab::Folder;
use super::proxy::{Proxy, until};
use super::upgrade::Next;

const FILE: &str = r#"
stats_socket = "@/stats"
[[listener]]
name = "gitlab"
socket = "@/gitlab.sock"
daemon = "@/daemon"
labels = {}
[listener.policy]
contact = "the ops team"
rule = [
  { name = "privileged", do = "refuse", option = "HostConfig.Privileged", reason = "it gives all devices" },
  { do = "warn", option = "HostConfig.CapAdd" },
]
"#;

const PRIVILEGED: &str = r#"{"Image":"","HostConfig":{"Privileged":true}}"#;
const CAPABLE: &str = r#"{"Image":"","HostConfig":{"CapAdd":["NET_ADMIN"]}}"#;

fn started(folder: &Folder) -> (Proxy, UnixListener) {
    let mut proxy = Proxy::configured(folder.path(), None);
    proxy.await_listening();
    (proxy, UnixListener::bind(folder.join("daemon")).unwrap())
}

/// Returns the response to a create that the proxy refuses.
fn refused(folder: &Folder, body: &str, daemon: &UnixListener) -> String {
    let mut client = connect(folder, "gitlab.sock");
    // The proxy connects before the request is there, and sends nothing.
    let mut end = accept(daemon);
    let length = body.len();
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let head = client.gets_head();
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    let body = String::from_utf8(client.gets_rest()).unwrap();
    drop(client);
    end.is_closed();
    body
}

/// Creates a container, which the daemon is to get unchanged.
fn passes(folder: &Folder, body: &str, daemon: &UnixListener) {
    let mut client = connect(folder, "gitlab.sock");
    assert_eq!(created_from(body, &mut client, daemon), body);
}

/// Returns the counts of the policy, each as rule, verdict and number.
fn counts(folder: &Folder) -> Vec<String> {
    let mut guest = connect(folder, "stats");
    guest.sends("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    guest.gets_head();
    let page = String::from_utf8(guest.gets_rest()).unwrap();
    let start = "dockerd_ci_proxy_policy_total{listener=\"gitlab\",rule=";
    let lines = page.lines().filter_map(|line| line.strip_prefix(start));
    let folder = folder.path().to_str().unwrap();
    lines.map(|line| line.replace("\",verdict=\"", " ").replace(folder, "@")).collect()
}

/// The place of the second rule.
const PLACE: &str = "@/config.toml:12:3";

fn is_counted(folder: &Folder, privileged: u64, capabilities: u64) {
    let wanted = [
        format!("\"privileged refused\"}} {privileged}"),
        format!("\"{PLACE} would_refuse\"}} {capabilities}"),
    ];
    assert_eq!(counts(folder), wanted);
}

#[test]
fn a_refusal_is_seen_by_the_client_in_the_log_and_in_the_counts() {
    let folder = Folder::new();
    write(&folder, FILE);
    let (proxy, daemon) = started(&folder);
    is_counted(&folder, 0, 0);
    let body = refused(&folder, PRIVILEGED, &daemon);
    let message = "dockerd-ci-proxy: refused: the policy does not allow HostConfig.Privileged \\\"true\\\" in \
                   ContainerCreate: it gives all devices (rule privileged); ask the ops team";
    assert_eq!(body, format!("{{\"message\":\"{message}\"}}\n"));
    let place = folder.join("config.toml");
    proxy.await_log(&format!(
        "ContainerCreate refused (the policy does not allow HostConfig.Privileged \"true\" in \
         ContainerCreate: it gives all devices; rule privileged, {}:11:3): status 403, 0 bytes up, ",
        place.display()
    ));
    // A value of false is the same as none.
    let harmless = PRIVILEGED.replace("true", "false");
    passes(&folder, &harmless, &daemon);
    is_counted(&folder, 1, 0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
    command.args(["status", "--stats-socket"]).arg(folder.join("stats"));
    let status = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let line = "\npolicy:    refused 1 privileged; would refuse none\n";
    assert!(status.contains(line), "{status}");
}

#[test]
fn a_would_be_refusal_passes_and_is_counted_and_is_logged_once_in_a_while() {
    let folder = Folder::new();
    write(&folder, FILE);
    let (proxy, daemon) = started(&folder);
    for _ in 0..3 {
        passes(&folder, CAPABLE, &daemon);
    }
    let other = CAPABLE.replace("NET_", "SYS_");
    passes(&folder, &other, &daemon);
    is_counted(&folder, 0, 4);
    let log = proxy.log().replace(folder.path().to_str().unwrap(), "@");
    let uid = rustix::process::geteuid().as_raw();
    for capability in ["NET_ADMIN", "SYS_ADMIN"] {
        let line = format!(
            "dockerd-ci-proxy: warn: the policy would refuse HostConfig.CapAdd \"{capability}\" in \
             ContainerCreate; rule {PLACE}; uid {uid}, pid {}, listener gitlab\n",
            std::process::id()
        );
        assert_eq!(log.matches(&line).count(), 1, "{log}");
    }
}

#[test]
fn counts_go_on_over_a_reload_and_begin_anew_with_a_process() {
    let folder = Folder::new();
    write(&folder, FILE);
    let (mut proxy, daemon) = started(&folder);
    refused(&folder, PRIVILEGED, &daemon);
    write(&folder, &FILE.replace("contact", "trial = true\ncontact"));
    proxy.signal(Signal::USR1);
    proxy.await_log("was read again: changed gitlab");
    passes(&folder, PRIVILEGED, &daemon);
    let has = |line: &str| counts(&folder).iter().any(|count| count == line);
    assert!(has("\"privileged refused\"} 1") && has("\"privileged would_refuse\"} 1"));
    write(&folder, FILE);
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    until("the new process answers", || folder.join("stats").exists().then_some(()));
    is_counted(&folder, 0, 0);
    next.signal(Signal::TERM);
    next.await_end();
}
