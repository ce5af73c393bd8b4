use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::rules::caller::{Container, Mount};
use crate::rules::facts::{HostQuestion, NO_FACTS, Need};
use crate::rules::paths::PathRules;
use crate::rules::policy::tests::{asked, decided, line, no, profile};
use crate::rules::policy::{Policy, Rule, Subject, Test};
use crate::rules::socket::SocketBind;
use crate::rules::{Judgement, Profile, judge};

fn path(path: &str, read_only: bool) -> BindSource {
    BindSource::Path { path: path.to_owned(), read_only }
}

fn allowing(sources: &[BindSource]) -> Profile {
    let name = "bind_sources".to_owned();
    let subject = Subject::Binds(sources.to_vec());
    profile(&[Arc::new(Rule {
        name,
        subject,
        operations: Vec::new(),
        ..(*no("", Test::Set)).clone()
    })])
}

fn of_binds(profile: &Profile, bind: &str) -> String {
    let body = format!(r#"{{"HostConfig":{{"Binds":[{bind:?}]}}}}"#);
    verdict(profile, &body)
}

/// Judges a create, whose paths have no relation to the daemon's socket.
fn verdict(profile: &Profile, body: &str) -> String {
    judged(profile, "POST /containers/create", body)
}

fn judged(profile: &Profile, request: &str, body: &str) -> String {
    let asked = asked(request, body);
    let first = line(judge(profile, &asked, &NO_FACTS));
    let Some(paths) = first.strip_prefix("looks at ") else { return first };
    let mut facts = Facts::default();
    let paths = paths.split(", ").map(|path| (path.to_owned(), relation(path)));
    facts.learn_paths(paths.collect());
    line(judge(profile, &asked, &facts))
}

fn relation(path: &str) -> Relation {
    match path {
        "/data/./out" => Relation::Beyond,
        "/data/./socket" | "/run/docker.sock" => Relation::Socket,
        "/data/./new" => Relation::Missing,
        _ => Relation::Other,
    }
}

const REFUSED: &str = "refused by bind_sources";

#[test]
fn binds_below_a_source_are_allowed() {
    let profile = allowing(&[path("/data", false), path("/srv/cache", true)]);
    for bind in [
        "/data:/x",
        "/data/:/x",
        "/data/a/../b:/x:rw,z",
        "/data/new:/x",
        "/srv/cache:/x:ro",
        "/srv//cache/go:/x:ro,rprivate",
        "volume:/x",
        "/x",
    ] {
        assert_eq!(of_binds(&profile, bind), "passes", "{bind}");
    }
    for bind in [
        "/:/x",
        "/datas:/x",
        "/data/../etc:/x",
        "/data:/x:rshared",
        "/data/out:/x",
        "/data/socket:/x",
        "/srv/cache:/x",
        "/srv/cache:/x:rw",
        "/srv/cache:/x:ro,Z",
        "/srv/cache:/x:ro,U",
        "./data:/x",
        "~/data:/x",
        ":/x",
    ] {
        assert_eq!(of_binds(&profile, bind), REFUSED, "{bind}");
    }
}

#[test]
fn the_daemons_socket_is_allowed_if_the_proxy_replaces_it() {
    let passing = allowing(&[]);
    let own = SocketBind::Rewrite("/run/own.sock".to_owned());
    let replacing = Profile { socket_bind: own, ..passing.clone() };
    let mount =
        r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/run/docker.sock","Target":"/x"}]}}"#;
    assert_eq!(of_binds(&replacing, "/run/docker.sock:/x"), "passes");
    assert_eq!(verdict(&replacing, mount), "passes");
    assert_eq!(of_binds(&replacing, "/run/docker.sock.old:/x"), REFUSED);
    assert_eq!(of_binds(&replacing, "/run:/x"), REFUSED);
    assert_eq!(of_binds(&passing, "/run/docker.sock:/x"), REFUSED);
    assert_eq!(verdict(&passing, mount), REFUSED);
    // No draft is sent if the answer is no news.
    let asked = asked("POST /containers/create", r#"{"HostConfig":{"Binds":["/etc:/x"]}}"#);
    let Judgement::Need { needs, draft: None } = judge(&replacing, &asked, &NO_FACTS) else {
        panic!()
    };
    assert_eq!(needs, [Need::Host(HostQuestion::Paths(vec!["/etc".to_owned()]))]);
}

#[test]
fn what_depends_on_a_path_is_decided_when_the_path_is_known() {
    let replacing = Profile {
        socket_bind: SocketBind::Rewrite("/run/own.sock".to_owned()),
        ..allowing(&[path("/data", false)])
    };
    let body = r#"{"HostConfig":{"Binds":["/etc:/x"]}}"#;
    let first = judge(&replacing, &asked("POST /containers/create", body), &NO_FACTS);
    assert!(matches!(first, Judgement::Need { draft: None, .. }), "{first:?}");
    assert_eq!(of_binds(&replacing, "/etc:/x"), REFUSED);
    assert_eq!(of_binds(&replacing, "/data/a:/x"), "passes");
}

#[test]
fn a_trial_reports_a_bind_that_is_not_the_socket() {
    let mut replacing =
        Profile { socket_bind: SocketBind::Rewrite("/run/own.sock".to_owned()), ..allowing(&[]) };
    replacing.policy =
        replacing.policy.map(|policy| Arc::new(Policy { trial: true, ..(*policy).clone() }));
    assert_eq!(
        of_binds(&replacing, "/etc:/x"),
        "warns: the bind mount of \"/etc:/x\" in ContainerCreate"
    );
}

#[test]
fn mounts_below_a_source_are_allowed() {
    let profile = allowing(&[path("/data", false), path("/srv/cache", true)]);
    let of =
        |mount: &str| verdict(&profile, &format!(r#"{{"HostConfig":{{"Mounts":[{mount}]}}}}"#));
    for mount in [
        r#"{"Type":"bind","Source":"/data/a","Target":"/x"}"#,
        r#"{"Type":"bind","Source":"/srv/cache","ReadOnly":true,"Target":"/x"}"#,
        r#"{"Type":"volume","Source":"etc","Target":"/x"}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"type":"tmpfs","device":"tmpfs"}}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"o":"bind","device":"/data"}}}}"#,
        r#"{"Type":"tmpfs","Target":"/x"}"#,
    ] {
        assert_eq!(of(mount), "passes", "{mount}");
    }
    for mount in [
        r#"{"type":"bind","\u017fource":"/","target":"/x"}"#,
        r#"{"Source":"/","Target":"/x"}"#,
        r#"{"Type":"bind","Target":"/x"}"#,
        r#"{"Type":"bind","Source":"/data","Target":"/x","BindOptions":{"Propagation":"shared"}}"#,
        r#"{"Type":"BIND","Source":"/etc","Target":"/x"}"#,
        r#"{"Type":"bind","Source":"/srv/cache","Target":"/x"}"#,
        r#"{"Type":"bind","Source":"/srv/cache","ReadOnly":false,"Target":"/x"}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/"}}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"type":"tmpfs","o":"ro,rbind","device":"/etc"}}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"type":"ext4","device":"/dev/sda1"}}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"DriverConfig":{"Options":{"device":"/data","o":"bind","device":"/etc"}}}}"#,
    ] {
        assert_eq!(of(mount), REFUSED, "{mount}");
    }
}

#[test]
fn services_and_volumes_are_judged_too() {
    let profile = allowing(&[path("/data", false)]);
    let service = |mount: &str| {
        let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
        judged(&profile, "POST /services/create", &body)
    };
    assert_eq!(service(r#"{"Source":"/data","Target":"/x"}"#), "passes");
    assert_eq!(service(r#"{"Source":"/etc","Target":"/x"}"#), REFUSED);
    assert_eq!(service(r#"{"Source":"/data/{{.Service.Name}}","Target":"/x"}"#), REFUSED);
    let volume = |body: &str| decided(&profile, "POST /volumes/create", body);
    assert_eq!(volume("{}"), "passes");
    assert_eq!(volume(r#"{"DriverOpts":{"type":"none","o":"bind","device":"/data"}}"#), "passes");
    assert_eq!(volume(r#"{"DriverOpts":{"type":"none","o":"bind","device":"/"}}"#), REFUSED);
    for (device, flags) in [
        ("/data/link/..", "bind"),
        ("/data/a/../b", "bind"),
        ("/data", "bind,rshared"),
        ("/srv/cache", "bind"),
        ("/srv/cache", "bind,ro,rw"),
    ] {
        let body =
            format!(r#"{{"DriverOpts":{{"type":"none","o":{flags:?},"device":{device:?}}}}}"#);
        assert_eq!(volume(&body), REFUSED, "{device} {flags}");
    }
    assert_eq!(
        volume(r#"{"DriverOpts":{"type":"nfs","o":"addr=1.2.3.4","device":":/x"}}"#),
        "passes"
    );
    assert_eq!(volume(r#"{"Driver":"plugin","DriverOpts":{"device":"/"}}"#), "passes");
}

#[test]
fn the_number_of_binds_is_limited() {
    let binds = vec![r#""/data/a:/x""#; 2000].join(",");
    let body = format!(r#"{{"HostConfig":{{"Binds":[{binds}]}}}}"#);
    let verdict = verdict(&allowing(&[path("/data", false)]), &body);
    assert!(verdict.contains("there are more than 1024 volumes, binds and mounts"), "{verdict}");
}

fn caller() -> Caller {
    let read_only =
        Mount { read_only: true, ..Mount::at("/host-etc", Source::Path("/etc".to_owned())) };
    let mounts = vec![
        Mount::at("/builds", Source::Path("/srv/builds".to_owned())),
        Mount::at("/v", Source::Volume { name: "v".to_owned(), place: "/volumes/v".to_owned() }),
        Mount::at("/w", Source::Volume { name: "w".to_owned(), place: String::new() }),
        Mount::at("/tmp", Source::Nothing),
        read_only,
    ];
    let container = Rc::new(Container { mounts, ..Container::default() });
    Caller { container: Some(container), ..Caller::default() }
}

#[test]
fn the_callers_mounts_are_as_writable_as_there() {
    let template = allowing(&[BindSource::CallerMounts]).with(Vec::new(), PathRules::default(), "");
    let profile = template.for_caller(&caller()).unwrap();
    for (bind, verdict) in [
        ("/srv/builds/a:/x", "passes"),
        ("/volumes/v:/x", "passes"),
        ("/etc:/x:ro", "passes"),
        ("/etc:/x", REFUSED),
        ("/:/x", REFUSED),
        ("/tmp:/x", REFUSED),
    ] {
        assert_eq!(of_binds(&profile, bind), verdict, "{bind}");
    }
    let alone = template.for_caller(&Caller::default()).unwrap();
    assert_eq!(of_binds(&alone, "/srv/builds:/x"), REFUSED);
}

#[test]
fn only_requests_that_mount_something_need_the_caller() {
    let template = allowing(&[BindSource::CallerMounts]).with(Vec::new(), PathRules::default(), "");
    let of = |request| decided(&template, request, "{}");
    assert_eq!(of("POST /containers/create"), "needs facts");
    assert_eq!(of("POST /services/create"), "needs facts");
    for request in ["GET /_ping", "POST /networks/create", "POST /exec/x/start", "POST /build"] {
        assert_eq!(of(request), "passes", "{request}");
    }
}
