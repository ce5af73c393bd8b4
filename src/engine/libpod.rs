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

/// Requests after which the connection carries a raw stream.
pub(super) const LIBPOD_HIJACK: Operation = Operation { upgrade: Upgrade::Hijack, ..LIBPOD };

/// Requests that may create.
pub(super) const LIBPOD_CREATE: Operation = Operation {
    name: "LibpodCreate",
    method: "",
    path: "/libpod",
    carrier: Carrier::Libpod,
    upgrade: Upgrade::Never,
};

/// What a POST makes a raw stream of the connection.
const HIJACKS: &[&str] = &["/containers/{}/attach", "/exec/{}/start"];

/// What POST and PUT do without creating anything that could have labels. All that is not here,
/// newer operations too, may create.
const HARMLESS: &[&str] = &[
    "/containers/prune",
    "/containers/{}/archive",
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
    let is_one = |of: &[&str]| of.iter().any(|template| matches(template.as_bytes(), path));
    match method {
        "POST" if is_one(HIJACKS) => &LIBPOD_HIJACK,
        _ if reads || is_one(HARMLESS) => &LIBPOD,
        _ => &LIBPOD_CREATE,
    }
}

#[cfg(test)]
mod tests;
