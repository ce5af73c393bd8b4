//! Bodies and targets, read by Go itself in the program under `tests/go`.

use std::cell::Cell;

use dockerd_ci_proxy::engine::shapes::{CONTAINER, LABELLED, SERVICE};

use crate::bodies::{document, rewritten};
use crate::support::go::{self, Routed};
use crate::support::random::check;
use crate::{queries, routing};

#[test]
fn gos_own_decoder_finds_what_is_forced_and_all_else_as_it_was() {
    if !go::is_here() {
        return;
    }
    let understood = Cell::new(0);
    check(20_000, |random| {
        let before = document(random);
        for shape in [&CONTAINER, &LABELLED, &SERVICE] {
            if let Some(after) = rewritten(shape, before.as_bytes()) {
                let after = str::from_utf8(&after).unwrap();
                let both = go::assert_forced(shape, &before, after);
                understood.set(understood.get() + usize::from(both));
            }
        }
    });
    let seeded = std::env::var("DCP_SEED").is_ok();
    assert!(seeded || understood.get() > 5_000, "only {} were understood", understood.get());
}

#[test]
fn go_routes_a_target_as_we_do_and_finds_in_our_query_what_is_forced() {
    if !go::is_here() {
        return;
    }
    let count = |wanted| {
        let counted = Cell::new(0);
        check(20_000, |random| {
            let target = match random.below(2) {
                0 => routing::target(random),
                _ => queries::target(random),
            };
            let method = random.pick(&["POST", "POST", "POST", "GET", "PUT", "post"]);
            counted.set(counted.get() + usize::from(go::assert_routed(method, &target) == wanted));
        });
        counted.get()
    };
    let rewritten = count(Routed::Rewritten);
    let seeded = std::env::var("DCP_SEED").is_ok();
    assert!(seeded || rewritten > 2_000, "only {rewritten} were rewritten");
}

/// Targets that the proxy once read differently from Go, and similar ones.
#[test]
fn go_routes_odd_targets_as_we_do() {
    if !go::is_here() {
        return;
    }
    for target in [
        "/v1.41/containers/create",
        "/v/containers/create",
        "/v.%2Fcontainers/create",
        "//d/containers/create",
        "http:containers/create",
        "http:/containers/create",
        "http:///containers/create",
        "http://u:p@[::1]:80/containers/create",
        "/build?labels=a;b&labels=%7B%7D",
        "/build?%6cabels=%7B%22ci.job%22:%229%22%7D&Labels=x",
        "/commit?changes=LABEL%20ci.job=9&%63hanges=CMD%20x",
        "/images/create?fromSrc=-&fromimage=x",
        "/services/a%2Fb/update",
        "/configs//update",
        "/v1.41(/build?t=x",
        "/v1.41/services/a/b/update",
    ] {
        go::assert_routed("POST", target);
    }
}
