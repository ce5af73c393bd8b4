//! Law: the end of a head does not depend on how its bytes were split, and Go reads an accepted head as the
//! proxy does.
#![no_main]

use dockerd_ci_proxy::http::head::{self, Scan};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|bytes: &[u8]| {
    let whole = Scan::default().end_of_head(bytes);
    let mut scan = Scan::default();
    let mut growing = (0..=bytes.len()).map(|seen| scan.end_of_head(&bytes[..seen]));
    assert_eq!(growing.find(|end| *end != Ok(None)).unwrap_or(Ok(None)), whole);
    let Ok(Some(end)) = whole else { return };
    let Ok(request) = head::request(&bytes[..end]) else { return };
    let (go, rest) = support::naive::head(bytes).unwrap();
    assert_eq!((request.method, request.target, rest), (&*go.method, &*go.target, &bytes[end..]));
    assert_eq!(request.content_type, go.field("content-type"));
});
