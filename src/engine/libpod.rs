//! Podman's own API below `/libpod`, as far as it has to be told whether a request may create
//! something. Its bodies carry labels in other places, which are not rewritten.

use super::{Carrier, Operation, Upgrade, matches};

/// Requests that read, or change what is there.
pub(super) const LIBPOD: Operation = Operation {
    name: "Libpod",
    method: "",
    path: "/libpod",
    carrier: Carrier::Nothing,
    upgrade: Upgrade::Unknown,
};

/// Requests that may create.
pub(super) const LIBPOD_CREATE: Operation = Operation {
    name: "LibpodCreate",
    method: "",
    path: "/libpod",
    carrier: Carrier::Libpod,
    upgrade: Upgrade::Never,
};

/// What POST and PUT do without creating anything that could have labels. All that is not here,
/// newer operations too, may create.
const HARMLESS: &[&str] = &[
    "/containers/prune",
    "/containers/{}/archive",
    "/containers/{}/attach",
    "/containers/{}/checkpoint",
    "/containers/{}/exec",
    "/containers/{}/init",
    "/containers/{}/kill",
    "/containers/{}/mount",
    "/containers/{}/pause",
    "/containers/{}/rename",
    "/containers/{}/resize",
    "/containers/{}/restart",
    "/containers/{}/start",
    "/containers/{}/stop",
    "/containers/{}/unmount",
    "/containers/{}/unpause",
    "/containers/{}/update",
    "/containers/{}/wait",
    "/exec/{}/resize",
    "/exec/{}/start",
    "/images/load",
    "/images/prune",
    "/images/pull",
    "/images/{}/push",
    "/images/{}/tag",
    "/images/{}/untag",
    "/networks/prune",
    "/networks/{}/connect",
    "/networks/{}/disconnect",
    "/pods/prune",
    "/pods/{}/kill",
    "/pods/{}/pause",
    "/pods/{}/restart",
    "/pods/{}/start",
    "/pods/{}/stop",
    "/pods/{}/unpause",
    "/system/prune",
    "/volumes/prune",
];

/// The operation for `method` on `path`, which stands behind `/libpod`.
pub(super) fn route(method: &str, path: &[u8]) -> &'static Operation {
    let reads = ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&method);
    let harmless = || HARMLESS.iter().any(|template| matches(template.as_bytes(), path));
    if reads || harmless() { &LIBPOD } else { &LIBPOD_CREATE }
}

#[cfg(test)]
mod tests {
    use crate::engine::route;

    #[test]
    fn what_may_create_is_told_from_what_may_not() {
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
        for path in ["containers/x/start", "exec/x/start", "images/a/b/push", "system/prune"] {
            assert_eq!(
                route("POST", format!("/libpod/{path}").as_bytes()).name,
                "Libpod",
                "{path}"
            );
        }
    }
}
