//! The Docker Engine API as data: operations, the shapes of their
//! requests and responses, and upgrades. This layer does not know what is injected.

mod api;
pub mod buildkit;
mod class;
pub mod client;
pub mod fields;
mod imaging;
mod libpod;
pub mod members;
mod operations;
pub mod options;
mod replies;
pub mod shapes;

pub use api::{Api, has_subpaths, has_version, heeds_platform, takes_empty_body, takes_subpaths};
pub use class::Class;
use fields::Section;
pub use replies::ReplyShape;
pub use shapes::JsonShape;
use shapes::Options;

/// One operation of the Engine API.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// The operationId of the API's description.
    pub name: &'static str,
    /// The method; case matters.
    pub method: &'static str,
    /// The path without version; `{}` stands for a name or id.
    pub path: &'static str,
    /// The place of forced values in the request.
    pub payload: Payload,
    /// The way in which the connection may leave HTTP.
    pub upgrade: Upgrade,
}

/// The place of forced values in a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload {
    /// None: the request creates nothing, or nothing that can be labelled.
    Nothing,
    /// A JSON body.
    Body(&'static JsonShape),
    /// The query.
    Query(QueryShape),
    /// A HostConfig in the body of a start. APIs before 1.24 use it instead of the one that the
    /// container was created with.
    StartBody,
    /// None, but a plugin is installed, which takes no labels and may mount anything.
    Plugin,
    /// Not known: a creating request of Podman's own API.
    Libpod,
    /// Not known: a request of Podman's own API with the options of this shape.
    LibpodOptions(&'static JsonShape),
}

/// The place of forced values in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryShape {
    /// `labels` and `cgroupparent` of a classic build.
    Build,
    /// `changes` of a commit.
    Commit,
    /// `changes` of an import. A pull uses the same endpoint.
    Import,
}

/// The way in which a connection may leave HTTP after an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgrade {
    /// None.
    Never,
    /// 101, or 200 without lengths ("hijack", raw stream).
    Hijack,
    /// Unknown, as the operation is; a 101 is accepted.
    Unknown,
}

impl Operation {
    /// Returns the section of the options that its requests have. BuildKit's options are in the messages of
    /// its connection.
    #[must_use]
    pub fn section(&self) -> Option<Section> {
        match &self.payload {
            Payload::Query(QueryShape::Build) => Some(Section::Build),
            Payload::Body(JsonShape { options: Options::Of(section), .. }) => Some(*section),
            Payload::Body(JsonShape { options: Options::Update, .. }) => Some(Section::Container),
            _ if self.path == "/grpc" => Some(Section::Build),
            _ => None,
        }
    }

    /// Reports whether daemons may accept an empty body: for an anonymous volume. All other creating
    /// operations require a name or an image.
    #[must_use]
    pub fn may_be_empty(&self) -> bool {
        self.path == "/volumes/create"
    }
}

/// Any request that matches no known operation: newer than this program, or malformed.
pub const UNKNOWN: Operation = Operation {
    name: "Unknown",
    method: "",
    path: "",
    payload: Payload::Nothing,
    upgrade: Upgrade::Unknown,
};

/// A connection that speaks HTTP/2 from its first byte and carries several calls.
pub const HTTP2: Operation = Operation { name: "Http2", upgrade: Upgrade::Never, ..UNKNOWN };

/// Returns the names of all operations, also those of the calls of BuildKit. A name may occur several times.
#[must_use]
pub fn operation_names() -> Vec<&'static str> {
    let others = [&UNKNOWN, &HTTP2, &libpod::LIBPOD, &libpod::LIBPOD_CREATE];
    let requests = operations::OPERATIONS.iter().chain(others).map(|operation| operation.name);
    requests.chain(buildkit::names()).collect()
}

/// Returns the operation that the daemon performs for `method` on the decoded path `path`.
///
/// The result may be an operation where the daemon finds no route: it then refuses the rewritten
/// request. The reverse must not happen for an operation that creates.
#[must_use]
pub fn route(method: &str, path: &[u8]) -> &'static Operation {
    let path = without_version(path);
    if let Some(path) = path.strip_prefix(b"/libpod") {
        return libpod::route(method, path);
    }
    // The first letter rules out most operations; it is never that of a `{}`.
    let begins_alike = |operation: &&Operation| operation.path.as_bytes().get(1) == path.get(1);
    operations::OPERATIONS
        .iter()
        .filter(begins_alike)
        .find(|operation| operation.method == method && matches(operation.path.as_bytes(), path))
        .unwrap_or(&UNKNOWN)
}

/// Removes the segment that a daemon treats as an API version: `/v[0-9.]+` in Docker,
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

/// Returns `true` if `path` matches `template`. A `{}` matches one or more bytes of any kind,
/// slashes included, as `{name:.*}` does in the daemon's router.
fn matches(template: &[u8], path: &[u8]) -> bool {
    // Most templates differ before the first `{}`.
    let fits = |(wanted, there): &(&u8, &u8)| **wanted != b'{' && wanted == there;
    let same = template.iter().zip(path).take_while(fits).count();
    let (behind, rest) = (template.get(same..), path.get(same..));
    let (behind, rest) = (behind.unwrap_or_default(), rest.unwrap_or_default());
    match behind.strip_prefix(b"{}") {
        None => behind.is_empty() && rest.is_empty(),
        // With no further `{}`, only the end can match; otherwise any position can.
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
