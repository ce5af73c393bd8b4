//! Heads: Go reads an accepted head like the proxy, and only the necessary parts are changed.

use dockerd_ci_proxy::http::body::Framing;
use dockerd_ci_proxy::http::head::{self, Scan};
use dockerd_ci_proxy::http::render;

use crate::support::naive;
use crate::support::random::{Random, check};

const LINES: &[&str] = &[
    "Host: docker",
    "host:d",
    "X:\t a b \t",
    "Empty:",
    "Accept: \u{e9}",
    "Content-Length: 5",
    "content-length:  007 ",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Transfer-Encoding: chunked",
    "TRANSFER-ENCODING: Chunked",
    "Transfer-Encoding: gzip, chunked",
    "Trailer: X",
    "Expect: 100-continue",
    "Connection: Keep-Alive, close",
    "Content-Type: application/json",
    " folded: x",
    "Content-Length : 5",
];

fn head(random: &mut Random) -> Vec<u8> {
    let method = random.pick(&["GET", "POST", "HEAD", "post", "P_T"]);
    let target = random.pick(&["/", "*", "/containers/create?a=b", "http://d/x", "/\u{e9}#"]);
    let version = random.pick(&["HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1"]);
    let lines = random.some(5, |random| random.pick(LINES));
    let lines = lines.into_iter().map(|line| format!("{line}\r\n"));
    let head = format!("{method} {target} {version}\r\n{}\r\n", lines.collect::<String>());
    if random.once_in(3) { random.damaged(head.as_bytes()) } else { head.into_bytes() }
}

#[test]
fn an_accepted_head_is_read_as_go_reads_it() {
    check(20_000, |random| {
        let bytes = [head(random), b"rest".to_vec()].concat();
        let Ok(Some(end)) = Scan::default().end_of_head(&bytes) else { return };
        let Ok(request) = head::request(&bytes[..end]) else { return };
        let (dull, rest) = naive::head(&bytes).unwrap();
        assert_eq!(rest, &bytes[end..]);
        assert_eq!((request.method, request.target), (&*dull.method, &*dull.target));
        assert_eq!(request.content_type, dull.field("content-type"));
        let framing = match (dull.field("transfer-encoding"), dull.field("content-length")) {
            (Some(coding), None) => {
                assert!(coding.eq_ignore_ascii_case(b"chunked"));
                Framing::Chunked
            }
            (None, Some(length)) => {
                Framing::Length(str::from_utf8(length).unwrap().parse().unwrap())
            }
            (None, None) => Framing::None,
            both => panic!("accepted with {both:?}"),
        };
        assert_eq!(request.framing, framing);
        assert!(bytes[..end].iter().all(|&byte| byte != 0));
        assert_eq!(bytes[..end].split(|&byte| byte == b'\n').count(), dull.fields.len() + 3);
    });
}

#[test]
fn the_end_of_a_head_does_not_depend_on_how_it_was_cut() {
    check(5_000, |random| {
        let bytes = [head(random), b"GET".to_vec()].concat();
        let whole = Scan::default().end_of_head(&bytes);
        let mut scan = Scan::default();
        let mut seen = 0;
        let in_pieces = loop {
            let result = scan.end_of_head(&bytes[..seen]);
            if result != Ok(None) || seen == bytes.len() {
                break result;
            }
            seen = bytes.len().min(seen + 1 + random.below(7));
        };
        assert_eq!(in_pieces, whole);
    });
}

#[test]
fn a_new_length_or_target_changes_nothing_else() {
    check(10_000, |random| {
        let bytes = head(random);
        if Scan::default().end_of_head(&bytes) != Ok(Some(bytes.len())) {
            return;
        }
        let Ok(request) = head::request(&bytes) else { return };
        let (before, _) = naive::head(&bytes).unwrap();

        let retargeted = render::with_target(&bytes, request.target_range(), "/new?x=1");
        let (after, _) = naive::head(&retargeted).unwrap();
        assert_eq!(after, naive::Request { target: "/new?x=1".into(), ..before.clone() });

        if request.framing == Framing::None {
            return;
        }
        let (after, _) = naive::head(&render::with_length(&bytes, 42)).unwrap();
        assert_eq!(after.field("content-length"), Some(b"42".as_slice()));
        let rest = |request: &naive::Request| {
            let mut fields = request.fields.clone();
            let gone = ["content-length", "transfer-encoding", "trailer", "expect"];
            fields.retain(|(name, _)| !gone.contains(&&**name));
            fields
        };
        assert_eq!(rest(&after), rest(&before));
        assert_eq!(after.fields.len(), rest(&after).len() + 1);
    });
}
