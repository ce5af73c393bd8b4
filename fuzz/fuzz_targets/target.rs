//! Law: what Go's router takes for a creating request never passes as it came.
#![no_main]

use dockerd_ci_proxy::proxy::{Way, decide};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|target: &str| {
    let head = format!("POST {target} HTTP/1.1\r\nContent-Length: 2\r\n\r\n");
    let Ok(decision) = decide(&support::player::injection(), head.as_bytes()) else { return };
    let passes = matches!(decision.way, Way::AsItCame);
    assert!(!passes || support::naive::creates("POST", target).is_none());
});
