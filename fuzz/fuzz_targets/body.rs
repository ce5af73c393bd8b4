//! Law: a rewritten body carries what is forced, to Go's decoder, and all else as it was.
#![no_main]

use dockerd_ci_proxy::engine::carriers::{CONTAINER, LABELLED, SERVICE};
use dockerd_ci_proxy::rules::body::rewrite;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|before: &str| {
    let injection = support::player::injection();
    for carrier in [&CONTAINER, &LABELLED, &SERVICE] {
        let Ok(after) = rewrite(&injection, carrier, before.as_bytes()) else { continue };
        let text = str::from_utf8(&after).unwrap();
        support::go_json::assert_forced(carrier, &injection, before, text);
        assert_eq!(rewrite(&injection, carrier, &after).as_ref(), Ok(&after));
    }
});
