//! Law: a body that a rule refuses for its values is refused in every spelling that Go reads alike; `explain`
//! reports the same verdict as the proxy. The number of blanks before the document chooses request, rules and
//! spelling.
#![no_main]

use dockerd_ci_proxy::cli::Exit;
use dockerd_ci_proxy::cli::explain::explain;
use dockerd_ci_proxy::rules::paths::PathRules;
use libfuzzer_sys::fuzz_target;
use support::policies::{self, TARGETS, is_about_values, respelled, verdict};
use support::random::Random;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|body: &str| {
    let blanks = body.len() - body.trim_start_matches(' ').len();
    let mut random = Random::new(blanks as u64);
    let target = random.pick(TARGETS);
    let policy = policies::random(target, &mut random);
    let profile = policies::profile(policy, &mut random);
    let plain = verdict(&profile, target, body.as_bytes());
    if is_about_values(&plain) {
        let other = respelled(body, &mut random);
        assert!(verdict(&profile, target, other.as_bytes()).is_err(), "{other}");
    }
    // Without a body there is a question about the daemon's version.
    if !body.is_empty() {
        let explained =
            explain(&profile, &PathRules::default(), "POST", target, Some(body.as_bytes())).unwrap();
        assert_eq!(matches!(explained.exit, Exit::Failed), plain.is_err(), "{target} {body}");
    }
});
