//! Law: Go finds the operator's labels and cgroup parent in the query of a build, once.
#![no_main]

use dockerd_ci_proxy::proxy::{Way, decide};
use libfuzzer_sys::fuzz_target;
use support::naive;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|query: &str| {
    let injection = support::player::injection();
    let head = format!("POST /build?{query} HTTP/1.1\r\n\r\n");
    let Ok(decision) = decide(&injection, head.as_bytes()) else { return };
    let Way::NewHead(head) = decision.way else { return };
    let (request, _) = naive::head(&head).unwrap();
    support::labelled::assert_labelled(&injection, &request);
    let query = naive::query(&request.target);
    assert_eq!(query.iter().filter(|pair| pair.0.eq_ignore_ascii_case(b"labels")).count(), 1);
});
