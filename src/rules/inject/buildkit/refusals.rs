//! Refusals of calls over HTTP/2.

use crate::rules::{Reason, Refusal};

pub(super) fn unlabelled() -> Refusal {
    let text = "this build makes an image without a frontend and without a config that its exporter \
                reads, or with exporters of its client, so it may have no labels, and --strict lets none \
                such pass";
    Refusal::new(Reason::UnlabelledImage, text)
}

/// Refuses a compressed message.
#[must_use]
pub fn compressed() -> Refusal {
    let text =
        "the message of this BuildKit call is compressed, so it cannot be labelled; send it plain";
    Refusal::new(Reason::BuildCompressed, text)
}

/// Refuses a call with an ambiguous path.
#[must_use]
pub fn call_path() -> Refusal {
    let text =
        "the :path of this gRPC call could be read in two ways; /package.Service/Method is wanted";
    Refusal::new(Reason::BuildPath, text)
}

/// Refuses a request over HTTP/2 that is not a gRPC call.
#[must_use]
pub fn plain_http2() -> Refusal {
    let text =
        "over HTTP/2 only gRPC calls pass, the Engine API is rewritten over HTTP/1.1; use that";
    Refusal::new(Reason::PlainHttp2, text)
}
