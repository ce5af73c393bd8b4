//! Law: a rewritten body carries what is forced, to Go's decoder, and all else as it was.
#![no_main]

use dockerd_ci_proxy::engine::carriers::{CONTAINER, LABELLED, SERVICE};
use dockerd_ci_proxy::rules::body::rewrite;
use dockerd_ci_proxy::rules::errands::Known;
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|before: &str| {
    let injection = support::player::injection();
    for carrier in [&CONTAINER, &LABELLED, &SERVICE] {
        let rewrite = |body: &[u8]| rewrite(&injection, carrier, &Known::default(), body);
        let Ok(after) = rewrite(before.as_bytes()) else { continue };
        let text = str::from_utf8(&after.body).unwrap();
        support::go_json::assert_forced(carrier, &injection, before, text);
        assert_eq!(rewrite(&after.body).map(|again| again.body).as_ref(), Ok(&after.body));
    }
});
