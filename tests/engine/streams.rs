//! Responses that come in small pieces, which must not be delayed.

use crate::support::{Kind, Lab};

#[test]
fn logs_follow_the_container_and_end_with_it() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["-i"], "echo one; read line; echo two >&2; read line");
    let following = lab.docker.start(&["logs", "--follow", &container]);
    following.await_output("one");
    let mut typing = lab.docker.start(&["attach", &container]);
    typing.write(b"go on\n");
    until_logged(&lab, &container, "two");
    typing.write(b"enough\n");
    let finished = following.finish();
    assert_eq!(
        (finished.code, finished.out(), finished.err()),
        (Some(0), "one".into(), "two".into())
    );
    lab.same(&["logs", &container]);
}

fn until_logged(lab: &Lab, container: &str, text: &str) {
    crate::support::until("it is logged", || {
        let finished = lab.direct.run(&["logs", container]);
        finished.err().contains(text).then_some(())
    });
}

#[test]
fn events_are_seen_as_they_happen() {
    let Some(lab) = Lab::open() else { return };
    let before = lab.reserve(Kind::Volume, "before");
    lab.docker.ok(&["volume", "create", &before]);
    // The older event shows that the stream has begun; the newer one comes through it.
    let listening = lab.docker.start(&[
        "events",
        "--since",
        "1m",
        "--filter",
        "type=volume",
        "--format",
        "{{.Action}} {{.Actor.ID}}",
    ]);
    listening.await_output(&format!("create {before}"));
    let after = lab.reserve(Kind::Volume, "after");
    lab.docker.ok(&["volume", "create", &after]);
    listening.await_output(&format!("create {after}"));
}

#[test]
fn events_can_be_filtered_by_the_operators_label() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "true");
    let filter = format!("label=ci.job={}", lab.name);
    let until = lab.direct.ok(&["info", "--format", "{{.SystemTime}}"]);
    let events = lab.docker.ok(&[
        "events",
        "--since",
        "5m",
        "--until",
        &until,
        "--filter",
        &filter,
        "--format",
        "{{.Action}} {{.Actor.Attributes.name}}",
    ]);
    assert!(events.contains(&format!("create {container}")), "{events}");
}

#[test]
fn stats_are_told_once_or_for_ever() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    let once = lab.docker.ok(&["stats", "--no-stream", "--format", "{{.Name}}", &container]);
    assert_eq!(once, container);
    let streaming = lab.docker.start(&["stats", "--format", "{{.Name}}.", &container]);
    // Each round clears the screen first; two rounds show that it streams.
    streaming.await_times(&format!("{container}."), 2);
}
