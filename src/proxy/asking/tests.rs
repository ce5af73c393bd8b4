use std::rc::Rc;
use std::time::Instant;

use super::*;
use crate::http::body::Body;
use crate::proxy::Blind;
use crate::proxy::decide::decide;
use crate::proxy::lanes::Lanes;
use crate::proxy::outcome::Call;
use crate::proxy::relay::Upload;
use crate::proxy::{Session, Step};
use crate::rules::Profile;
use crate::rules::facts::HostQuestion;
use crate::rules::socket::{Relation, SocketBind};

/// The relation of a path on the host of these tests.
fn at_last(path: &str) -> Result<Relation, Blind> {
    match path {
        "/broken" => Err(Blind::Failed("Input/output error".to_owned())),
        path if path.starts_with("/run/") => Ok(Relation::Socket),
        _ => Ok(Relation::Other),
    }
}

/// The shell's answer about these paths.
fn fact(paths: &[String]) -> HostFact {
    HostFact::Paths(paths.iter().map(|path| (path.clone(), at_last(path).unwrap())).collect())
}

/// The question about these paths.
fn asks(paths: &[&str]) -> Step {
    Step::Ask(HostQuestion::Paths(paths.iter().map(|&path| path.to_owned()).collect()))
}

fn session() -> Session {
    session_with(SocketBind::Rewrite("/ours".to_owned()))
}

fn session_with(socket_bind: SocketBind) -> Session {
    let profile = Profile { socket_bind, ..Profile::default() };
    let mut session =
        Session::new(Rc::new(ListenerSettings { profile, ..ListenerSettings::default() }));
    session.connected();
    session
}

fn creates(session: &mut Session, host_config: &str) {
    creates_of(session, "", host_config);
}

