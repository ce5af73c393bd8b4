//! Requests of the benches.

use super::content::{Message, once};

/// The body of a typical container create of a CI job's docker command: 2.5 KiB.
const CREATE: &str = include_str!("create.json");

/// A request with a JSON body.
pub(crate) fn post(target: &str, body: &str) -> Message {
    let length = body.len();
    vec![once(format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/24.0.7 (linux)\r\n\
         Content-Length: {length}\r\nContent-Type: application/json\r\n\r\n{body}"
    ))]
}

/// A request without a body.
pub(crate) fn get(target: &str) -> Message {
    vec![once(format!(
        "GET {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/24.0.7 (linux)\r\n\r\n"
    ))]
}

/// The head of a request whose body follows.
pub(crate) fn upload(target: &str, framing: &str) -> Message {
    vec![once(format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: Docker-Client/24.0.7 (linux)\r\n\
         Content-Type: application/x-tar\r\n{framing}\r\n\r\n"
    ))]
}

/// A request that turns its connection into a tunnel.
pub(crate) fn attach(what: &str) -> Message {
    vec![once(format!(
        "POST /v1.43/containers/c0ffee/attach?{what}&stream=1 HTTP/1.1\r\nHost: docker\r\n\
         User-Agent: Docker-Client/24.0.7 (linux)\r\nContent-Length: 0\r\n\
         Connection: Upgrade\r\nContent-Type: text/plain\r\nUpgrade: tcp\r\n\r\n"
    ))]
}

/// A container create.
pub(crate) fn create() -> Message {
    post("/v1.43/containers/create", CREATE)
}

/// A container create of almost the same length without an image, so that the proxy asks no question about
/// one. A real daemon would refuse it; the one of the benches does not.
pub(crate) fn create_unasked() -> Message {
    post("/v1.43/containers/create", &CREATE.replacen("\"Image\"", "\"Imago\"", 1))
}

/// Both creates without mounts. Mounts cause calls of openat2(2), which valgrind does not support.
pub(crate) fn creates_unmounted() -> [Message; 2] {
    let (before, behind) = CREATE.split_once("\"Binds\":[").unwrap();
    let (_, behind) = behind.split_once(']').unwrap();
    let body = format!("{before}\"Binds\":[]{behind}");
    ["\"Image\"", "\"Imago\""]
        .map(|name| post("/v1.43/containers/create", &body.replacen("\"Image\"", name, 1)))
}

/// A container create for a real daemon, with a name and with the image and folders of the engine tests
/// (`tests/engine/images`).
pub(crate) fn create_real(name: &str) -> Message {
    let image = std::env::var("DCP_TEST_IMAGE");
    let image = image.unwrap_or_else(|_| "localhost:1/dcp-test-busybox:latest".to_owned());
    let body = CREATE
        .replacen("registry.example/ci/build-base:12", &image, 1)
        .replacen("\"/builds/web/shop:", "\"/tmp:", 1)
        .replacen("\"/cache/web:", "\"/var/tmp:", 1);
    post(&format!("/v1.41/containers/create?name={name}"), &body)
}

/// Removes the container called `name`.
pub(crate) fn remove(name: &str) -> Message {
    vec![once(format!("DELETE /v1.41/containers/{name} HTTP/1.1\r\nHost: docker\r\n\r\n"))]
}

/// A volume create, as the docker command sends it.
pub(crate) fn volume() -> Message {
    post(
        "/v1.43/volumes/create",
        "{\"Driver\":\"local\",\"DriverOpts\":{},\"Labels\":{},\"Name\":\"cache\"}\n",
    )
}

/// A network create, as the docker command sends it.
pub(crate) fn network() -> Message {
    post(
        "/v1.43/networks/create",
        "{\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"Scope\":\"\",\"EnableIPv6\":false,\
         \"IPAM\":{\"Driver\":\"default\",\"Options\":{},\"Config\":[]},\"Internal\":false,\
         \"Attachable\":false,\"Ingress\":false,\"ConfigOnly\":false,\"ConfigFrom\":null,\
         \"Options\":{},\"Labels\":{},\"Name\":\"shop\"}\n",
    )
}
