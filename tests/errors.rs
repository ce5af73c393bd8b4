//! Compares `docs/errors.md`, the list of the proxy's own error messages, with the program.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use dockerd_ci_proxy::engine::fields::{FIELDS, Field, Section, find};
use dockerd_ci_proxy::engine::shapes::Place;
use dockerd_ci_proxy::http::Malformed;
use dockerd_ci_proxy::http2;
use dockerd_ci_proxy::proxy::{self, Away, Blind, COLLECTED_LIMIT, Fault, Unreachable};
use dockerd_ci_proxy::rules::authz::{Authz, Plugin, failed, verdict};
use dockerd_ci_proxy::rules::buildkit::{self, Method};
use dockerd_ci_proxy::rules::caller::{
    Caller, Container, Mount, NoParent, Of, Source, Template, Unknown, Word,
};
use dockerd_ci_proxy::rules::facts::{Facts, HostQuestion, Need};
use dockerd_ci_proxy::rules::job::no_socket;
use dockerd_ci_proxy::rules::paths::PathRules;
use dockerd_ci_proxy::rules::policy::{Act, Policy, Rule, Subject};
use dockerd_ci_proxy::rules::socket::{Relation, SocketBind};
use dockerd_ci_proxy::rules::{
    Asked, How, Inject, Injections, Judgement, Label, Profile, Reason, Refusal, Value, judge,
};

/// One row of the list.
struct Row {
    reason: String,
    status: u16,
    /// The messages, with `…` in place of each variable part.
    words: Vec<String>,
}

fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let [reason, status, words, cure] = cells.as_slice() else { return None };
        assert!(!cure.is_empty(), "{line}");
        Some(Row {
            reason: reason.trim_end_matches('`').to_owned(),
            status: status.parse().ok()?,
            words: words.split("<br>").map(ToOwned::to_owned).collect(),
        })
    };
    text.lines().filter_map(row).collect()
}

