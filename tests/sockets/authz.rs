//! Authorization plugins.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use serde_json::json;

use super::authz_plugin::{AuthzPlugin, Mode, document};
use super::ends::{End, accept};
use super::lab::{Folder, PING, PONG};
use super::proxy::Proxy;

struct Stage {
    proxy: Proxy,
    daemon: UnixListener,
    folder: Folder,
}

impl Stage {
    /// Starts a proxy with this list of plugins, in which `@` is the folder.
    fn new(plugins: &str) -> Self {
        let folder = Folder::new();
        let text = format!(
            "[[listener]]\nname = \"jobs\"\ndaemon = \"@/daemon\"\nsocket = \"@/s\"\n\
             labels = {{ a = \"b\" }}\nauthz_plugins = {plugins}\n"
        );
        let text = text.replace('@', folder.path().to_str().unwrap());
        fs::write(folder.join("config.toml"), text).unwrap();
        let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
        let mut proxy = Proxy::configured(folder.path(), None);
        proxy.await_listening();
        Self { proxy, daemon, folder }
    }

    fn plugin(&self, mode: Mode) -> AuthzPlugin {
        AuthzPlugin::start(&self.folder.join("p.sock"), mode)
    }

    fn pair(&self) -> (End, End) {
        let client = End::new(UnixStream::connect(self.folder.join("s")).unwrap());
        (client, accept(&self.daemon))
    }

    /// Sends a request that must be refused. Returns the answer.
    fn refused(&self, request: &str) -> String {
        let (mut client, _daemon) = self.pair();
        client.sends(request);
        String::from_utf8(client.gets_rest()).unwrap()
    }
}

const ONE: &str = r#"["@/p.sock"]"#;
const BOTH: &str = r#"[{ name = "@/p.sock", responses = true }]"#;

