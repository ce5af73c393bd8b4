//! What stands in the log, and what must not.

use super::lab::{Lab, PING, PONG};

fn create(path: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n{}\r\n";

/// Makes a create, which is answered, and a refused one, each with a secret in everything that
/// the client can choose.
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
    let (down, took) = rest.split_once(" bytes down, ").unwrap();
    assert!(up.parse::<u64>().unwrap() > 150, "{line}");
    assert_eq!(down.parse::<usize>().unwrap(), CREATED.len());
    took.strip_suffix(" ms").unwrap().parse::<f64>().unwrap();
    assert_eq!(log.matches("ContainerCreate refused (refused: ").count(), 7, "{log}");
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

#[test]
fn start_configuration_and_stop_are_told() {
    let mut lab = Lab::with(&OPERATOR);
    lab.proxy.terminate();
    lab.proxy.await_exit();
    let log = lab.proxy.log();
    for told in ["label ci.job=\"7\"", "cgroup parent \"/ci/7\"", "listening on ", "stopped; 0 "] {
        assert!(log.contains(&format!("dockerd-ci-proxy: info: {told}")), "{told} in {log}");
    }
}
