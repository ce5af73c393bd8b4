//! Law: a request that Go routes to a creating operation is refused, or handled as that operation; and Go reads
//! the proxy's query as the client's with the forced values, once and final. The same holds for options of builds.
//!
//! The test asks a simple model of Go's router, and Go itself if it is installed.
#![no_main]

use dockerd_ci_proxy::http::render;
use dockerd_ci_proxy::proxy::decide;
use dockerd_ci_proxy::rules::{Edited, Judgement};
use libfuzzer_sys::fuzz_target;
use support::{build_rules, go, labelled, naive, player};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|target: &str| {
    let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\n\r\n");
    if let Ok(decision) = decide(&build_rules::profile(), head.as_bytes())
        && let Judgement::Edit(Edited { target: Some(edited), .. }) = decision.judgement
        && naive::creates("POST", target) == Some("/build")
    {
        build_rules::assert_query(target, &edited);
    }
    let Ok(decision) = decide(&player::profile(), head.as_bytes()) else { return };
    match decision.judgement {
        Judgement::Pass { .. } => assert_eq!(naive::creates("POST", target), None),
        Judgement::Edit(Edited { target: Some(target), .. }) => {
            let head = render::with_target(head.as_bytes(), decision.target, &target);
            let (request, _) = naive::head(&head).unwrap();
            labelled::assert_labelled(&player::profile(), &request);
        }
        Judgement::Gather { .. } | Judgement::Need { .. } | Judgement::Refuse(_) => {}
        judgement => panic!("{judgement:?}"),
    }
    if go::is_here() {
        go::assert_routed("POST", target);
    }
});
