//! The shape of the responses of the Engine API, as far as it is known.

use super::Operation;

/// The shape of a successful response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyShape {
    /// Anything: a stream, an archive, a document of any size.
    Any,
    /// One JSON document that the daemon writes at once.
    Small,
    /// JSON documents, each on a line of its own, that come as things happen.
    Lines,
}

/// Operations that answer with one document: what was created, a list, or one resource.
const SMALL: &[&str] = &[
    "ConfigCreate",
    "ConfigInspect",
    "ConfigList",
    "ContainerCreate",
    "ContainerExec",
    "ContainerInspect",
    "ContainerList",
    "ContainerPrune",
    "ExecInspect",
    "ImageList",
    "ImagePrune",
    "NetworkCreate",
    "NetworkInspect",
    "NetworkList",
    "NetworkPrune",
    "NodeList",
    "SecretCreate",
    "SecretInspect",
    "SecretList",
    "ServiceCreate",
    "ServiceInspect",
    "ServiceList",
    "SystemDataUsage",
    "TaskInspect",
    "TaskList",
    "VolumeCreate",
    "VolumeInspect",
    "VolumeList",
    "VolumePrune",
];

/// Operations that answer with a stream of documents.
const LINES: &[&str] = &["SystemEvents"];

impl Operation {
    /// Returns the shape of its successful response (Engine API v1.56).
    #[must_use]
    pub fn reply(&self) -> ReplyShape {
        if SMALL.contains(&self.name) {
            ReplyShape::Small
        } else if LINES.contains(&self.name) {
            ReplyShape::Lines
        } else {
            ReplyShape::Any
        }
    }
}

#[cfg(test)]
mod tests;
