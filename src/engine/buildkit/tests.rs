use std::collections::BTreeSet;

use super::*;

#[test]
fn a_path_is_exactly_one_call() {
    for (path, name) in [
        ("/moby.buildkit.v1.Control/Solve", "BuildkitSolve"),
        ("/moby.buildkit.v1.frontend.LLBBridge/Solve", "BuildkitBridgeSolve"),
        ("/grpc.health.v1.Health/Watch", "BuildkitHealth"),
        ("/containerd.services.content.v1.Content/Read", "BuildkitContentRead"),
        ("/containerd.services.content.v1.Content/Reads", "BuildkitContent"),
        ("/moby.buildkit.v1.Control/Solve2", OTHER),
        ("/moby.buildkit.v1.Control/solve", OTHER),
        ("/moby.buildkit.v1.control/Solve", OTHER),
        ("/x/moby.buildkit.v1.Control/Solve", OTHER),
        ("", OTHER),
    ] {
        assert_eq!(named(path.as_bytes()), name, "{path}");
    }
}

#[test]
fn each_name_is_there_once() {
    let all: Vec<_> = names().collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert!(all.iter().all(|name| name.starts_with("Buildkit")));
}
