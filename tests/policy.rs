//! The presets decide as they promise: about each option that raises privileges, in every spelling, and about
//! the requests of real clients.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail so

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use dockerd_ci_proxy::config::policy::{PRESETS, preset};
use dockerd_ci_proxy::engine::route;
use dockerd_ci_proxy::http::head;
use dockerd_ci_proxy::http::target::{decoded_path, encode_component};
use dockerd_ci_proxy::rules::facts::Facts;
use dockerd_ci_proxy::rules::policy::{
    Act, BindSource, Lack, Policy, Subject, Value as Found, ValueKind, Values,
};
use dockerd_ci_proxy::rules::{Asked, Judgement, Profile, Reason, Refusal, Traits, judge};
use serde_json::{Map, Value, json};
use support::corpus::{self, Side};
use support::policy_rows::{self, Request, Row};

/// Judges a request. `Ok` is everything but a refusal.
fn judged(profile: &Profile, method: &str, target: &str, body: &str) -> Result<(), Refusal> {
    let length = body.len();
    let head = format!(
        "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    let traits = Traits::of(&head::request(head.as_bytes()).unwrap());
    let path = decoded_path(target).unwrap();
    let asked =
        Asked { operation: route(method, &path), target, traits, body: Some(body.as_bytes()) };
    match judge(profile, &asked, &Facts::default()) {
        Judgement::Refuse(refusal) => Err(refusal),
        Judgement::Gather { .. } => panic!("{method} {target} {body}: gathered"),
        _ => Ok(()),
    }
}

fn with_preset(name: &str) -> Profile {
    Profile { policy: Some(Arc::new(preset(name).unwrap())), ..Profile::default() }
}

fn rule_of(refusal: &Refusal) -> &str {
    refusal.rule().map_or("none", |rule| &rule.name)
}

/// Returns the path and the query, encoded.
fn encoded(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let pairs = query.split('&').map(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        format!("{}={}", encode_component(key), encode_component(value))
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn ask(profile: &Profile, row: &Row, request: &Request) -> Result<(), Refusal> {
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    judged(profile, &row.method, &encoded(&request.target), &body)
}

/// Returns the path of the option that the rule of a row is about.
fn option_of(policy: &Policy, row: &Row) -> Option<&'static str> {
    let rule = policy.rules.iter().find(|rule| rule.name == row.rule);
    match &rule.unwrap_or_else(|| panic!("no rule {}", row.rule)).subject {
        Subject::Option { path, .. } => Some(path),
        Subject::Request | Subject::Binds(_) => None,
    }
}

/// Applies a change to all values at a path.
fn change(value: &mut Value, path: &str, to: &impl Fn(&mut Map<String, Value>, &str)) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| change(value, path, to)),
        Value::Object(members) => match path.split_once('.') {
            None => to(members, path),
            Some(("*", rest)) => members.values_mut().for_each(|value| change(value, rest, to)),
            Some((name, rest)) => {
                if let Some(value) = members.get_mut(name) {
                    change(value, rest, to);
                }
            }
        },
        _ => {}
    }
}

#[test]
fn conservative_refuses_what_raises_privileges() {
    let profile = with_preset("conservative");
    for row in policy_rows::all() {
        for request in &row.set {
            match ask(&profile, &row, request) {
                Ok(()) => panic!("{} passes {request:?}", row.rule),
                Err(refusal) => assert_eq!(rule_of(&refusal), row.rule, "{request:?} {refusal:?}"),
            }
        }
    }
}

#[test]
fn conservative_passes_what_means_nothing() {
    let profile = with_preset("conservative");
    let policy = profile.policy.as_ref().unwrap();
    let falsy = [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})];
    for row in policy_rows::all() {
        for request in &row.unset {
            ask(&profile, &row, request)
                .unwrap_or_else(|refusal| panic!("{request:?} {refusal:?}"));
        }
        let Some(path) = option_of(policy, &row).filter(|_| row.twins) else { continue };
        for request in row.set.iter().filter(|request| request.body.is_some()) {
            for falsy in &falsy {
                let mut body = request.body.clone().unwrap();
                change(&mut body, path, &|members, name| {
                    members.insert(name.to_owned(), falsy.clone());
                });
                // The daemon, and so the proxy, refuses values of other types.
                if let Err(refusal) = judged(&profile, &row.method, &row.target, &body.to_string())
                {
                    let is_typed = !falsy.is_null() && refusal.reason == Reason::WrongType;
                    assert!(is_typed, "{body} {refusal:?}");
                }
            }
            let mut body = request.body.clone().unwrap();
            change(&mut body, path, &|members, name| drop(members.remove(name)));
            judged(&profile, &row.method, &row.target, &body.to_string())
                .unwrap_or_else(|refusal| panic!("{body} {refusal:?}"));
        }
    }
}

/// Spellings of a member's name that Go reads as that name.
const SPELLINGS: [fn(&str) -> String; 5] = [
    str::to_lowercase,
    str::to_uppercase,
    |name| name.replace(['s', 'S'], "\u{17f}"),
    |name| name.replace(['k', 'K'], "\u{212a}"),
    |name| name.replace('e', "\\u0045"),
];

