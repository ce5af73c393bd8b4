//! Operations after which a name may stand for another image.

use super::Operation;

/// The beginnings of the paths below which requests change images: they build, bring, name or remove
/// them, or open a connection over which a build runs.
const CHANGING: &[&str] = &["/build", "/commit", "/grpc", "/images/", "/plugins/", "/session"];

impl Operation {
    /// Reports whether a request of it may change what a name of an image stands for. An operation that
    /// is not known may.
    #[must_use]
    pub fn changes_images(&self) -> bool {
        if self.method.is_empty() {
            // Unknown, Podman's own, or HTTP/2.
            return true;
        }
        let reads = matches!(self.method, "GET" | "HEAD");
        !reads && CHANGING.iter().any(|beginning| self.path.starts_with(beginning))
    }
}

#[cfg(test)]
mod tests;
