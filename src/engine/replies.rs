//! The known shapes of responses of the Engine API.

use super::Operation;

/// The shape of a successful response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyShape {
    /// Not known: a stream, an archive, or a document of any size.
    Any,
    /// One JSON document that the daemon writes at once.
    Small,
    /// A stream of JSON documents, one per line.
    Lines,
}

/// Operations that answer with one document: a created resource, a list, or a description.
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

/// Operations whose responses are streams, archives or of any length, or come late.
const STREAMS: &[&str] = &[
    "ContainerArchive",
    "ContainerAttach",
    "ContainerAttachWebsocket",
    "ContainerCopy",
    "ContainerExport",
    "ContainerLogs",
    "ContainerStats",
    "ContainerWait",
    "ExecStart",
    "Grpc",
    "Http2",
    "ImageBuild",
    "ImageCreate",
    "ImageGet",
    "ImageGetAll",
    "ImageLoad",
    "ImagePush",
    "PluginPull",
    "PluginPush",
    "PluginUpgrade",
    "ServiceLogs",
    "Session",
    "SystemEvents",
    "TaskLogs",
    "Unknown",
];

impl Operation {
    /// Returns `true` if a response must not be held until it is complete. That of an operation of Podman's own API
    /// may be a stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        STREAMS.contains(&self.name) || self.path.starts_with("/libpod")
    }

    /// Returns the shape of a successful response (Engine API v1.56).
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
