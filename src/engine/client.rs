//! The proxy's own requests, as bytes.

use std::fmt;

use super::Api;
use crate::http::target::{encode_component, encode_path};

/// Asks for the description of an image, for `platform`, which is JSON, if the version may support that.
#[must_use]
pub fn inspect_image(api: Api, name: &str, platform: Option<&str>) -> Vec<u8> {
    match platform {
        Some(platform) if api.has_platforms() => {
            image(api, name, &format!("?platform={}", encode_component(platform)))
        }
        Some(_) | None => image(api, name, ""),
    }
}

/// Asks for the platforms of an image.
#[must_use]
pub fn list_platforms(api: Api, name: &str) -> Vec<u8> {
    image(api, name, "?manifests=1")
}

fn image(api: Api, name: &str, query: &str) -> Vec<u8> {
    get(format_args!("{}/images/{}/json{query}", api.prefix(), encode_path(name)))
}

/// Asks for the description of a container.
#[must_use]
pub fn inspect_container(name: &str) -> Vec<u8> {
    get(format_args!("/containers/{}/json", encode_path(name)))
}

/// Asks for a response whose head has the daemon's version.
#[must_use]
pub fn ping() -> Vec<u8> {
    get(format_args!("/_ping"))
}

/// Creates a volume unless one of this name exists. Name, driver and labels are JSON.
#[must_use]
pub fn create_volume(name: &str, driver: &str, labels: &str) -> Vec<u8> {
    let body = format!(r#"{{"Name":{name},"Driver":{driver},"Labels":{labels}}}"#);
    post(format_args!("/volumes/create"), &body)
}

/// Asks for the things that all `values` of a filter match. `list` is the path of a list with a query that ends in
/// `filters=`.
#[must_use]
pub fn list(list: &str, filter: &str, values: &[String]) -> Vec<u8> {
    let filters = serde_json::json!({ filter: values }).to_string();
    get(format_args!("{list}{}", encode_component(&filters)))
}

/// Asks for the description of a network.
#[must_use]
pub fn inspect_network(id: &str) -> Vec<u8> {
    get(format_args!("/networks/{}", encode_path(id)))
}

/// Stops a container: its processes get `seconds` before they are killed.
#[must_use]
pub fn stop_container(id: &str, seconds: u64) -> Vec<u8> {
    post(format_args!("/containers/{}/stop?t={seconds}", encode_path(id)), "")
}

/// Takes a container off a network, even if the daemon does not know the container any more.
#[must_use]
pub fn disconnect(network: &str, container: &str) -> Vec<u8> {
    let body = serde_json::json!({ "Container": container, "Force": true }).to_string();
    post(format_args!("/networks/{}/disconnect", encode_path(network)), &body)
}

/// Removes a thing. `collection` is the path before its id, and `query` is empty or begins with `?`.
#[must_use]
pub fn remove(collection: &str, id: &str, query: &str) -> Vec<u8> {
    let id = encode_path(id);
    format!("DELETE {collection}{id}{query} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes()
}

/// Calls a plugin (`moby.plugins.http/v1`). `message` is empty or JSON.
#[must_use]
pub fn call_plugin(method: &str, message: &str) -> Vec<u8> {
    let end = if message.is_empty() { "" } else { "\n" };
    let length = message.len() + end.len();
    format!(
        "POST /{method} HTTP/1.1\r\nHost: plugin.moby.localhost\r\n\
         Accept: application/vnd.docker.plugins.v1.2+json\r\n\
         Connection: close\r\nContent-Length: {length}\r\n\r\n{message}{end}"
    )
    .into_bytes()
}

fn post(target: fmt::Arguments<'_>, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: docker\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn get(target: fmt::Arguments<'_>) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests;