/// Requests, each refused for another reason or with another message: request line and field lines, and body.
const REFUSED: &[(&str, &str)] = &[
    ("POST /containers/create", ""),
    ("POST /containers/create|Content-Encoding: gzip", "{}"),
    ("POST /commit?changes=LABEL%20a=b%5C", ""),
    ("POST /containers/x/start", r#"{"Binds":[]}"#),
    ("POST /libpod/pods/create", "{}"),
    ("POST /libpod/containers/x/exec", "{}"),
    ("GET /frobnicate", ""),
    ("POST /build|Content-Type: multipart/form-data", "x"),
    ("POST /containers/create", "{"),
    ("POST /containers/create", "[]"),
    ("POST /containers/create", r#"{"HostConfig":[]}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":{}}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":[1]}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Memory":"1g"}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Tmpfs":{"/own/":""}}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"PidMode":1}}"#),
    ("POST /containers/create", r#"{"Labels":{"a":1}}"#),
    ("POST /containers/create", r#"{"Labels":{},"labels":{}}"#),
    ("POST /containers/create", r#"{"Memory":1}"#),
    ("POST /containers/create", r#"{"Volumes":{"x":{}}}"#),
    ("POST /containers/create", r#"{"Labels":{"a=b":"c"}}"#),
    ("POST /containers/create", r#"{"Volumes":{"/a:b":{}}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":["/run/docker.sock:/s"]}}"#),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/{{.}}"}]}}}"#,
    ),
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Annotations":{"org.systemd.property.Slice":"x"}}}"#,
    ),
    ("POST /v1.24/containers/create", "{}"),
    ("POST /build?a;b", ""),
    ("POST /build?labels=1", ""),
    ("POST /build?volume=/x", ""),
    ("POST /build?outputs=1", ""),
];

fn labels() -> Vec<Label> {
    vec![Label { key: "a".into(), value: "b".into() }]
}

/// Requests of a caller with [mounts](mounted), each refused for another place of a source.
const UNMAPPED: &[(&str, &str)] = &[
    ("POST /containers/create", r#"{"HostConfig":{"Binds":["/etc:/x"]}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":["/tmpfs/a:/x"]}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":["/builds/link:/x"]}}"#),
    ("POST /containers/create", r#"{"HostConfig":{"Binds":["/colon:/x"]}}"#),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/volume"}]}}}"#,
    ),
    (
        "POST /services/create",
        r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/{{.}}"}]}}}"#,
    ),
    ("POST /volumes/create", r#"{"DriverOpts":{"type":"none","o":"bind","device":"/builds"}}"#),
    (
        "POST /containers/create",
        r#"{"HostConfig":{"Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"ext4"}}}}]}}"#,
    ),
];

/// Returns the rules for a caller whose paths are translated by the mounts of its container.
fn mounted() -> Profile {
    let path = |path: &str| Source::Path(path.to_owned());
    let mounts = [
        ("/builds", path("/srv/builds")),
        ("/colon", path("/srv/a:b")),
        ("/tmpfs", Source::Nothing),
        ("/volume", Source::Volume { name: "v".to_owned(), place: String::new() }),
    ];
    let mounts = mounts.map(|(target, source)| Mount::at(target, source)).to_vec();
    let container = Some(Rc::new(Container { mounts, ..Container::default() }));
    let paths = PathRules { of_caller: true, strict: true, ..PathRules::default() };
    let size = Label { key: "size".to_owned(), value: "1g".to_owned() };
    let rule = Inject {
        at: Place::Field(find(Section::Volume, "DriverOpts").unwrap()),
        how: How::Append,
        value: Value::Map(vec![size]),
        from: String::new(),
    };
    let profile = Profile::default().with(vec![rule], paths, "");
    profile.for_caller(&Caller { container, ..Caller::default() }).unwrap()
}

fn relation(path: &str) -> Relation {
    match path {
        path if path.ends_with("link") => Relation::Beyond,
        "/run/docker.sock" => Relation::Socket,
        _ => Relation::Other,
    }
}

/// Returns rules of every kind that do not depend on the caller.
fn fixed() -> Profile {
    let find = |section, path| Place::Field(find(section, path).unwrap());
    let rule = |at, how, value| Inject { at, how, value, from: String::new() };
    let binds = find(Section::Container, "HostConfig.Binds");
    let privileged = find(Section::Exec, "Privileged");
    let memory = find(Section::Container, "HostConfig.Memory");
    let remove = find(Section::Container, "HostConfig.AutoRemove");
    let options = [
        rule(remove, How::Force, Value::Switch(false)),
        rule(memory, How::Cap, Value::Number(1)),
        rule(binds, How::Append, Value::List(vec!["/ca:/own".to_owned()])),
        rule(privileged, How::Force, Value::Switch(false)),
    ];
    let labels = labels().into_iter();
    let labels =
        labels.flat_map(|label| [Inject::label(label.clone()), Inject::image_label(label)]);
    Profile {
        inject: labels.chain([Inject::cgroup_parent("/ci")]).chain(options).collect(),
        strict: true,
        socket_bind: SocketBind::Refuse,
        ..Profile::default()
    }
}

/// Refuses the request.
fn refused(profile: &Profile, line: &str, body: &str) -> Refusal {
    let (line, fields) = line.split_once('|').unwrap_or((line, "X: y"));
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\n{fields}\r\nContent-Length: {length}\r\n\r\n");
    let decision = proxy::decide(profile, head.as_bytes()).unwrap();
    let (operation, traits) = (decision.operation, decision.traits);
    let target = &head[decision.target];
    let asked = Asked { operation, target, traits, body: Some(body.as_bytes()) };
    let mut facts = Facts::default();
    let mut judgement = decision.judgement;
    loop {
        judgement = match judgement {
            Judgement::Refuse(refusal) => return refusal,
            Judgement::Gather { .. } => judge(profile, &asked, &facts),
            Judgement::Need { needs, .. } => {
                let [Need::Host(HostQuestion::Paths(paths)), ..] = &*needs else {
                    panic!("{line} {body}: {needs:?}")
                };
                facts
                    .learn_paths(paths.iter().map(|path| (path.clone(), relation(path))).collect());
                judge(profile, &asked, &facts)
            }
            judgement => panic!("{line} {body}: {judgement:?}"),
        };
    }
}

/// Returns the refusals of an option of a build on both wires.
fn unreadable_options() -> [Refusal; 2] {
    let is_memory = |field: &&Field| field.section == Section::Build && field.path == "memory";
    let at = Place::Field(FIELDS.iter().find(is_memory).unwrap());
    let cap = Inject { at, how: How::Cap, value: Value::Number(1), from: String::new() };
    let profile = Profile { inject: [cap].into_iter().collect(), ..Profile::default() };
    let decision = proxy::decide(&profile, b"POST /build?memory=x HTTP/1.1\r\nHost: d\r\n\r\n");
    let Judgement::Refuse(query) = decision.unwrap().judgement else { panic!("not refused") };
    let solve = b"\x12\x01d\x1a\x0b\x0a\x06memory\x12\x01x";
    [query, buildkit::edit(&profile, Method::BridgeSolve, solve, None).unwrap_err()]
}

/// Returns the refusal by a rule of a policy.
fn by_policy() -> Refusal {
    let rule = Rule {
        name: "no-init".to_owned(),
        from: "config.toml:5:3".to_owned(),
        act: Act::Refuse,
        operations: Vec::new(),
        subject: Subject::Request,
        reason: "no swarm here".to_owned(),
    };
    let policy = Policy { rules: vec![Arc::new(rule)], ..Policy::default() };
    let profile = Profile { policy: Some(Arc::new(policy)), ..Profile::default() };
    refused(&profile, "POST /swarm/init", "{}")
}

/// Returns the refusal of a value that does not exist.
fn without_value() -> Refusal {
    let of = Of { caller: &Caller::default(), listener: "gitlab" };
    Template::of("{container.name}").fill(&of, Word::Any, "config.toml:5:3").unwrap_err()
}

/// Returns the refusals of callers.
fn callers() -> impl Iterator<Item = Refusal> {
    let text = || "/x".to_owned();
    let unknown = [
        Unknown::OutOfSight,
        Unknown::Unmapped,
        Unknown::NoProc,
        Unknown::Hidden(7),
        Unknown::Ended(7),
        Unknown::Unreadable(text(), text()),
        Unknown::OwnNamespace(text()),
        Unknown::Daemon(text()),
        Unknown::Late(10),
        Unknown::NoThread,
        Unknown::Driver(text()),
        Unknown::NotRunning(text()),
        Unknown::Elsewhere { path: text(), pid: 7 },
        Unknown::NoOwner(text()),
        Unknown::Parent(NoParent::NoSlice(text())),
        Unknown::Parent(NoParent::Occupied(text())),
        Unknown::Parent(NoParent::Divided(text(), text())),
    ];
    unknown.into_iter().map(Refusal::from)
}

/// Returns refusals of every kind.
fn refusals() -> Vec<Refusal> {
    let inject = Injections::forced(&[], &labels(), None, None);
    let strict = Profile { strict: true, inject, ..Profile::default() };
    let many = |one: &str, count: usize| vec![one; count].join(",");
    let members = format!("{{{}}}", many("\"\":1", 1 << 17));
    let mounts = format!(r#"{{"HostConfig":{{"Binds":[{}]}}}}"#, many("\"v:/x\"", 2000));
    let driver = format!(r#"{{"HostConfig":{{"VolumeDriver":"{}"}}}}"#, "x".repeat(2000));
    let pairs = format!("POST /build?{}", "a&".repeat(2000));
    let create = "POST /containers/create";
    let large = [(create, &*members), (create, &mounts), (create, &driver), (&pairs, "")];
    let unlabelled = buildkit::edit(&strict, Method::ControlSolve, b"\x70\x01", None).unwrap_err();
    let requests = REFUSED.iter().copied().chain(large);
    let requests = requests.map(|(line, body)| refused(&fixed(), line, body));
    let connect = "POST /networks/x/connect|Content-Type: application/json";
    let plugin = Plugin { name: "opa".into(), responses: false, from: String::new() };
    let authz = Some(Arc::new(Authz::of(vec![plugin])));
    let authz = Profile { authz, ..Profile::default() };
    let bodies = ["[".repeat(99) + &"]".repeat(99), format!("\"{}\"", "x".repeat(1 << 23))];
    let of_plugins = bodies.map(|body| refused(&authz, connect, &body));
    let odd = refused(&authz, "POST http://d/swarm/init", "");
    let unmapped = UNMAPPED.iter().map(|(line, body)| refused(&mounted(), line, body));
    requests
        .chain([
            unlabelled,
            buildkit::odd_message("it has too many fields"),
            buildkit::compressed(),
            buildkit::call_path(),
            buildkit::plain_http2(),
            without_value(),
            by_policy(),
            odd,
            no_socket("its path is not UTF-8"),
            verdict("opa", br#"{"Msg":"no"}"#).unwrap_err(),
            failed("opa", "AuthZPlugin.AuthZReq: no answer in 10 seconds"),
        ])
        .chain(unreadable_options())
        .chain(of_plugins)
        .chain(callers())
        .chain(unmapped)
        .collect()
}

/// Returns faults of every kind.
fn faults() -> Vec<Fault> {
    let away = [
        Unreachable::Missing,
        Unreachable::Down,
        Unreachable::Denied,
        Unreachable::Slow,
        Unreachable::HangsUp,
        Unreachable::Other("too many open files".to_owned()),
    ];
    let socket = "/run/docker.sock".to_owned();
    let away = away.into_iter().map(|why| Fault::Away(Away { socket: socket.clone(), why }));
    let others = [
        Fault::Request(Malformed::BareLf),
        Fault::Request(Malformed::HeadTooLong),
        Fault::TooLarge(COLLECTED_LIMIT),
        Fault::NoRoom,
        Fault::CutShort,
        Fault::SlowHead,
        Fault::Draining,
        Fault::Response(Malformed::BareLf),
        Fault::Unanswered,
        Fault::Undescribed("x:1".to_owned()),
        Fault::Unseen("/mnt/cache".to_owned(), Blind::Late),
        Fault::Unseen("/mnt/cache".to_owned(), Blind::NoThread),
        Fault::Unseen("/mnt/cache".to_owned(), Blind::Failed("Input/output error".to_owned())),
        Fault::ResponseCutShort,
        Fault::ResponseTooLarge(COLLECTED_LIMIT),
        Fault::UnaskedUpgrade,
        Fault::Http2OfClient(http2::Malformed::Preface),
        Fault::Http2OfDaemon(http2::Malformed::Preface),
    ];
    away.chain(refusals().into_iter().map(Fault::Refused)).chain(others).collect()
}

/// Returns `true` if `text` matches `words`, with something in place of each `…`.
fn fits(text: &str, words: &str) -> bool {
    let Some((before, rest)) = words.split_once('…') else { return text == words };
    let Some(text) = text.strip_prefix(before) else { return false };
    (1..=text.len()).any(|at| text.get(at..).is_some_and(|behind| fits(behind, rest)))
}

#[test]
fn every_reason_has_a_row_and_no_other() {
    let rows: Vec<_> = rows().into_iter().map(|row| row.reason).collect();
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(rows, reasons);
}

#[test]
fn the_list_says_what_the_proxy_says() {
    let rows = rows();
    for fault in faults() {
        let (reason, text) = (Reason::from(&fault).name(), fault.to_string());
        let row = rows.iter().find(|row| row.reason == reason).unwrap();
        assert!(row.words.iter().any(|words| fits(&text, words)), "{reason}: {text}");
        assert_eq!(row.status, fault.status(), "{reason}: {text}");
    }
}

#[test]
fn the_proxy_says_all_that_the_list_says() {
    let faults = faults();
    for row in rows() {
        for words in &row.words {
            let said = faults.iter().filter(|fault| fits(&fault.to_string(), words));
            let reasons: Vec<_> = said.map(|fault| Reason::from(fault).name()).collect();
            assert!(reasons.contains(&row.reason.as_str()), "{}: {words}", row.reason);
        }
    }
}

#[test]
fn words_fit_with_something_in_each_gap_alone() {
    assert!(fits("a b c", "a … c") && fits("a c c", "a …") && fits("abc", "abc"));
    assert!(!fits("a  c", "a b c") && !fits("a ", "a …") && !fits("a b d", "a … c"));
}
