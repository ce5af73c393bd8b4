use crate::engine::{Upgrade, route};

#[test]
fn creating_requests_are_recognized() {
    for path in [
        "containers/create",
        "pods/create",
        "play/kube",
        "build",
        "commit",
        "volumes/create",
        "new",
    ] {
        for version in ["", "/v5.0.0", "/v4.0.0-rc1"] {
            let path = format!("{version}/libpod/{path}");
            assert_eq!(route("POST", path.as_bytes()).name, "LibpodCreate", "{path}");
            assert_eq!(route("GET", path.as_bytes()).name, "Libpod", "{path}");
        }
    }
    for path in ["containers/x/attach", "exec/x/start"] {
        let operation = route("POST", format!("/v5.0.0/libpod/{path}").as_bytes());
        assert_eq!((operation.name, operation.upgrade), ("Libpod", Upgrade::Hijack), "{path}");
    }
    for path in ["containers/x/start", "images/a/b/push", "system/prune"] {
        assert_eq!(route("POST", format!("/libpod/{path}").as_bytes()).name, "Libpod", "{path}");
    }
}
