//! The Go program under `tests/go`, which reports how a daemon reads a request.
//!
//! Without Go, the comparison is skipped with a message; with `DCP_TEST_REQUIRE_ENGINE=1` it fails.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::Payload;
use dockerd_ci_proxy::http::render;
use dockerd_ci_proxy::proxy::decide;
use dockerd_ci_proxy::rules::{Edited, Judgement};
use serde_json::{Map, Value, json};

use super::player::profile;
use super::rules::Rule;
use super::transcript::tests;
use super::{forced, naive, options};

/// The program, which runs as long as the test process.
struct Go {
    _child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// One program for all tests of a process.
static GO: LazyLock<Option<Mutex<Go>>> = LazyLock::new(start);

/// Returns `true` if Go is installed.
pub fn is_here() -> bool {
    GO.is_some()
}

/// Fails unless Go decodes `after` like `before` with the forced values. Returns `true` if Go could decode
/// both.
pub fn assert_forced(shape: &JsonShape, before: &str, after: &str) -> bool {
    let [seen, got] = [before, after].map(|body| ask(&json!({ "Body": body })));
    if seen.is_null() {
        // The daemon refuses the original. The rewriting may have removed the reason; then all forced values are
        // present.
        assert!(got.is_null() || got["Labels"]["ci.job"] == "7", "\n{before}\n{after}");
        return false;
    }
    assert_eq!(forced::document(seen, forced::route_of(shape)), got, "\n{before}\n{after}");
    true
}

/// Fails unless Go decodes from `after` the options that the model makes of those in `before`. Returns `true`
/// if Go could decode both.
pub fn assert_options(
    shape: &JsonShape,
    target: &str,
    rules: &[Rule],
    before: &str,
    after: &str,
) -> bool {
    let [seen, got] =
        [before, after].map(|body| ask(&json!({ "Options": body, "Target": target })));
    if seen.is_null() || got.is_null() {
        // The daemon refuses it. The rewriting may have removed the reason, but adds none.
        assert!(seen.is_null(), "\n{before}\n{after}");
        return false;
    }
    let wanted = options::document(shape, rules, seen).unwrap();
    assert_eq!(settled(wanted), settled(got), "\n{before}\n{after}");
    true
}

/// Returns `value` without empty values, which are as good as absent unless Go decodes a pointer.
fn settled(value: Value) -> Value {
    let is_empty = |value: &Value| {
        [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})].contains(value)
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, settled(value)));
            let pointers = ["Init", "PidsLimit", "MemorySwappiness"];
            members
                .filter(|(name, value)| !is_empty(value) || pointers.contains(&&**name))
                .collect()
        }
        Value::Array(elements) => elements.into_iter().map(settled).collect(),
        value => value,
    }
}

/// A request target as a daemon reads it.
struct Target {
    /// The creating routes that match it.
    routes: Vec<String>,
    /// The values of each key of the query.
    form: Map<String, Value>,
    /// The query is malformed, so that most endpoints refuse it.
    bad_form: bool,
}

/// Result for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routed {
    /// It creates nothing.
    Harmless,
    /// It creates something, and the proxy or Go refuses it.
    Refused,
    /// It creates something, and is rewritten.
    Rewritten,
}

/// Fails unless the request is refused, or handled as the operation that Go routes it to; and unless Go reads
/// the proxy's query as the client's with the forced values.
pub fn assert_routed(method: &str, target: &str) -> Routed {
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n");
    let Some(before) = read(method, target) else { return Routed::Refused };
    let Ok(decision) = decide(&profile(), head.as_bytes()) else { return Routed::Refused };
    let [route] = &before.routes[..] else {
        assert!(before.routes.is_empty(), "{target} is ambiguous: {:?}", before.routes);
        return Routed::Harmless;
    };
    if let Judgement::Refuse(_) = decision.judgement {
        return Routed::Refused;
    }
    assert_eq!(decision.operation.path, route, "{target}");
    match decision.judgement {
        Judgement::Pass { .. } => {
            let pulls = before.form.get("fromImage").is_some_and(|images| images[0] != "");
            assert!(route == "/images/create" && pulls, "{target} passes");
            return Routed::Harmless;
        }
        Judgement::Edit(Edited { target: Some(target), .. }) => {
            let head = render::with_target(head.as_bytes(), decision.target, &target);
            let (request, _) = naive::head(&head).unwrap();
            let after = read(&request.method, &request.target).unwrap();
            assert!(!before.bad_form && !after.bad_form, "{target}");
            assert_eq!(after.routes, [&**route], "{target}");
            forced::assert_form(route, before.form, after.form);
        }
        Judgement::Gather { .. } => {
            let Payload::Body(shape) = decision.operation.payload else { panic!("{target}") };
            assert_eq!(forced::route_of(shape), forced::like(route), "{target}");
        }
        judgement => panic!("{target}: {judgement:?}"),
    }
    Routed::Rewritten
}

fn read(method: &str, target: &str) -> Option<Target> {
    let answer = ask(&json!({ "Method": method, "Target": target }));
    let routes = answer.get("Routes")?.as_array().unwrap();
    Some(Target {
        routes: routes.iter().map(|route| route.as_str().unwrap().to_owned()).collect(),
        form: answer["Form"].as_object().unwrap().clone(),
        bad_form: answer["BadForm"].as_bool().unwrap(),
    })
}

fn ask(question: &Value) -> Value {
    let Some(go) = &*GO else { panic!("nobody asks who has not seen that it is here") };
    let mut go = go.lock().unwrap_or_else(PoisonError::into_inner);
    go.questions.write_all(format!("{question}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    go.answers.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}

fn start() -> Option<Mutex<Go>> {
    let answers = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !answers {
        super::skip::skip("the comparison with Go itself", "there is no go command");
        return None;
    }
    let mut child = Command::new("go")
        .args(["run", "."])
        .current_dir(tests().join("go"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let questions = child.stdin.take().unwrap();
    let answers = BufReader::new(child.stdout.take().unwrap());
    Some(Mutex::new(Go { _child: child, questions, answers }))
}