fn create(body: &str) -> String {
    format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn passes(client: &mut End, daemon: &mut End) {
    client.sends(PING);
    daemon.gets(PING);
    daemon.sends(PONG);
    client.gets(PONG);
}

#[test]
fn a_plugin_gets_what_the_daemon_gets() {
    let stage = Stage::new(ONE);
    let plugin = stage.plugin(Mode::Decides);
    let (mut client, mut daemon) = stage.pair();
    client.sends(create(r#"{"image":"","HOSTCONFIG":{"privileged":false}}"#));
    let body = r#"{"Image":"","HostConfig":{"Privileged":false},"Labels":{"a":"b"}}"#;
    let head = daemon.gets_head();
    assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
    daemon.gets(body);
    daemon.sends(PONG);
    client.gets(PONG);
    let seen = plugin.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].0, "Plugin.Activate");
    let (method, message) = &seen[1];
    assert_eq!(method, "AuthZPlugin.AuthZReq");
    assert_eq!(document(message, "RequestBody").to_string().len(), body.len());
    assert_eq!(message["RequestHeaders"]["Content-Type"], "application/json");
    assert_eq!(message["RequestHeaders"]["Content-Length"], body.len().to_string());
    assert_eq!(message["RequestUri"], "/containers/create");
    assert_eq!(message["UserAuthNMethod"], "PEERCRED");
    assert!(message["User"].as_str().is_some_and(|user| !user.is_empty()));
}

#[test]
fn a_denial_names_the_plugin_in_every_spelling() {
    let stage = Stage::new(ONE);
    let _plugin = stage.plugin(Mode::Decides);
    let body = r#"{"Image":"","hostconfig":{"PRIVILEGED":true}}"#;
    let answer = stage.refused(&create(body));
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    let plugin = stage.folder.join("p.sock");
    let why =
        format!("refused: authorization denied by plugin {}: no privileged", plugin.display());
    assert!(answer.contains(&why), "{answer}");
    let twice = r#"{"Image":"","HostConfig":{"Privileged":true,"privileged":false}}"#;
    assert!(stage.refused(&create(twice)).starts_with("HTTP/1.1 400 "));
}

#[test]
fn what_is_no_decision_is_refused() {
    let stage = Stage::new(ONE);
    let failed = |why: &str| {
        let answer = stage.refused(PING);
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{answer}");
        assert!(answer.contains("failed with error: ") && answer.contains(why), "{answer}");
    };
    failed("No such file or directory");
    let plugin = stage.plugin(Mode::Garbage);
    failed("is not a JSON object");
    plugin.becomes(Mode::Closes);
    failed("the connection ended");
    // A plugin that was restarted is activated again.
    let plugin = stage.plugin(Mode::Decides);
    let (mut client, mut daemon) = stage.pair();
    passes(&mut client, &mut daemon);
    passes(&mut client, &mut daemon);
    let methods: Vec<_> = plugin.seen().into_iter().map(|(method, _)| method).collect();
    assert_eq!(methods, ["Plugin.Activate", "AuthZPlugin.AuthZReq", "AuthZPlugin.AuthZReq"]);
    let plugin = stage.plugin(Mode::Decides);
    passes(&mut client, &mut daemon);
    assert_eq!(plugin.seen()[0].0, "Plugin.Activate");
}

#[test]
fn a_plugin_that_hangs_holds_up_nobody_but_its_listener() {
    let folder = Folder::new();
    let text = "[defaults]\ndaemon = \"@/daemon\"\n\n[[listener]]\nname = \"a\"\nsocket = \"@/s\"\n\
                authz_plugins = [\"@/p.sock\"]\n\n[[listener]]\nname = \"b\"\nsocket = \"@/other\"\n";
    let text = text.replace('@', folder.path().to_str().unwrap());
    fs::write(folder.join("config.toml"), text).unwrap();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let mut proxy = Proxy::configured(folder.path(), None);
    proxy.await_listening();
    let plugin = AuthzPlugin::start(&folder.join("p.sock"), Mode::Hangs);
    let begun = Instant::now();
    let stuck: Vec<_> = (0..40)
        .map(|_| {
            let mut client = End::new(UnixStream::connect(folder.join("s")).unwrap());
            let its_daemon = accept(&daemon);
            client.sends(PING);
            (client, its_daemon)
        })
        .collect();
    let mut other = End::new(UnixStream::connect(folder.join("other")).unwrap());
    let mut its_daemon = accept(&daemon);
    passes(&mut other, &mut its_daemon);
    assert!(begun.elapsed() < Duration::from_secs(9), "it has waited");
    for (mut client, its_daemon) in stuck {
        let answer = String::from_utf8(client.gets_rest()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("no answer in"), "{answer}");
        drop(its_daemon);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "the time is not bounded");
    plugin.becomes(Mode::Decides);
    let mut client = End::new(UnixStream::connect(folder.join("s")).unwrap());
    let mut its_daemon = accept(&daemon);
    passes(&mut client, &mut its_daemon);
}

#[test]
fn a_response_is_held_only_where_that_is_asked_for() {
    let secret = json!({ "Secret": true }).to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{secret}",
        secret.len()
    );
    for (plugins, held) in [(ONE, false), (BOTH, true)] {
        let stage = Stage::new(plugins);
        let plugin = stage.plugin(Mode::Decides);
        let (mut client, mut daemon) = stage.pair();
        let info = "GET /info HTTP/1.1\r\nHost: d\r\n\r\n";
        client.sends(info);
        daemon.gets(info);
        daemon.sends(&answer);
        if !held {
            client.gets(&answer);
            continue;
        }
        let refused = String::from_utf8(client.gets_rest()).unwrap();
        assert!(
            refused.starts_with("HTTP/1.1 403 ") && refused.contains(": a secret"),
            "{refused}"
        );
        let (method, message) = plugin.seen().pop().unwrap();
        assert_eq!(method, "AuthZPlugin.AuthZRes");
        assert_eq!(message["RequestUri"], "/info");
        assert_eq!(message["ResponseStatusCode"], 200);
        assert_eq!(document(&message, "ResponseBody"), json!({ "Secret": true }));
        let (mut client, mut daemon) = stage.pair();
        passes(&mut client, &mut daemon);
        // The response to a HEAD keeps its length.
        let head = "HEAD /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
        client.sends(head);
        daemon.gets(head);
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        daemon.sends(length);
        client.gets(length);
        // A stream is not held.
        let logs = "GET /containers/x/logs?follow=1 HTTP/1.1\r\nHost: d\r\n\r\n";
        client.sends(logs);
        daemon.gets(logs);
        let begins = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
        daemon.sends(begins);
        client.gets(begins);
    }
}

#[test]
fn http2_is_one_request() {
    let stage = Stage::new(ONE);
    let plugin = stage.plugin(Mode::Decides);
    let (mut client, mut daemon) = stage.pair();
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    client.sends(preface);
    daemon.gets(preface);
    let (_, message) = plugin.seen().pop().unwrap();
    assert_eq!(
        (&message["RequestMethod"], &message["RequestUri"]),
        (&json!("POST"), &json!("/grpc"))
    );
    plugin.becomes(Mode::Closes);
    let (mut client, mut daemon) = stage.pair();
    client.sends(preface);
    let answer = client.gets_rest();
    assert!(answer.escape_ascii().to_string().contains("failed with error"));
    daemon.is_closed();
    drop(stage.proxy);
}
