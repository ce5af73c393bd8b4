use super::*;

const HEAD: &[u8] = b"POST /v1.51/containers/create?name=x HTTP/1.1\r\nHost: docker\r\nuser-agent: a\r\nUSER-AGENT: b\r\n\
    content-type: Application/JSON; charset=utf-8\r\nX-Registry-Auth: secret\r\nx-registry-config: secret\r\n\
    authorization: secret\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n";

#[test]
fn a_request_has_the_members_of_dockerd() {
    let expected = concat!(
        r#"{"RequestBody":"e30=","RequestHeaders":{"Content-Length":"2","Content-Type":"application/json","#,
        r#""User-Agent":"b"},"RequestMethod":"POST","RequestUri":"/v1.51/containers/create?name=x","#,
        r#""User":"ci","UserAuthNMethod":"PEERCRED"}"#,
    );
    assert_eq!(request("ci", HEAD, Some(b"{}")), expected);
}

#[test]
fn empty_members_are_missing_and_the_media_type_stays_without_a_body() {
    let expected = r#"{"RequestMethod":"GET","RequestUri":"/info","UserAuthNMethod":"PEERCRED"}"#;
    assert_eq!(request("", b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n", None), expected);
    let tar = b"POST /build HTTP/1.1\r\nContent-Type: application/x-tar\r\n\r\n";
    assert!(request("", tar, None).contains(r#""Content-Type":"application/x-tar""#));
}

#[test]
fn a_response_is_added_to_its_request() {
    let head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nHost: x\r\n\r\n";
    let expected = concat!(
        r#"{"RequestMethod":"GET","ResponseStatusCode":201,"ResponseBody":"e30K","#,
        r#""ResponseHeaders":{"Content-Type":"application/json"}}"#
    );
    assert_eq!(response(r#"{"RequestMethod":"GET"}"#, 201, head, b"{}\n"), expected);
    let bare = response(r#"{"RequestMethod":"GET"}"#, 204, b"HTTP/1.1 204 No Content\r\n\r\n", b"");
    assert_eq!(bare, r#"{"RequestMethod":"GET","ResponseStatusCode":204}"#);
}

#[test]
fn base64_is_that_of_the_rfc() {
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
    assert_eq!(base64(&[0xfb, 0xff, 0xbf]), "+/+/");
}
