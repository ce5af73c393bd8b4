//! All known ways to create something without the labels, on a real engine.
//!
//! Each attack is one line of a table ([`raw`]: bytes, [`scripts`]: the docker command). It runs first on the
//! daemon's own socket, where it must work: it leaves a resource that is unlabelled, outside the cgroup
//! parent, or has the daemon's socket. Then it runs through the proxy. At the end all resources of the daemon
//! are checked. `exceptions.txt` is the closed list of resources that may be unlabelled.
//!
//! The attacks are not part of `tests/engine` because they list all resources of the engine, remove new ones,
//! and leave its swarm: they need an engine of their own. `tests/attacks/run` starts one; otherwise they find
//! the engine like `tests/engine`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod exceptions;
mod inventory;
mod raw;
mod scripts;
mod stage;
#[path = "../engine/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests on the engine")]
mod support;

use stage::{Stage, Wanted};

#[test]
#[ignore = "wants an engine of its own: tests/attacks/run"]
fn nothing_escapes() {
    let Some(mut stage) = Stage::open() else { return };
    for (way, request, body, wanted, works_on) in raw::ATTACKS {
        stage.play(way, (works_on, *request), wanted, |side| side.send(request, body));
    }
    stage.play("above the limit", ("20 28 29 podman", ""), &Wanted::Refused, |side| {
        let body = format!(r#"{{"X":"{}"}}"#, "x".repeat(17 << 20));
        side.send("POST /volumes/create", &body)
    });
    for (way, script, wanted, works_on) in scripts::ATTACKS {
        stage.play(way, (works_on, ""), wanted, |side| side.run(script));
    }
    stage.look_at_everything();
}
