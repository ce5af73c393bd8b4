//! Law: a request that Go routes to a creating operation is refused, or handled as that operation; and Go reads
//! the proxy's query as the client's with the forced values, once and final.
//!
//! The test asks a simple model of Go's router, and Go itself if it is installed.
#![no_main]

use dockerd_ci_proxy::proxy::{Way, decide};
use libfuzzer_sys::fuzz_target;
use support::{go, labelled, naive, player};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|target: &str| {
    let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\n\r\n");
    let Ok(decision) = decide(&player::injection(), head.as_bytes()) else { return };
    match decision.way {
        Way::AsItCame => assert_eq!(naive::creates("POST", target), None),
        Way::NewHead { head, .. } => {
            let (request, _) = naive::head(&head).unwrap();
            labelled::assert_labelled(&player::injection(), &request);
        }
        Way::NewBody(_) | Way::Refused(_) => {}
    }
    if go::is_here() {
        go::assert_routed("POST", target);
    }
});