/// Writes the members on the way to an option in another spelling.
fn respelt(value: &Value, path: &str, spelling: fn(&str) -> String) -> String {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let member = |(key, value): (&String, &Value)| {
        let is_on_the_way = name == "*" || key == name;
        let value = if is_on_the_way { respelt(value, rest, spelling) } else { value.to_string() };
        let key = if key == name { spelling(key) } else { key.clone() };
        format!("\"{key}\":{value}")
    };
    match value {
        Value::Object(members) => {
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            let list = list.iter().map(|value| respelt(value, path, spelling));
            format!("[{}]", list.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[test]
fn conservative_reads_names_as_go_does() {
    let profile = with_preset("conservative");
    let policy = profile.policy.as_ref().unwrap();
    let mut judgements = 0;
    for row in policy_rows::all() {
        let path = match option_of(policy, &row) {
            Some(path) => path,
            None if row.rule == "bind_sources" => "HostConfig.Binds",
            None => continue,
        };
        for body in row.set.iter().filter_map(|request| request.body.as_ref()) {
            for spelling in SPELLINGS {
                let body = respelt(body, path, spelling);
                let refusal = judged(&profile, &row.method, &row.target, &body)
                    .expect_err(&format!("{} passes {body}", row.rule));
                // The allow-list of host paths is the last rule of a preset.
                let is_unknown =
                    row.rule == "bind_sources" && rule_of(&refusal).ends_with("unknown-options");
                assert!(is_unknown || rule_of(&refusal) == row.rule, "{body} {refusal:?}");
                judgements += 1;
            }
        }
    }
    assert!(judgements > 300, "only {judgements}");
}

/// The only value of a call.
struct Message<'v>(&'v str, &'v str);

impl Values for Message<'_> {
    fn of(&self, _: &str, path: &'static str) -> Result<Vec<Found<'_>>, Lack> {
        let found = Found { at: 1, text: self.1.into(), kind: ValueKind::Set };
        Ok(Vec::from_iter((path == self.0).then_some(found)))
    }

    fn binds_outside(
        &self,
        _: &str,
        _: &[BindSource],
        _: &mut Vec<String>,
    ) -> Result<Vec<(&'static str, Found<'_>)>, Lack> {
        Ok(Vec::new())
    }
}

#[test]
fn conservative_refuses_calls_of_buildkit() {
    let policy = preset("conservative").unwrap();
    for row in policy_rows::all() {
        for [operation, path, value] in &row.messages {
            match policy.decide(operation, &Message(path, value)) {
                Err(Lack::Unclear(refusal)) => {
                    assert_eq!(rule_of(&refusal), row.rule, "{operation}");
                }
                other => panic!("{operation} {path} {value}: {other:?}"),
            }
        }
    }
    for (operation, path, value) in [
        ("BuildkitSolve", "FrontendAttrs.force-network-mode", "none"),
        ("BuildkitSolve", "Exec.Network", "none"),
        ("BuildkitSolve", "Source.Identifier", "docker-image://docker.io/library/busybox"),
        ("BuildkitBridgeSolve", "FrontendAttrs", "filename"),
        ("BuildkitContentInfo", "", ""),
        ("BuildkitContentRead", "", ""),
        ("BuildkitDiskUsage", "", ""),
        ("BuildkitListenBuildHistory", "", ""),
        ("BuildkitListWorkers", "", ""),
        ("BuildkitStatus", "", ""),
        ("BuildkitSession", "", ""),
        ("BuildkitPing", "", ""),
        ("BuildkitReturn", "", ""),
        ("BuildkitHealth", "", ""),
        ("BuildkitTraces", "", ""),
    ] {
        policy.decide(operation, &Message(path, value)).unwrap_or_else(|error| panic!("{error:?}"));
    }
}

#[test]
fn each_rule_that_refuses_has_a_row() {
    let rows = policy_rows::all();
    let rows: BTreeSet<&str> = rows.iter().map(|row| row.rule.as_str()).collect();
    let policy = preset("conservative").unwrap();
    let refusing = policy.rules.iter().filter(|rule| rule.act == Act::Refuse);
    let missing: Vec<&str> =
        refusing.map(|rule| rule.name.as_str()).filter(|name| !rows.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let names: BTreeSet<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names.len(), policy.rules.len(), "two rules have one name");
}

#[test]
fn reasons_are_there() {
    for (name, _) in PRESETS {
        for rule in &preset(name).unwrap().rules {
            let needs = rule.act == Act::Refuse && !matches!(rule.subject, Subject::Binds(_));
            assert!(!needs || !rule.reason.is_empty(), "{name}: {}", rule.name);
        }
    }
}

/// The requests of real clients that `conservative` refuses: the recording, the method with the path, the rule.
const REFUSED: &[[&str; 3]] = &[
    // A parent that the client chose; one that the operator forces passes.
    ["docker-20.10/run_label", "POST /containers/create", "cgroup-parent"],
    ["docker-28.2/run_label", "POST /containers/create", "cgroup-parent"],
    ["docker-py-7.2/basics", "POST /containers/create", "cgroup-parent"],
    // The swarm and its nodes are the operator's. A service has no network of its own.
    ["docker-20.10/node_update", "POST /nodes/p086w92rcxwtdgbifekxn0mz4/update", "nodes"],
    ["docker-28.2/node_update", "POST /nodes/p086w92rcxwtdgbifekxn0mz4/update", "nodes"],
    ["docker-20.10/swarm_update", "GET /swarm", "swarm-tokens"],
    ["docker-20.10/swarm_update", "POST /swarm/update", "swarm"],
    ["docker-28.2/swarm_update", "GET /swarm", "swarm-tokens"],
    ["docker-28.2/swarm_update", "POST /swarm/update", "swarm"],
    ["docker-28.2/stack", "POST /services/create", "service-networks"],
];

/// Returns the head and the body of each request that is recorded as one turn of a client.
fn recorded() -> Vec<(String, String, String, String)> {
    let mut requests = Vec::new();
    for recording in corpus::all() {
        let place = recording.path.strip_prefix(corpus::root()).unwrap().with_extension("");
        for connection in &recording.connections {
            let mut written = Vec::new();
            for turn in connection.turns.iter().filter(|turn| turn.by == Side::Client) {
                written.extend(turn.written());
                if turn.daemon_gets.as_ref().is_some_and(Vec::is_empty) {
                    continue; // the request goes on in the next turn
                }
                let bytes = std::mem::take(&mut written);
                let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                let Ok(head) = std::str::from_utf8(&bytes[..end]) else { continue };
                let words: Vec<&str> = head.lines().next().unwrap().split(' ').collect();
                if words.len() != 3 || !words[2].starts_with("HTTP/1") {
                    continue;
                }
                let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
                let [method, target] = [words[0], words[1]].map(str::to_owned);
                requests.push((place.display().to_string(), method, target, body));
            }
        }
    }
    requests
}

/// Returns the first JSON document in a body, which may be chunked.
fn document(body: &str) -> String {
    let start = body.find('{').unwrap_or(body.len());
    let mut documents = serde_json::Deserializer::from_str(&body[start..])
        .into_iter::<Box<serde_json::value::RawValue>>();
    documents
        .next()
        .and_then(Result::ok)
        .map_or(String::new(), |document| document.get().to_owned())
}

#[test]
fn conservative_passes_the_requests_of_real_clients() {
    let profile = with_preset("conservative");
    let mut refused = BTreeSet::new();
    let mut creates = 0;
    for (place, method, target, body) in recorded() {
        let json = document(&body);
        creates += usize::from(!json.is_empty());
        if let Err(refusal) = judged(&profile, &method, &target, &json) {
            let path = target.split('?').next().unwrap();
            let path = path.trim_start_matches("/v1.41").trim_start_matches("/v1.50");
            refused.insert(format!("{place} {method} {path} {}", rule_of(&refusal)));
        }
    }
    assert!(creates > 100, "only {creates}");
    let stated: BTreeSet<String> = REFUSED.iter().map(|words| words.join(" ")).collect();
    assert_eq!(refused, stated);
}

/// The requests that read, but do not pass, and the other ones that pass.
const EXCEPTIONS: &[(&str, bool)] = &[
    ("CheckpointList", false),
    ("ContainerAttachWebsocket", false),
    ("ContainerWait", true),
    ("DistributionInspect", false),
    ("GetPluginPrivileges", false),
    ("ImageSearch", false),
    ("SwarmInspect", false),
    ("SwarmUnlockkey", false),
];

#[test]
fn read_only_passes_what_reads_and_nothing_else() {
    let profile = with_preset("read-only");
    let described = include_str!("data/engine-api.txt");
    for line in described.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (method, path, name) = (words[0], words[1].replace(['{', '}'], ""), words[4]);
        let exception = EXCEPTIONS.iter().find(|(exception, _)| *exception == name);
        let passes = exception.map_or(method == "GET" || method == "HEAD", |(_, passes)| *passes);
        // Without a body, the daemon's version is wanted first.
        let body = if name == "VolumeCreate" { "{}" } else { "" };
        assert_eq!(judged(&profile, method, &path, body).is_ok(), passes, "{name}");
    }
    for (method, path) in [("GET", "/debug/vars"), ("GET", "/libpod/info"), ("POST", "/grpc")] {
        assert!(judged(&profile, method, path, "").is_err(), "{method} {path}");
    }
}

#[test]
fn none_passes_everything() {
    let profile = with_preset("none");
    for row in policy_rows::all().iter().filter(|row| row.rule != "libpod") {
        for request in &row.set {
            ask(&profile, row, request).unwrap_or_else(|refusal| panic!("{request:?} {refusal:?}"));
        }
    }
}
