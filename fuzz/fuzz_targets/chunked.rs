//! Law: the permits of a chunked body add up to the result of a simple decoder, however its bytes are split.
#![no_main]

use dockerd_ci_proxy::http::body::{Body, Framing, Next};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

/// Returns the content and the bytes after the body, when `step` bytes arrive at a time.
fn decode(bytes: &[u8], step: usize) -> Option<(Vec<u8>, &[u8])> {
    let (mut body, mut at, mut come) = (Body::from(Framing::Chunked), 0, 0);
    let mut content = Vec::new();
    loop {
        match body.next(bytes.get(at..come).unwrap_or_default()).ok()? {
            Next::Piece { framing, data } => {
                let data_end = (at + framing).checked_add(usize::try_from(data).ok()?)?;
                content.extend(bytes.get(at + framing..data_end)?);
                at = data_end;
            }
            Next::More if come == bytes.len() => return None,
            Next::More => come = bytes.len().min(come.max(at) + step),
            Next::Done => return Some((content, &bytes[at..])),
            Next::Everything => unreachable!("a chunked body has an end"),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let read = decode(bytes, bytes.len());
    assert_eq!(read, decode(bytes, 1));
    assert!(read.is_none() || read == support::naive::dechunk(bytes));
});
