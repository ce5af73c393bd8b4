//! The JSON bodies once more, before the real decoder: Go's own, in the program under `tests/go`.
//!
//! Without Go on the machine this is skipped, loudly; with `DCP_TEST_REQUIRE_ENGINE=1` that is a
//! failure.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use dockerd_ci_proxy::engine::JsonCarrier;
use dockerd_ci_proxy::engine::carriers::{CONTAINER, LABELLED, SERVICE, Storage};
use serde_json::{Map, Value, json};

use crate::bodies::{document, rewritten};
use crate::support::player;
use crate::support::random::check;

/// One rewritten body.
struct Case {
    carrier: &'static JsonCarrier,
    before: String,
    after: String,
}

#[test]
fn gos_own_decoder_finds_what_is_forced_and_all_else_as_it_was() {
    if !has_go() {
        return;
    }
    let cases = std::cell::RefCell::new(Vec::new());
    check(4_000, |random| {
        let before = document(random);
        for carrier in [&CONTAINER, &LABELLED, &SERVICE] {
            if let Some(after) = rewritten(carrier, before.as_bytes()) {
                let after = String::from_utf8(after).unwrap();
                cases.borrow_mut().push(Case { carrier, before: before.clone(), after });
            }
        }
    });
    let cases = cases.into_inner();
    assert!(cases.len() > 2_000, "only {} were accepted", cases.len());
    let befores = decode(cases.iter().map(|case| case.before.as_str()));
    let afters = decode(cases.iter().map(|case| case.after.as_str()));
    let mut compared = 0;
    for ((case, before), after) in cases.iter().zip(befores).zip(afters) {
        compared += usize::from(judge(case, before, &after));
    }
    assert!(compared > 1_000, "only {compared} were understood by Go");
}

/// Fails unless `after` is `before` with what is forced; tells whether Go understood both.
fn judge(case: &Case, before: Value, after: &Value) -> bool {
    let (Value::Object(mut wanted), false) = (before, after.is_null()) else {
        // What Go refuses creates nothing; but the rewriting must not be what it stumbles over.
        assert!(!after.is_null() || case.before.trim() != "null", "{}", case.after);
        return false;
    };
    force(case.carrier, &mut wanted);
    assert_eq!(&Value::Object(wanted), after, "\n{}\n{}", case.before, case.after);
    true
}

/// What Go must see after the rewriting, where it saw `seen` before.
fn force(carrier: &JsonCarrier, seen: &mut Map<String, Value>) {
    label(seen);
    if carrier.storage == Storage::Container {
        let host_config = seen.entry("HostConfig").or_insert(Value::Null);
        if host_config.is_null() {
            *host_config = json!({
                "CgroupParent": "", "Image": null, "Env": null, "X": null, "Memory": null,
                "Binds": null, "Mounts": null
            });
        }
        host_config["CgroupParent"] = json!(player::injection().cgroup_parent);
    }
    if carrier.storage == Storage::Service
        && let Some(Value::Object(spec)) = seen["TaskTemplate"].get_mut("ContainerSpec")
    {
        label(spec);
    }
}

fn label(seen: &mut Map<String, Value>) {
    let labels = seen.entry("Labels").or_insert(Value::Null);
    if labels.is_null() {
        *labels = json!({});
    }
    for label in player::injection().labels {
        labels[label.key] = json!(label.value);
    }
}

/// What Go makes of each of `bodies`.
fn decode<'b>(bodies: impl Iterator<Item = &'b str>) -> Vec<Value> {
    let input: String = bodies.map(|body| json!(body).to_string() + "\n").collect();
    let mut go = Command::new("go")
        .args(["run", "."])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = go.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = go.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn has_go() -> bool {
    let answers = Command::new("go").arg("version").output().is_ok_and(|out| out.status.success());
    if !answers {
        let required = std::env::var("DCP_TEST_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
        assert!(!required, "DCP_TEST_REQUIRE_ENGINE=1, but there is no go command");
        let _ = std::io::stderr().write_all(
            b"\n** SKIPPED: the comparison with Go's own decoder; there is no go command\n\
              ** To run everything:  tests/run\n",
        );
    }
    answers
}
