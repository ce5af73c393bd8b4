use super::*;
use crate::engine::fields::{Section, find};
use crate::engine::route;
use crate::engine::shapes::Place;
use crate::http::head;
use crate::http::target::decoded_path;

#[test]
fn strictness_lets_only_known_operations_pass() {
    let strict = Profile { strict: true, ..Profile::default() };
    for (line, known) in [
        ("GET /v1.41/info", true),
        ("GET /v5.0.0/libpod/info", true),
        ("GET /v1.99/frobnicate", false),
        ("BREW /info", false),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let text = format!("{line} HTTP/1.1\r\nHost: d\r\n\r\n");
        let request = head::request(text.as_bytes()).unwrap();
        let operation = route(method, path.as_bytes());
        let traits = Traits::of(&request);
        let asked = Asked { operation, target: request.target, traits, body: None };
        match judge(&strict, &asked, &Facts::default()) {
            Judgement::Pass { .. } => assert!(known, "{line}"),
            Judgement::Refuse(refusal) => assert!(!known && refusal == unknown(), "{line}"),
            judgement => panic!("{line}: {judgement:?}"),
        }
        let judgement = judge(&Profile::default(), &asked, &Facts::default());
        assert!(matches!(judgement, Judgement::Pass { .. }), "{line}: {judgement:?}");
    }
}

#[test]
fn every_spelling_that_go_reads_as_a_form_is_recognized() {
    for form in [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded ; charset=utf-8",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded\u{a0}",
        "\u{2003}application/x-www-form-urlencoded",
        "appl\u{130}cation/x-www-form-urlencoded",
    ] {
        assert!(may_be_form(form.as_bytes()), "{form}");
    }
    for other in ["", "application/x-tar", "application/tar", "text/plain; charset=utf-8"] {
        assert!(!may_be_form(other.as_bytes()), "{other}");
    }
}

#[test]
fn a_volume_without_a_body_depends_on_the_daemons_version() {
    let head = b"POST /volumes/create HTTP/1.1\r\nHost: d\r\n\r\n";
    let request = head::request(head).unwrap();
    let operation = route("POST", b"/volumes/create");
    let traits = Traits::of(&request);
    let asked = Asked { operation, target: request.target, traits, body: None };
    let judged = |facts: &Facts| judge(&Profile::default(), &asked, facts);
    let judgement = judged(&Facts::default());
    let Judgement::Need { needs, draft: None } = judgement else { panic!("{judgement:?}") };
    assert_eq!(needs, [Need::Daemon(Question::Version)]);
    for (version, wanted) in [("1.42", "edit"), ("1.41", "pass"), ("x", "refuse")] {
        let mut facts = Facts::default();
        let head = format!("HTTP/1.1 200 OK\r\nApi-Version: {version}\r\n\r\n");
        let answer = facts::DaemonAnswer { status: 200, head: head.as_bytes(), content: b"OK" };
        let api = crate::engine::Api::default();
        assert_eq!(facts.learn(&Question::Version, answer, api), facts::Learned::News);
        let judgement = match judged(&facts) {
            Judgement::Edit(Edited { body: Some(body), .. }) if body == b"{}" => "edit",
            Judgement::Pass { .. } => "pass",
            Judgement::Refuse(refusal) if refusal == empty_body() => "refuse",
            judgement => panic!("{judgement:?}"),
        };
        assert_eq!(judgement, wanted, "{version}");
    }
}

fn rule(how: How, section: Section, path: &str, value: Value) -> Inject {
    let at = Place::Field(find(section, path).unwrap());
    Inject { at, how, value, from: String::new() }
}

/// Judges a request with a body, which is not given yet.
fn judged(profile: &Profile, path: &str, fields: &str) -> Judgement {
    let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n{fields}\r\n");
    let request = head::request(head.as_bytes()).unwrap();
    let operation = route("POST", path.as_bytes());
    let traits = Traits::of(&request);
    let asked = Asked { operation, target: request.target, traits, body: None };
    judge(profile, &asked, &Facts::default())
}

#[test]
fn a_request_of_an_api_version_without_an_option_is_refused() {
    let path = "TaskTemplate.Resources.Limits.Pids";
    let pids = |how| rule(how, Section::Service, path, Value::Number(9));
    let annotations = |how| {
        let value = Label { key: "a".into(), value: "b".into() };
        rule(how, Section::Container, "HostConfig.Annotations", Value::Map(vec![value]))
    };
    let platform = |how| rule(how, Section::Build, "platform", Value::Text("linux".into()));
    for (inject, old, new) in [
        (&pids as &dyn Fn(How) -> Inject, "/v1.40/services/x/update", "/v1.41/services/create"),
        (&annotations, "/v%31.24/containers/create", "/containers/create"),
        (&platform, "/v1.31/build", "/v1.32/build"),
    ] {
        for (how, target, refused) in
            [(How::Force, old, true), (How::Default, old, false), (How::Force, new, false)]
        {
            let inject = [inject(how)].into_iter().collect();
            let profile = Profile { inject, ..Profile::default() };
            let operation = route("POST", &decoded_path(target).unwrap());
            let traits =
                Traits { framing: Framing::Length(2), encoded: false, form: false, json: false };
            let asked = Asked { operation, target, traits, body: Some(b"{}") };
            let judged = judge(&profile, &asked, &Facts::default());
            let is_refused = matches!(&judged, Judgement::Refuse(refusal) if refusal.reason == Reason::OldVersion);
            assert_eq!(is_refused, refused, "{how:?} {target}: {judged:?}");
        }
    }
}

#[test]
fn execs_and_updates_are_read_only_if_options_are_injected_into_them() {
    let user = rule(How::Force, Section::Exec, "User", Value::Text("1000".into()));
    let memory = rule(How::Cap, Section::Container, "HostConfig.Memory", Value::Number(1));
    let memory_default = Inject { how: How::Default, ..memory.clone() };
    for (rules, exec, update) in [
        (vec![], false, false),
        (vec![user.clone()], true, false),
        (vec![memory.clone()], false, true),
        (vec![memory_default], false, false),
        (vec![user, memory], true, true),
    ] {
        let profile = Profile { inject: rules.into_iter().collect(), ..Profile::default() };
        for (path, edited) in [("exec", exec), ("update", update)] {
            let docker = judged(&profile, &format!("/v1.41/containers/x/{path}"), "");
            assert_eq!(matches!(docker, Judgement::Gather { forced: Forced::FIELDS }), edited);
            assert_eq!(matches!(docker, Judgement::Pass { .. }), !edited, "{path}: {docker:?}");
            let coded =
                judged(&profile, &format!("/containers/x/{path}"), "Content-Encoding: gzip\r\n");
            assert_eq!(matches!(coded, Judgement::Refuse(_)), edited, "{path}: {coded:?}");
            let podman = judged(&profile, &format!("/v5.0.0/libpod/containers/x/{path}"), "");
            assert_eq!(matches!(podman, Judgement::Refuse(_)), edited, "{path}: {podman:?}");
            assert_eq!(matches!(podman, Judgement::Pass { .. }), !edited, "{path}: {podman:?}");
        }
    }
}