fn creates_of(session: &mut Session, image: &str, host_config: &str) {
    let body = format!("{{\"Image\":\"{image}\",\"HostConfig\":{{{host_config}}}}}");
    let length = body.len();
    let head = format!("POST /containers/create HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
    gets(session.up(), &(head + &body));
}

fn gets(lane: &mut crate::proxy::Lane, bytes: &str) {
    lane.room(1 << 16)[..bytes.len()].copy_from_slice(bytes.as_bytes());
    lane.received(bytes.len());
}

/// Returns the bytes sent to the daemon.
fn left(session: &mut Session) -> String {
    let bytes = session.up().leaving().to_vec();
    session.up().left(bytes.len());
    String::from_utf8(bytes).unwrap()
}

/// Answers all questions about paths. Returns the paths.
fn looks(session: &mut Session) -> Vec<String> {
    let (paths, end) = looks_and(session);
    assert_eq!(end, Step::Wait);
    paths
}

/// Answers all questions about paths. Returns the paths and the next step.
fn looks_and(session: &mut Session) -> (Vec<String>, Step) {
    let mut paths = Vec::new();
    loop {
        let asked = match session.advance(Instant::now()) {
            Step::Ask(HostQuestion::Paths(asked)) => asked,
            step => return (paths, step),
        };
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        assert_eq!(left(session), "");
        session.found(fact(&asked));
        paths.extend(asked);
    }
}

/// Returns the status and the message for the client; the daemon must get nothing.
fn refused(session: &mut Session, step: Step) -> (u16, String) {
    let Step::Report(outcome) = step else { panic!("{step:?}") };
    assert_eq!(left(session), "");
    let answer = String::from_utf8(session.down().leaving().to_vec()).unwrap();
    (outcome.status.unwrap(), answer)
}

/// The daemon answers 200 with this body.
fn answers(session: &mut Session, body: &str) {
    let length = body.len();
    gets(session.down(), &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
}

#[test]
fn nothing_is_sent_before_all_that_is_mounted_has_been_looked_at() {
    let mut session = session();
    let mount = r#"{"Type":"bind","Source":"/run/x.sock","Target":"/m"}"#;
    let binds = r#""/a:/a","/run/d.sock:/d","/b:/b","/run/d.sock:/e""#;
    creates(&mut session, &format!(r#""Mounts":[{mount}],"Binds":[{binds}]"#));
    let seen = ["/a", "/b", "/run/d.sock", "/run/x.sock"];
    assert_eq!(looks(&mut session), seen);
    let sent = left(&mut session);
    assert!(sent.contains(r#""Source":"/ours","Target":"/m""#), "{sent}");
    assert!(sent.contains(r#"["/a:/a","/ours:/d","/b:/b","/ours:/e"]"#), "{sent}");
}

#[test]
fn what_an_answer_tells_is_looked_at_too() {
    let mut session = session();
    creates(&mut session, r#""VolumesFrom":["c"]"#);
    assert_eq!(looks(&mut session), Vec::<String>::new());
    assert!(left(&mut session).starts_with("GET /containers/c/json "));
    answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
    assert_eq!(looks(&mut session), ["/run/d.sock"]);
    assert!(left(&mut session).contains(r#""Binds":["/ours:/d"]"#));
}

#[test]
fn nothing_is_asked_or_ordered_for_what_is_refused() {
    let mut session = session_with(SocketBind::Refuse);
    creates_of(&mut session, "x", r#""Binds":["volume:/v","/run/d.sock:/d"]"#);
    let (paths, end) = looks_and(&mut session);
    assert_eq!(paths, ["/run/d.sock"]);
    let (status, answer) = refused(&mut session, end);
    assert_eq!(status, 403);
    assert!(answer.contains("the container mounts /run/d.sock"), "{answer}");
}

#[test]
fn nothing_is_ordered_before_all_is_known_that_can_be_refused() {
    let mut session = session_with(SocketBind::Refuse);
    creates(&mut session, r#""Binds":["volume:/v"],"VolumesFrom":["c"]"#);
    assert_eq!(looks(&mut session), Vec::<String>::new());
    assert!(left(&mut session).starts_with("GET /containers/c/json "));
    answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
    let (paths, end) = looks_and(&mut session);
    assert_eq!((paths.len(), refused(&mut session, end).0), (1, 403));
}

#[test]
fn what_is_known_of_other_containers_is_written_before_a_volume_is_ordered() {
    let mut session = session();
    creates(&mut session, r#""Binds":["volume:/v"],"VolumesFrom":["c"]"#);
    assert_eq!(looks(&mut session), Vec::<String>::new());
    left(&mut session);
    answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
    assert_eq!(looks(&mut session), ["/run/d.sock"]);
    assert!(left(&mut session).starts_with("POST /volumes/create "));
    answers(&mut session, "{}");
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert!(left(&mut session).contains(r#""Binds":["volume:/v","/ours:/d"]"#));
}

#[test]
fn a_look_that_takes_too_long_or_fails_is_an_error_that_names_the_path() {
    for (why, words) in [
        (Blind::Late, "has not answered for 10 seconds"),
        (Blind::NoThread, "no thread"),
        (at_last("/broken").unwrap_err(), "answers \\\"Input/output error\\\""),
    ] {
        let mut session = session();
        creates(&mut session, r#""Binds":["/a:/a","/b:/b"]"#);
        assert_eq!(session.advance(Instant::now()), asks(&["/a", "/b"]));
        session.found(HostFact::Unseen("/b".to_owned(), why));
        let step = session.advance(Instant::now());
        let (status, answer) = refused(&mut session, step);
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains(r#"cannot tell whether \"/b\""#), "{answer}");
        assert!(answer.contains(words), "{answer}");
        // What is seen later is of no use.
        session.found(fact(&["/a".to_owned(), "/b".to_owned()]));
        assert_eq!(session.advance(Instant::now()), Step::Hangup);
        assert_eq!(left(&mut session), "");
    }
}

#[test]
fn a_daemon_that_ends_meanwhile_is_dialled_again() {
    let mut session = session();
    creates(&mut session, r#""Binds":["/a:/a"]"#);
    assert_eq!(session.advance(Instant::now()), asks(&["/a"]));
    session.daemon_gone();
    session.daemon_ended();
    assert_eq!(session.advance(Instant::now()), Step::Hangup);
    session.found(fact(&["/a".to_owned()]));
    assert_eq!(session.advance(Instant::now()), Step::Dial);
    session.connected();
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert!(left(&mut session).contains(r#""Binds":["/a:/a"]"#));
}

#[test]
fn a_daemon_that_ends_a_used_connection_meanwhile_ends_the_clients() {
    let mut session = session();
    gets(session.up(), "GET /_ping HTTP/1.1\r\n\r\n");
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    left(&mut session);
    answers(&mut session, "OK");
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    let answer = session.down().leaving().len();
    session.down().left(answer);
    assert!(matches!(session.advance(Instant::now()), Step::Report(_)));
    creates(&mut session, r#""Binds":["/a:/a"]"#);
    assert_eq!(session.advance(Instant::now()), asks(&["/a"]));
    session.daemon_ended();
    let step = session.advance(Instant::now());
    assert!(matches!(&step, Step::Report(outcome) if outcome.status.is_none()), "{step:?}");
    assert_eq!(left(&mut session), "");
    assert_eq!(session.down().leaving(), b"");
}

/// Returns the question to the daemon about a bodiless request, which must stay whole after it.
#[test]
fn a_request_without_a_body_waits_for_the_daemons_answer() {
    let mut session = session();
    let head = "POST /volumes/create HTTP/1.1\r\nHost: d\r\n\r\n";
    gets(session.up(), &format!("{head}GET /_ping HTTP/1.1\r\n\r\n"));
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert_eq!(left(&mut session), "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n");
    gets(session.down(), "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK");
    assert_eq!(session.advance(Instant::now()), Step::Wait);
    assert_eq!(left(&mut session), head);
    assert_eq!(session.down().leaving(), b"");
}

/// No judgement lacks a fact before it has seen a body, yet: it is made by hand.
#[test]
fn a_body_stays_in_the_lane_while_the_daemon_is_asked() {
    let settings = ListenerSettings::default();
    let mut lanes = Lanes::default();
    let request = "POST /images/load HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let decision = decide(&settings.profile, request.as_bytes()).unwrap();
    let call = Call::new(Instant::now(), lanes.traffic());
    gets(&mut lanes.up, "3\r\nabc\r\n");
    let head = request.as_bytes().to_vec();
    let mut notes = Vec::new();
    let now = Instant::now();
    let mut hand = Hand { lanes: &mut lanes, notes: &mut notes, settings: &settings, now };
    let mut asking = Asking::new(Held::new(call, head, decision.target, decision.traits));
    let needs = vec![Need::Daemon(Question::Container("c".to_owned()))];
    let draft = Some(Edited { target: Some("/images/load?x".to_owned()), ..Edited::default() });
    let need = Judgement::Need { needs, draft };
    assert!(matches!(asking.judged(need, &mut hand), Ok(Progress::Moved)));
    let question = hand.lanes.up.leaving().to_vec();
    assert!(question.starts_with(b"GET /containers/c/json "));
    hand.lanes.up.left(question.len());
    assert!(matches!(asking.advance(&mut hand), Ok(Progress::Waits)));
    // More of the body comes meanwhile, and none of it leaves.
    gets(&mut hand.lanes.up, "0\r\n\r\n");
    assert_eq!(hand.lanes.up.leaving(), b"");
    let content = r#"{"Mounts":[]}"#;
    let length = content.len();
    gets(
        &mut hand.lanes.down,
        &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{content}"),
    );
    let progress = asking.advance(&mut hand);
    let Ok(Progress::Next(Next::Sent(upload))) = progress else { panic!("{progress:?}") };
    assert!(asking.held.leaves_body());
    assert!(matches!(upload, Upload::Sending(Body::ChunkSize)));
    let head = request.replace("/images/load", "/images/load?x");
    assert_eq!(hand.lanes.up.leaving(), head.as_bytes());
    assert_eq!(hand.lanes.up.unseen(), b"3\r\nabc\r\n0\r\n\r\n");
}
