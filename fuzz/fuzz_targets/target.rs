//! Law: what Go routes to a creating operation is refused, or decided about as that operation; and
//! the query that we write reads to Go as the client's with what is forced, once and final.
//!
//! Go is asked itself where there is one; a dull reader of its kind always is.
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
