//! The client's field blocks: finds the calls.

use super::tunnel::of_client;
use super::{Failure, Origin};
use crate::engine::{self, UNKNOWN};
use crate::http2::Malformed;
use crate::http2::frame::{self, BLOCK_LIMIT, END_STREAM, Head};
use crate::http2::hpack::Decoder;
use crate::proxy::fault::Fault;
use crate::rules::buildkit;

/// A field block, perhaps incomplete.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) stream: u32,
    /// `true` if the stream ends after the block.
    pub(super) ends_stream: bool,
    /// The frames of the block as received.
    pub(super) frames: Vec<u8>,
    /// The field block in them.
    fields: Vec<u8>,
}

impl Block {
    /// Begins a block with the head of a HEADERS frame.
    pub(super) fn new(head: Head) -> Self {
        let ends_stream = head.has(END_STREAM);
        Self { stream: head.stream, ends_stream, frames: Vec::new(), fields: Vec::new() }
    }

    /// Adds a frame to the block.
    ///
    /// # Errors
    /// A malformed frame, or a block that is too long.
    pub(super) fn with(mut self, head: Head, payload: &[u8]) -> Result<Self, Malformed> {
        self.frames.extend_from_slice(&head.write());
        self.frames.extend_from_slice(payload);
        // The flags for padding and priority mean nothing in a CONTINUATION.
        let content = match head.kind {
            frame::FrameType::HEADERS => frame::content(&head, payload)?,
            _ => payload,
        };
        self.fields.extend_from_slice(content);
        if self.frames.len() > BLOCK_LIMIT {
            return Err(Malformed::BlockTooLong);
        }
        Ok(self)
    }
}

/// The streams that a client has opened.
#[derive(Debug)]
pub(super) struct Openings {
    pub(super) origin: Origin,
    pub(super) decoder: Decoder,
    /// The number of the newest stream.
    pub(super) newest: u32,
}

/// The relevant fields of a block, with counts of those that must not be repeated.
#[derive(Debug, Default)]
struct Fields {
    path: Option<Vec<u8>>,
    paths: u32,
    /// `true` if method and content type route the request to the daemon's gRPC server.
    posts_grpc: bool,
    methods: u32,
    content_types: u32,
}

impl Openings {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, decoder: Decoder::default(), newest: 0 }
    }

    /// Reads a complete block. Returns the path if the block opens a call.
    ///
    /// # Errors
    /// A block that is malformed, that is ambiguous, or that is no gRPC call with prior knowledge.
    pub(super) fn inspect(&mut self, block: &Block) -> Result<Option<Vec<u8>>, Failure> {
        let fields = self.read(block).map_err(of_client)?;
        let stream = block.stream;
        let new = stream > self.newest;
        if stream.is_multiple_of(2) || (!new && fields.paths > 0) {
            return Err(of_client(Malformed::StreamNumber));
        }
        self.newest = self.newest.max(stream);
        let refused = |refusal| Failure { fault: Fault::Refused(refusal), stream: Some(stream) };
        let prior = self.origin == Origin::PriorKnowledge;
        let Some(path) = fields.path else {
            // Trailers, or a request that every server refuses.
            return if new && prior { Err(refused(buildkit::plain_http2())) } else { Ok(None) };
        };
        let once = fields.methods == 1 && fields.content_types == 1;
        if prior && !(fields.posts_grpc && once && is_service(&path)) {
            return Err(refused(buildkit::plain_http2()));
        }
        if fields.paths > 1 || !is_plain(&path) {
            return Err(refused(buildkit::call_path()));
        }
        Ok(Some(path))
    }

    fn read(&mut self, block: &Block) -> Result<Fields, Malformed> {
        let mut fields = Fields::default();
        let (mut posts, mut grpc) = (false, false);
        self.decoder.decode(&block.fields, |name, value| match name {
            b":path" => {
                fields.paths += 1;
                fields.path = Some(value.to_vec());
            }
            b":method" => {
                fields.methods += 1;
                posts = value == b"POST";
            }
            b"content-type" => {
                fields.content_types += 1;
                grpc = value.starts_with(b"application/grpc");
            }
            _ => {}
        })?;
        fields.posts_grpc = posts && grpc;
        Ok(fields)
    }
}

/// Returns `true` if a path is unambiguous: the daemon decodes percent-escapes, drops a query,
/// accepts an absolute form, and searches for the last slash.
fn is_plain(path: &[u8]) -> bool {
    let Some((service, method)) = parts(path) else { return false };
    let is_name = |name: &[u8]| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        !name.is_empty() && name.iter().all(plain)
    };
    is_name(service) && is_name(method)
}

/// Returns `true` if a path is that of a gRPC service and cannot be one of the Engine API.
fn is_service(path: &[u8]) -> bool {
    let known = *engine::route("POST", path) != UNKNOWN;
    let service = parts(path).map(|(service, _)| service).unwrap_or_default();
    let version = matches!(service, [b'v' | b'V', b'0'..=b'9' | b'.', ..]);
    !known && !version && service.contains(&b'.')
}

/// Splits `/package.Service/Method` into service and method.
fn parts(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = path.strip_prefix(b"/")?;
    let slash = memchr::memchr(b'/', rest)?;
    Some((rest.get(..slash)?, rest.get(slash + 1..)?))
}

#[cfg(test)]
mod tests;
