//! Law: the end of a response head does not depend on how its bytes were split, and Go's client reads an
//! accepted one as the proxy does: its status, and the end of its body.
#![no_main]

use dockerd_ci_proxy::http::body::Framing;
use dockerd_ci_proxy::http::head::{self, Scan};
use libfuzzer_sys::fuzz_target;
use support::naive::{self, Ending};

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|bytes: &[u8]| {
    let whole = Scan::default().end_of_head(bytes);
    let mut scan = Scan::default();
    let mut growing = (0..=bytes.len()).map(|seen| scan.end_of_head(&bytes[..seen]));
    assert_eq!(growing.find(|end| *end != Ok(None)).unwrap_or(Ok(None)), whole);
    let Ok(Some(end)) = whole else { return };
    assert!(end <= head::LIMIT);
    for to_head in [false, true] {
        let Ok(response) = head::response(&bytes[..end], to_head) else { continue };
        let (go, rest) = naive::response(bytes, to_head).unwrap();
        assert_eq!((go.status, rest), (response.status, &bytes[end..]));
        assert_eq!(go.persistent, response.persistent);
        let ending = match response.framing {
            Framing::None => Ending::Length(0),
            Framing::Length(length) => Ending::Length(length),
            Framing::Chunked => Ending::Chunked,
            Framing::UntilClose => Ending::Close,
        };
        assert_eq!(go.ending, ending);
    }
});
