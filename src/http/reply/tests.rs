use super::*;

/// Reads `bytes`, which come in two pieces, with what was not taken of the first before the second.
fn read(bytes: &[u8], cut: usize) -> Reply {
    let mut reply = Reply::new(16, Vec::new());
    let taken = reply.take(&bytes[..cut]).unwrap();
    reply.take(&bytes[taken..]).unwrap();
    reply
}

#[test]
fn a_response_is_read_wherever_it_is_cut() {
    for (head, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "{}"),
        ("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\n{}\r\n0\r\n\r\n"),
    ] {
        let bytes = format!("{head}{body}");
        for cut in 0..=bytes.len() {
            let reply = read(bytes.as_bytes(), cut);
            let whole = reply.whole().unwrap();
            assert_eq!((whole.head, whole.content), (head.as_bytes(), &b"{}"[..]), "{cut}");
            assert!(whole.response.persistent);
        }
    }
}

#[test]
fn a_response_may_end_with_its_connection() {
    let mut reply = read(b"HTTP/1.0 200 OK\r\n\r\n{}", 9);
    assert_eq!(reply.whole(), None);
    reply.end().unwrap();
    assert_eq!(reply.whole().unwrap().content, b"{}");
}

#[test]
fn a_response_that_is_cut_short_is_an_error() {
    for bytes in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}"] {
        let mut reply = read(bytes.as_bytes(), 0);
        assert_eq!(reply.end(), Err(Error::CutShort), "{bytes:?}");
    }
}

#[test]
fn what_is_no_response_is_an_error() {
    for (bytes, error) in [
        ("\n", Error::Head(Malformed::Start)),
        ("HTTP/1.1 100 Continue\r\n\r\n", Error::Interim),
        ("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n", Error::Body(gather::Error::TooLarge)),
    ] {
        let mut reply = Reply::new(16, Vec::new());
        assert_eq!(reply.take(bytes.as_bytes()), Err(error), "{bytes:?}");
    }
}
