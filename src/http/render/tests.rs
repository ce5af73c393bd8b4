use super::*;
use crate::http::head;

#[test]
fn only_the_framing_changes() {
    let old = b"POST /x HTTP/1.1\r\nHost: d\r\ntransfer-encoding: chunked\r\nX:  y \r\n\
                Trailer: Z\r\nExpect: 100-continue\r\n\r\n";
    let new = b"POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 12\r\nX:  y \r\n\r\n";
    assert_eq!(with_length(old, 12), new);
}

#[test]
fn only_the_target_changes() {
    let old = b"POST /build?a=1 HTTP/1.1\r\nHost: d\r\n\r\n";
    let new = with_target(old, head::request(old).unwrap().target_range(), "/build?b");
    assert_eq!(new, b"POST /build?b HTTP/1.1\r\nHost: d\r\n\r\n");
}

#[test]
fn an_answer_can_be_read_as_a_response() {
    let bytes = answer(400, "no \"way\"\n", false);
    let end = head::Scan::default().end_of_head(&bytes).unwrap().unwrap();
    let response = head::response(&bytes[..end], false).unwrap();
    let body = &bytes[end..];
    assert_eq!(response.framing, crate::http::body::Framing::Length(body.len() as u64));
    assert!(!response.persistent);
    assert_eq!(body, b"{\"message\":\"no \\\"way\\\"\\n\"}\n");
    assert!(answer(503, "away", true).ends_with(b"\r\n\r\n"));
}

#[test]
fn a_field_is_found_by_its_name() {
    let head = b"HTTP/1.1 200 OK\r\nServer: x\r\napi-version:\t1.51 \r\nApi-Version: 9\r\n\r\n";
    assert_eq!(value(head, "Api-Version"), Some(&b"1.51"[..]));
    assert_eq!(value(head, "Ostype"), None);
}

#[test]
fn a_head_without_a_body_gets_what_a_document_needs() {
    for (fields, wanted) in [
        ("", "Content-Type: application/json\r\nContent-Length: 0\r\n"),
        ("content-length: 0\r\n", "content-length: 0\r\nContent-Type: application/json\r\n"),
        ("Content-Type: text/plain\r\n", "Content-Type: text/plain\r\nContent-Length: 0\r\n"),
    ] {
        let head = format!("POST /x HTTP/1.1\r\n{fields}\r\n");
        let wanted = format!("POST /x HTTP/1.1\r\n{wanted}\r\n");
        assert_eq!(for_document(head.as_bytes()), wanted.as_bytes());
    }
}
