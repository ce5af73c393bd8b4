use std::sync::Arc;

use super::*;
use crate::engine::route;
use crate::http::head;
use crate::http::target::decoded_path;
use crate::rules::facts::{Facts, HostQuestion};
use crate::rules::paths::PathRules;
use crate::rules::{Traits, judge};

fn authz() -> Authz {
    let plugin =
        |name: &str, responses| Plugin { name: name.into(), responses, from: "c:1:1".into() };
    Authz { plugins: vec![plugin("one", false), plugin("two", true)], user: "ci".to_owned() }
}

fn profile() -> Profile {
    Profile { authz: Some(Arc::new(authz())), ..Profile::default() }
}

fn judged(line: &str, fields: &str, body: Option<&[u8]>) -> Judgement {
    let head = format!("{line} HTTP/1.1\r\n{fields}\r\n");
    let request = head::request(head.as_bytes()).unwrap();
    let operation = route(request.method, &decoded_path(request.target).unwrap());
    let asked = Asked { operation, target: request.target, traits: Traits::of(&request), body };
    judge(&profile(), &asked, &Facts::default())
}

/// Returns the body of the draft that waits for plugins.
fn draft(judgement: Judgement) -> Option<String> {
    match judgement {
        Judgement::Need { needs, draft: Some(edited) } => {
            assert_eq!(needs, [Need::Authorization]);
            edited.body.map(|body| String::from_utf8(body).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn reason(judgement: Judgement) -> Reason {
    match judgement {
        Judgement::Refuse(refusal) => refusal.reason,
        other => panic!("{other:?}"),
    }
}

const JSON: &str = "Content-Type: application/json; charset=utf-8\r\nContent-Length: 20\r\n";

#[test]
fn every_request_waits_for_plugins() {
    for line in
        ["GET /info", "POST /grpc", "POST /session", "DELETE /x", "POST /containers/x/start"]
    {
        assert_eq!(draft(judged(line, "", None)), None, "{line}");
    }
    let tar = "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(draft(judged("POST /build", tar, None)), None);
}

#[test]
fn a_json_body_is_gathered_and_becomes_canonical() {
    for line in ["POST /containers/create", "POST /networks/x/connect", "POST /frob"] {
        assert!(matches!(judged(line, JSON, None), Judgement::Gather { .. }), "{line}");
    }
    let body = br#"{"container" : "x" }"#;
    let canonical = Some(r#"{"Container":"x"}"#.to_owned());
    assert_eq!(draft(judged("POST /networks/x/connect", JSON, Some(body))), canonical);
    let same = br#"{"Container":"xxxx"}"#;
    assert_eq!(draft(judged("POST /networks/x/connect", JSON, Some(same))), None);
}

#[test]
fn a_create_is_gathered_whatever_its_media_type_is() {
    let other = "Content-Type: text/plain\r\nContent-Length: 20\r\n";
    let judgement = judged("POST /containers/create", other, None);
    assert!(matches!(judgement, Judgement::Gather { .. }), "{judgement:?}");
}

#[test]
fn passwords_are_not_gathered_and_not_sent() {
    assert_eq!(draft(judged("POST /v1.51/auth", JSON, None)), None);
    let operation = route("POST", b"/auth");
    let head = b"POST /auth HTTP/1.1\r\n\r\n";
    let message = authz().request(operation, head, Some(b"{\"password\":1}")).message;
    assert!(!message.contains("RequestBody"), "{message}");
}

#[test]
fn bodies_that_plugins_cannot_get_are_refused() {
    let line = "POST /networks/x/connect";
    let long = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", BODY_LIMIT + 1);
    assert_eq!(reason(judged(line, &long, None)), Reason::TooLarge);
    let chunked = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(BODY_LIMIT));
    assert_eq!(reason(judged(line, chunked, Some(body.as_bytes()))), Reason::TooLarge);
    let encoded = format!("{JSON}Content-Encoding: gzip\r\n");
    assert_eq!(reason(judged(line, &encoded, None)), Reason::EncodedBody);
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n";
    assert_eq!(reason(judged("POST /containers/x/kill", form, None)), Reason::FormBody);
    assert_eq!(reason(judged(line, JSON, Some(b"{"))), Reason::NotJson);
}

#[test]
fn plugins_get_the_user_of_the_caller() {
    let profile =
        Profile { authz: Some(Arc::new(Authz::of(authz().plugins))), ..Profile::default() };
    let profile = profile.with(Vec::new(), PathRules::default(), "");
    let head = head::request(b"GET /_ping HTTP/1.1\r\n\r\n").unwrap();
    let operation = route("GET", b"/_ping");
    let asked = Asked { operation, target: "/_ping", traits: Traits::of(&head), body: None };
    let Judgement::Need { needs, draft: None } = judge(&profile, &asked, &Facts::default()) else {
        panic!("the caller is not asked for");
    };
    assert!(matches!(*needs, [Need::Host(HostQuestion::Caller(_))]), "{needs:?}");
    for (user, expected) in [(Some("ci"), "ci"), (None, "1000")] {
        let user = user.map(ToOwned::to_owned);
        let caller = Caller { uid: 1000, user, ..Caller::default() };
        let profile = profile.for_caller(&caller).unwrap();
        assert_eq!(profile.authz.as_ref().unwrap().user, expected);
        let judgement = judge(&profile, &asked, &Facts::default());
        assert_eq!(draft(judgement), None);
    }
}

#[test]
fn only_plugins_that_ask_for_it_get_responses_and_no_streams() {
    let holds = |method: &str, path: &[u8]| authz().holds_response(route(method, path));
    assert!(holds("POST", b"/containers/create") && holds("GET", b"/info"));
    for (method, path) in [
        ("GET", &b"/events"[..]),
        ("POST", b"/containers/x/attach"),
        ("POST", b"/containers/x/wait"),
        ("POST", b"/grpc"),
        ("GET", b"/frobnicate"),
        ("GET", b"/libpod/info"),
    ] {
        assert!(!holds(method, path));
    }
    let message = authz().request(route("GET", b"/info"), b"GET /info HTTP/1.1\r\n\r\n", None);
    assert_eq!(message.plugins, ["one", "two"]);
    let response = authz().response(&message.message, 200, b"HTTP/1.1 200 OK\r\n\r\n", b"{}");
    assert_eq!(
        (response.method, &*response.plugins),
        ("AuthZPlugin.AuthZRes", &["two".to_owned()][..])
    );
}

#[test]
fn http2_is_described_as_its_upgrade() {
    let message = authz().http2().message;
    let upgrade = judged("POST /grpc", "Connection: Upgrade\r\nUpgrade: h2c\r\n", None);
    assert_eq!(draft(upgrade), None);
    assert!(message.contains(r#""RequestUri":"/grpc""#) && message.contains(r#""Upgrade":"h2c""#));
}

#[test]
fn a_target_that_plugins_could_misread_is_refused() {
    for target in [
        "/%73warm/init",
        "/swarm%2Finit",
        "/v1.40/%6eetworks/prune",
        "/%761.40/swarm/init",
        "http://d/swarm/init",
        "/frob%2dx",
    ] {
        assert_eq!(
            reason(judged(&format!("POST {target}"), "", None)),
            Reason::OddTarget,
            "{target}"
        );
    }
    for line in
        ["POST /swarm/init", "GET /images/a%2Fb%3Ac/json", "POST /frob%2Fx", "GET /info?a=%61"]
    {
        assert!(matches!(judged(line, "", None), Judgement::Need { .. }), "{line}");
    }
}

#[test]
fn a_host_config_at_the_top_is_refused() {
    let line = "POST /containers/create";
    let body = br#"{"Image":"x","CapAdd":["ALL"]}"#;
    assert_eq!(reason(judged(line, JSON, Some(body))), Reason::OutsideHostConfig);
    let body = br#"{"Image":"x","HostConfig":{"CapAdd":["ALL"]}}"#;
    assert!(matches!(judged(line, JSON, Some(body)), Judgement::Need { draft: Some(_), .. }));
}
