//! The labels of the proxy's own, by which it finds what clients created. The daemon's labels are the only
//! memory: they survive restarts of the proxy and of the daemon.

/// The label of everything that one `run` created. Its value is unique.
pub const RUN: &str = "dockerd-ci-proxy.run";

/// The label of everything that processes of a container created. Its value is the id of that container, or empty
/// for a client outside of containers.
pub const JOB: &str = "dockerd-ci-proxy.job";

/// The label of everything that clients of a listener created which removes it at some time. Its value is the name
/// of the listener, or the path of its socket.
pub const LISTENER: &str = "dockerd-ci-proxy.listener";

/// The label with the keys of the labels that the proxy gave, separated by spaces. A container also has the labels
/// of its image, which nobody gave it.
pub const GIVEN: &str = "dockerd-ci-proxy.given";

/// The value of [`GIVEN`] for images: a container that has it was not created through the proxy.
pub const BY_IMAGE: &str = "by-image";

/// The value of [`JOB`] with its placeholder.
pub const JOB_TEMPLATE: &str = "{container:-}";
