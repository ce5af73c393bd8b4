//! Podman's own API below `/libpod`: which requests may create objects. Its bodies carry labels in
//! other places and are not rewritten.

use super::shapes::{CONTAINER_UPDATE, EXEC};
use super::{Operation, Payload, Upgrade, matches};

/// Requests that read, or change existing objects.
pub(super) const LIBPOD: Operation = Operation {
    name: "Libpod",
    method: "",
    path: "/libpod",
    payload: Payload::Nothing,
    upgrade: Upgrade::Unknown,
};

/// Requests that turn the connection into a raw stream.
pub(super) const LIBPOD_HIJACK: Operation = Operation { upgrade: Upgrade::Hijack, ..LIBPOD };

/// Requests that may create objects.
pub(super) const LIBPOD_CREATE: Operation = Operation {
    name: "LibpodCreate",
    method: "",
    path: "/libpod",
    payload: Payload::Libpod,
    upgrade: Upgrade::Never,
};

/// Requests that run a process in a container.
pub(super) const LIBPOD_EXEC: Operation =
    Operation { payload: Payload::LibpodOptions(&EXEC), ..LIBPOD };

/// Requests that change the limits of a container.
pub(super) const LIBPOD_UPDATE: Operation =
    Operation { payload: Payload::LibpodOptions(&CONTAINER_UPDATE), ..LIBPOD };

/// POST paths that turn the connection into a raw stream.
const HIJACKS: &[&str] = &["/containers/{}/attach", "/exec/{}/start"];

/// POST and PUT paths that create nothing that could have labels. All other paths, newer ones
/// included, may create objects.
const HARMLESS: &[&str] = &[
    "/containers/prune",
    "/containers/{}/archive",
    "/containers/{}/checkpoint",
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

/// Returns the operation for `method` on the part of the path after `/libpod`.
pub(super) fn route(method: &str, path: &[u8]) -> &'static Operation {
    let reads = ["GET", "HEAD", "DELETE", "OPTIONS"].contains(&method);
    let is_one = |of: &[&str]| of.iter().any(|template| matches(template.as_bytes(), path));
    match method {
        "POST" if is_one(HIJACKS) => &LIBPOD_HIJACK,
        "POST" if is_one(&["/containers/{}/exec"]) => &LIBPOD_EXEC,
        "POST" if is_one(&["/containers/{}/update"]) => &LIBPOD_UPDATE,
        _ if reads || is_one(HARMLESS) => &LIBPOD,
        _ => &LIBPOD_CREATE,
    }
}

#[cfg(test)]
mod tests;
