use super::*;
use crate::http::body::{Body, Framing, Next};

/// Returns the content of a chunked body, and the bytes behind it.
fn decode(mut bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Option<Malformed>> {
    let mut chunked = Body::from(Framing::Chunked);
    let mut content = Vec::new();
    loop {
        match chunked.next(bytes).map_err(Some)? {
            Next::Piece { framing, data } => {
                let data = usize::try_from(data).map_err(|_| None)?;
                content.extend_from_slice(bytes.get(framing..framing + data).ok_or(None)?);
                bytes = &bytes[framing + data..];
            }
            Next::More => return Err(None),
            Next::Done => return Ok((content, bytes)),
            Next::Everything => unreachable!("a chunked body has an end"),
        }
    }
}

#[test]
fn chunks_extensions_and_trailers_are_read() {
    let bytes = b"5\r\nhello\r\n6;a=b;c=\"d\"\r\n world\r\n00A \r\n0123456789\r\n0\r\nX: y\r\nZ:\r\n\r\nGET";
    assert_eq!(decode(bytes), Ok((b"hello world0123456789".to_vec(), b"GET".as_slice())));
}

#[test]
fn ambiguous_chunks_are_refused() {
    let cases: [(&[u8], Malformed); 16] = [
        (b"5\nhello\r\n", Malformed::BareLf),
        (b"+5\r\nhello\r\n", Malformed::ChunkSize),
        (b"0x5\r\nhello\r\n", Malformed::ChunkSize),
        (b" 5\r\nhello\r\n", Malformed::ChunkSize),
        (b"5 ;a\r\nhello\r\n", Malformed::ChunkSize),
        (b"5\x0c\r\nhello\r\n", Malformed::ChunkSize),
        (b"5\r\r\nhello\r\n", Malformed::ChunkSize),
        (b"5;a\x01\r\nhello\r\n", Malformed::ChunkSize),
        (b"\r\n", Malformed::ChunkSize),
        (b"-1\r\n", Malformed::ChunkSize),
        (b"00000000000000001\r\n", Malformed::ChunkSize),
        (b"5\r\nhellooo\r\n", Malformed::ChunkEnd),
        (b"5\r\nhello\n0\r\n\r\n", Malformed::ChunkEnd),
        (b"0\r\nno field\r\n\r\n", Malformed::Trailer),
        (b"0\r\n folded: x\r\n\r\n", Malformed::Trailer),
        (b"0\r\na : x\r\n\r\n", Malformed::Trailer),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(bytes), Err(Some(error)), "{:?}", bytes.escape_ascii().to_string());
    }
    let mut long = b"1;".to_vec();
    long.resize(LINE_LIMIT, b'x');
    assert_eq!(decode(&long), Err(Some(Malformed::ChunkLineTooLong)));
}

#[test]
fn any_beginning_of_a_good_body_asks_for_more() {
    let bytes = b"5;x\r\nhello\r\n0\r\nX: y\r\n\r\n";
    for cut in 0..bytes.len() {
        assert_eq!(decode(&bytes[..cut]), Err(None), "cut at {cut}");
    }
}
