//! Why a creating request is refused, in words for the person who made it.

use std::fmt;

/// A creating request into which nothing can be put with certainty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no body where a JSON object is wanted.
    EmptyBody,
    /// The body has a content coding.
    EncodedBody,
    /// A line in the `changes` of a commit or import would swallow ours.
    Changes,
    /// A start has a HostConfig as its body.
    StartBody,
    /// Something is created by Podman's own API.
    Libpod,
    /// The operation is not known, and the operator wants only those that are.
    Unknown,
    /// The body of a build, commit or import is a form.
    FormBody,
    /// The body is not JSON, or something stands behind it.
    NotJson(String),
    /// A member (or the whole body, when there is no name) is not the object that it must be.
    NotAnObject(String),
    /// A member is not the array that it must be.
    NotAnArray(String),
    /// A member, or an element of it, is not the string that it must be.
    NotAString(String),
    /// One of the objects that are edited has more than so many members.
    ManyMembers(usize),
    /// A container or service has more than so many volumes, binds and mounts.
    ManyMounts(usize),
    /// The name of the volume driver has more than so many bytes.
    LongDriver(usize),
    /// The value of a label is not a string.
    LabelValue(String),
    /// Two members that Go's decoder takes for one.
    Twice(String, String),
    /// A HostConfig field at the top of a body without a HostConfig.
    OutsideHostConfig(String),
    /// An anonymous volume at a path that is not absolute.
    RelativeVolume(String),
    /// A label that begins like this would take the place of one of the operator's.
    LabelKey(String),
    /// A mount, or the path of a volume, that daemons read differently.
    OddMount(String),
    /// A bind mount of the daemon's socket.
    SocketBind(String),
    /// A bind mount whose source is made into a path only by the swarm.
    Template(String),
    /// An annotation of this name, by which a container would leave the cgroup parent.
    Slice(&'static str),
    /// The query of a classic build has a `;` or a bad percent-escape.
    Query,
    /// The query of a classic build has more parts than this.
    ManyPairs(usize),
    /// The `labels` of a classic build are not a JSON object of strings.
    QueryLabels,
    /// A key in the query of a build, commit or import by which Podman would lose the labels, or mount
    /// what it should not.
    QueryKey(String),
    /// The `outputs` of a build give its image a config of its own, or cannot be read.
    Outputs,
    /// A message of BuildKit is not what its call wants.
    Message(&'static str),
    /// A message of BuildKit is compressed.
    CompressedMessage,
    /// An image would have no labels, and the operator wants none such.
    Unlabelled,
    /// The path of a gRPC call could be read in two ways.
    CallPath,
    /// A request over HTTP/2 is no gRPC call.
    PlainHttp2,
}

impl fmt::Display for Refusal {
    #[expect(clippy::too_many_lines, reason = "a sentence for each, and nothing else")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBody => out.write_str("the request has no body; a JSON object is wanted"),
            Self::EncodedBody => out.write_str(
                "the request body has a Content-Encoding, so it cannot be labelled; plain JSON is wanted",
            ),
            Self::FormBody => out.write_str(
                "the request body is declared as a form, whose fields could replace the labels; \
                 send it as application/x-tar",
            ),
            Self::Changes => out.write_str(
                "the last line of the changes goes on in the next one, or they have a here-document, \
                 so the labels cannot be put behind them",
            ),
            Self::StartBody => out.write_str(
                "a start takes no body; give the HostConfig when the container is created",
            ),
            Self::Libpod => out.write_str(
                "what Podman's own API (/libpod) creates cannot be labelled here; use the \
                 Docker-compatible API",
            ),
            Self::Unknown => out.write_str(
                "this is no operation of the Engine API that the proxy knows, and --strict lets no \
                 others pass",
            ),
            Self::NotJson(what) => write!(out, "the request body is not one JSON object: {what}"),
            Self::NotAnObject(name) if name.is_empty() => {
                out.write_str("the request body is JSON, but not an object")
            }
            Self::NotAnObject(name) => write!(out, "{name} in the request body is not an object"),
            Self::NotAnArray(name) => write!(out, "{name} in the request body is not an array"),
            Self::NotAString(name) => {
                write!(out, "{name} in the request body is not a string, or not of strings")
            }
            Self::ManyMembers(limit) => {
                write!(out, "an object or array in the request body has more than {limit} members")
            }
            Self::ManyMounts(limit) => {
                write!(out, "there are more than {limit} volumes, binds and mounts in the request body")
            }
            Self::LongDriver(limit) => {
                write!(out, "the name of the volume driver has more than {limit} bytes")
            }
            Self::LabelValue(name) => {
                write!(out, "a label in {name} of the request body does not have a string as value")
            }
            Self::Twice(one, other) => write!(
                out,
                "the request body has the members {one} and {other}, which the daemon takes for one; \
                 send only one of them"
            ),
            Self::OutsideHostConfig(name) => write!(
                out,
                "{name} stands at the top of the request body; put it in HostConfig, where the cgroup \
                 parent goes too"
            ),
            Self::RelativeVolume(path) => write!(
                out,
                "the container has a volume at \"{}\", which is not an absolute path, so it cannot be labelled",
                shown(path)
            ),
            Self::LabelKey(key) => write!(
                out,
                "the label \"{}\" begins with a label of the operator's and a \"=\", so Podman would take \
                 it for that one; give it another name",
                shown(key)
            ),
            Self::OddMount(text) => write!(
                out,
                "a mount or volume has \"{}\", which Podman would read as something else than Docker: a \
                 type that the proxy does not know, a source that is not absolute, a \":\" in the path of a \
                 volume, or a \",\" that another option follows",
                shown(text)
            ),
            Self::Template(source) => write!(
                out,
                "the service mounts \"{}\", of which the swarm makes a path only later, so it cannot be told \
                 whether that is the daemon's own socket",
                shown(source)
            ),
            Self::SocketBind(path) => write!(
                out,
                "the container mounts {}, the daemon's own socket, which would lead around the labels",
                shown(path)
            ),
            Self::Slice(name) => write!(
                out,
                "the annotation {name} would put the container elsewhere than into the cgroup parent"
            ),
            Self::Query => out.write_str(
                "the query has a \";\" or a bad percent-escape; encode it as %3B",
            ),
            Self::ManyPairs(limit) => write!(out, "the query has more than {limit} parts"),
            Self::QueryLabels => out.write_str(
                "the labels in the query of the build are not a JSON object of strings",
            ),
            Self::QueryKey(key) => write!(
                out,
                "the query has \"{}\", by which Podman could lose the labels or mount what it finds; \
                 leave it out",
                shown(key)
            ),
            Self::Outputs => out.write_str(
                "the outputs of the build are not a JSON array, or give the image a config of its own \
                 (containerimage.config, refs.platforms), which would replace the labels",
            ),
            Self::Message(what) => {
                write!(out, "the message of this BuildKit call cannot be labelled: {what}")
            }
            Self::CompressedMessage => out.write_str(
                "the message of this BuildKit call is compressed, so it cannot be labelled; send it plain",
            ),
            Self::Unlabelled => out.write_str(
                "this build makes an image without a frontend and without a config, or with exporters of \
                 its client, so it may have no labels, and --strict lets none such pass",
            ),
            Self::CallPath => out.write_str(
                "the :path of this gRPC call could be read in two ways; /package.Service/Method is wanted",
            ),
            Self::PlainHttp2 => out.write_str(
                "over HTTP/2 only gRPC calls pass, the Engine API is rewritten over HTTP/1.1; use that",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// As many bytes of a path are shown: the kernel takes none that is longer.
const PATH_MAX: usize = 4096;

/// A path or key that the client wrote, as a line of the log may hold it: neither ended by it nor flooded.
fn shown(path: &str) -> impl fmt::Display {
    path.get(..path.floor_char_boundary(PATH_MAX)).unwrap_or_default().escape_debug()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_client_neither_ends_a_line_nor_floods_it() {
        let forged =
            "/x\n\u{1b}[2Kdockerd-ci-proxy: info: forged\u{2028}/../run/docker.sock".to_owned();
        let long = "\u{e9}".repeat(10_000_000);
        for refusal in [
            Refusal::SocketBind,
            Refusal::RelativeVolume,
            Refusal::QueryKey,
            Refusal::LabelKey,
            Refusal::OddMount,
            Refusal::Template,
        ] {
            let text = refusal(forged.clone()).to_string();
            assert!(!text.contains(|letter: char| !(' '..='~').contains(&letter)), "{text:?}");
            assert!(text.contains(r"/x\n\u{1b}[2Kdockerd"), "{text}");
            let text = refusal(long.clone()).to_string();
            assert_eq!(text.matches('\u{e9}').count(), PATH_MAX / 2);
            assert!(text.len() < PATH_MAX + 300);
        }
    }
}
