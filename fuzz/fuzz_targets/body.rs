//! Law: a body is refused, or rewritten. In a rewritten body every forced value is present and final, both for
//! Go's decoder and for one that takes the last member of a name; everything else is unchanged; and a second
//! rewriting changes nothing.
//!
//! The test asks a simple model of Go's decoder, and Go itself if it is installed.
//!
//! The same holds for rules on options. The number of blanks before the document chooses them.
#![no_main]

use dockerd_ci_proxy::engine::shapes::{CONTAINER, LABELLED, SERVICE};
use libfuzzer_sys::fuzz_target;
use support::option_bodies::SHAPES;
use support::random::Random;
use support::{bodies, go, go_json, options, player, rules};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|before: &str| {
    let profile = player::profile();
    for shape in [&CONTAINER, &LABELLED, &SERVICE] {
        let rewrite = |body: &[u8]| bodies::edited(&profile, shape, body);
        let Ok(after) = rewrite(before.as_bytes()) else { continue };
        let text = str::from_utf8(&after).unwrap();
        go_json::assert_forced(shape, before, text);
        if go::is_here() {
            go::assert_forced(shape, before, text);
        }
        assert_eq!(rewrite(&after).as_ref(), Ok(&after));
    }
    let blanks = before.len() - before.trim_start_matches(' ').len();
    let rules = rules::random(&mut Random::new(blanks as u64));
    let profile = rules::profile(&rules);
    for (shape, target) in SHAPES {
        let rewrite = |body: &[u8]| bodies::edited_at(&profile, target, body);
        let Ok(after) = rewrite(before.as_bytes()) else { continue };
        assert_eq!(rewrite(&after).as_ref(), Ok(&after));
        // Without a rule for the shape, nothing is read.
        if after != before.as_bytes() {
            options::assert_edited(shape, &rules, before, str::from_utf8(&after).unwrap());
        }
    }
});
