use super::*;

#[test]
fn ambiguous_paths_are_recognized() {
    assert!(is_plain(b"/moby.buildkit.v1.frontend.LLBBridge/Solve"));
    for odd in [
        "moby.buildkit.v1.Control/Solve",
        "//moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control/Solve/",
        "/x/moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control/S%6flve",
        "/moby.buildkit.v1.Control/Solve?x",
        "/moby.buildkit.v1.Control/Solve#x",
        "/moby.buildkit.v1.Control/Sol\u{17f}ve",
        "http://d/moby.buildkit.v1.Control/Solve",
        "/moby.buildkit.v1.Control",
        "/",
        "*",
        "",
    ] {
        assert!(!is_plain(odd.as_bytes()), "{odd}");
    }
}

#[test]
fn nothing_of_the_engine_api_is_a_service() {
    assert!(is_service(b"/moby.buildkit.v1.Control/Solve"));
    assert!(is_service(b"/grpc.health.v1.Health/Check"));
    for other in ["/containers/create", "/v1.41/build", "/v1.51/commit", "/build", "/a/b.c"] {
        assert!(!is_service(other.as_bytes()), "{other}");
    }
}
