//! The Docker Engine API as data: which request is which operation, where it carries labels,
//! whether it leaves HTTP. It does not know what anyone wants injected.

pub mod carriers;
mod class;
mod libpod;
mod operations;

pub use carriers::JsonCarrier;
pub use class::Class;

/// One operation of the Engine API.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// What the API's description calls it (operationId).
    pub name: &'static str,
    /// The method; case matters.
    pub method: &'static str,
    /// The path without version; `{}` stands for a name or id.
    pub path: &'static str,
    /// What its request carries.
    pub carrier: Carrier,
    /// Whether the connection may leave HTTP after it.
    pub upgrade: Upgrade,
}

/// What a request carries of the things that may be forced.
#[derive(Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Nothing: it creates nothing, or nothing that can be labelled here.
    Nothing,
    /// A JSON body.
    Body(&'static JsonCarrier),
    /// The query.
    Query(QueryCarrier),
    /// A HostConfig in the body of a start, which APIs before 1.24 take in place of the one that
    /// the container was created with.
    StartBody,
    /// A plugin, which takes no labels and may mount what it wants.
    Plugin,
    /// Something in Podman's own API.
    Libpod,
}

/// What a query carries of the things that may be forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryCarrier {
    /// Of a classic build: `labels` and `cgroupparent`.
    Build,
    /// Of a commit: `changes`.
    Commit,
    /// Of an import: `changes`. A pull comes to the same endpoint.
    Import,
}

/// Whether a connection may leave HTTP after an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// It never does.
    Never,
    /// It does, by 101 or by a 200 without lengths ("hijack", raw stream).
    Hijack,
    /// We do not know the operation; a 101 is believed.
    Unknown,
}

/// What is none of the operations: newer than this program, Podman's own, or nonsense.
pub const UNKNOWN: Operation = Operation {
    name: "Unknown",
    method: "",
    path: "",
    carrier: Carrier::Nothing,
    upgrade: Upgrade::Unknown,
};

/// What a client does that speaks HTTP/2 from its first byte on: several calls, over one connection.
pub const HTTP2: Operation = Operation { name: "Http2", upgrade: Upgrade::Never, ..UNKNOWN };

/// The operation that the daemon will carry out for `method` on the decoded path `path`.
///
/// Where a daemon would find no route, an operation may still be found: what is then rewritten is
/// refused by the daemon. The other way round, nothing that creates may be missed.
#[must_use]
pub fn route(method: &str, path: &[u8]) -> &'static Operation {
    let path = without_version(path);
    if let Some(path) = path.strip_prefix(b"/libpod") {
        return libpod::route(method, path);
    }
    operations::OPERATIONS
        .iter()
        .find(|operation| operation.method == method && matches(operation.path.as_bytes(), path))
        .unwrap_or(&UNKNOWN)
}

/// `path` without a first segment that a daemon takes for an API version: `/v[0-9.]+` in Docker,
/// `/v[0-9][0-9A-Za-z.-]*` in Podman. No operation begins with `v` and a digit or dot.
fn without_version(path: &[u8]) -> &[u8] {
    match path {
        [b'/', b'v', b'0'..=b'9' | b'.', rest @ ..] => {
            let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            rest.get(end..).unwrap_or_default()
        }
        _ => path,
    }
}

/// Whether `path` fits `template`. A `{}` takes any bytes, slashes too, as `{name:.*}` does in the
/// daemon's router.
fn matches(template: &[u8], path: &[u8]) -> bool {
    // Most differ early, long before a hole.
    let fits = |(wanted, there): &(&u8, &u8)| **wanted != b'{' && wanted == there;
    let same = template.iter().zip(path).take_while(fits).count();
    let (behind, rest) = (template.get(same..), path.get(same..));
    let (behind, rest) = (behind.unwrap_or_default(), rest.unwrap_or_default());
    match behind.strip_prefix(b"{}") {
        None => behind.is_empty() && rest.is_empty(),
        // Without another hole only the end can fit; with one, any place can.
        Some(behind) if memchr::memmem::find(behind, b"{}").is_none() => {
            rest.len() > behind.len() && rest.ends_with(behind)
        }
        Some(behind) => {
            (1..rest.len()).any(|at| rest.get(at..).is_some_and(|rest| matches(behind, rest)))
        }
    }
}

#[cfg(test)]
mod tests;
