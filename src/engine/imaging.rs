//! Operations that may change the image behind a name.

use super::Operation;

/// Path prefixes of requests that build, pull, tag or remove images, or open a connection for builds.
const CHANGING: &[&str] = &["/build", "/commit", "/grpc", "/images/", "/plugins/", "/session"];

impl Operation {
    /// Returns `true` if a request may change the image behind a name. Unknown operations may.
    #[must_use]
    pub fn changes_images(&self) -> bool {
        if self.method.is_empty() {
            // An unknown operation, one of Podman's own API, or HTTP/2.
            return true;
        }
        let reads = matches!(self.method, "GET" | "HEAD");
        !reads && CHANGING.iter().any(|beginning| self.path.starts_with(beginning))
    }
}

#[cfg(test)]
mod tests;
