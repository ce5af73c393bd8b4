//! Law: in a rewritten body every value that is forced is there and final, to Go's decoder and to one
//! for which the last member of a name counts, and all else is as it was; a second rewriting changes
//! nothing. Or the body is refused.
//!
//! Go is asked itself where there is one; a dull reader of its kind always is.
#![no_main]

use dockerd_ci_proxy::engine::carriers::{CONTAINER, LABELLED, SERVICE};
use dockerd_ci_proxy::rules::body::rewrite;
use dockerd_ci_proxy::rules::errands::Known;
use libfuzzer_sys::fuzz_target;
use support::{go, go_json, player};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|before: &str| {
    let injection = player::injection();
    for carrier in [&CONTAINER, &LABELLED, &SERVICE] {
        let rewrite = |body: &[u8]| rewrite(&injection, carrier, &Known::default(), body);
        let Ok(after) = rewrite(before.as_bytes()) else { continue };
        let text = str::from_utf8(&after.body).unwrap();
        go_json::assert_forced(carrier, before, text);
        if go::is_here() {
            go::assert_forced(carrier, before, text);
        }
        assert_eq!(rewrite(&after.body).map(|again| again.body).as_ref(), Ok(&after.body));
    }
});
