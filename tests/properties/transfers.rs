//! Message bodies: the permits add up to the result of a simple decoder.

use dockerd_ci_proxy::http::body::{Body, Framing, Next};

use crate::support::naive;
use crate::support::random::{Random, check};

fn chunked(random: &mut Random) -> Vec<u8> {
    let extensions = ["", "", ";a", ";a=\"b c\"", " ", "\t "];
    let mut bytes = Vec::new();
    for _ in 0..random.below(4) {
        let data = random.some(40, |random| random.pick(b"ab\r\n0;"));
        if !data.is_empty() {
            let zeros = "0".repeat(random.below(4));
            let extension = random.pick(&extensions);
            bytes.extend(format!("{zeros}{:X}{extension}\r\n", data.len()).bytes());
            bytes.extend(data);
            bytes.extend(b"\r\n");
        }
    }
    bytes.extend(random.pick(&["0\r\n", "00;x\r\n"]).bytes());
    for line in random.some(2, |random| random.pick(&["A: b\r\n", "C:\r\n"])) {
        bytes.extend(line.bytes());
    }
    bytes.extend(b"\r\nGET /");
    bytes
}

/// Returns the content and its framing according to the permits, when `bytes` come in pieces.
fn permitted<'b>(bytes: &'b [u8], random: &mut Random) -> Option<(Vec<u8>, &'b [u8])> {
    let mut body = Body::from(Framing::Chunked);
    let (mut at, mut come) = (0, 0);
    let mut content = Vec::new();
    loop {
        match body.next(bytes.get(at..come).unwrap_or_default()).ok()? {
            Next::Piece { framing, data } => {
                at += framing;
                let data = usize::try_from(data).ok()?;
                content.extend(bytes.get(at..at.checked_add(data)?)?);
                at += data;
            }
            Next::More if come == bytes.len() => return None,
            Next::More => come = bytes.len().min(come.max(at) + 1 + random.below(9)),
            Next::Done => return Some((content, &bytes[at..])),
            Next::Everything => panic!("a chunked body has an end"),
        }
    }
}

#[test]
fn a_good_chunked_body_is_decoded_however_it_is_cut() {
    check(10_000, |random| {
        let bytes = chunked(random);
        let dull = naive::dechunk(&bytes);
        assert!(dull.is_some());
        assert_eq!(permitted(&bytes, random), dull);
    });
}

#[test]
fn a_damaged_chunked_body_is_refused_or_read_as_go_reads_it() {
    check(20_000, |random| {
        let bytes = chunked(random);
        let bytes = random.damaged(&bytes);
        if let Some(read) = permitted(&bytes, random) {
            assert_eq!(Some(read), naive::dechunk(&bytes), "{}", bytes.escape_ascii());
        }
    });
}
