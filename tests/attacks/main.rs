//! Every way that we know to create something around the labels, on a real engine.
//!
//! Each attack is one line of a table ([`raw`]: bytes, [`scripts`]: the docker command). It is
//! first played on the daemon's own socket, where it must work: something is there afterwards that
//! is unlabelled, outside the cgroup parent, or has the daemon's socket. Then it is played through
//! the proxy. In the end everything that is on the daemon is looked at. What may be unlabelled all
//! the same is the closed list in `exceptions.txt`.
//!
//! These are not among the tests in `tests/engine` because they look at all that is on the engine,
//! remove what is new, and leave its swarm: they want one that nobody else uses. `tests/attacks/run`
//! starts one for them; by themselves they find it as the tests in `tests/engine` do.

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
