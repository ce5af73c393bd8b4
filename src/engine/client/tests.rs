use super::*;
use crate::http::body::Framing;
use crate::http::head::{self, Scan};

fn text(request: Vec<u8>) -> String {
    String::from_utf8(request).unwrap()
}

#[test]
fn a_name_cannot_lead_out_of_its_place_in_the_path() {
    let name = "a b?c/../d\r\n#%2f";
    for request in [inspect_container(name), inspect_image(Api::Old, name, None)] {
        let request = text(request);
        let target = request.split(' ').nth(1).unwrap();
        assert!(!target.contains(['?', '#', '\r', '\n']) && target.ends_with("/json"), "{target}");
        assert!(target.contains("%252f"), "{target}");
        assert_eq!(request.lines().count(), 3, "{request}");
    }
}

#[test]
fn a_platform_is_named_to_a_daemon_that_may_know_it() {
    let line = |api| text(inspect_image(api, "x", Some(r#"{"os":"linux"}"#)));
    let platform = "?platform=%7B%22os%22%3A%22linux%22%7D";
    assert!(line(Api::Old).starts_with("GET /images/x/json HTTP/1.1\r\n"));
    assert!(line(Api::Unknown).starts_with(&format!("GET /images/x/json{platform} ")));
    assert!(line(Api::Minor(51)).starts_with(&format!("GET /v1.51/images/x/json{platform} ")));
    let platforms = text(list_platforms(Api::Minor(51), "x"));
    assert!(platforms.starts_with("GET /v1.51/images/x/json?manifests=1 "));
}

#[test]
fn each_request_is_one_that_can_be_read() {
    for (request, body) in [
        (ping(), ""),
        (inspect_container("c"), ""),
        (
            create_volume(r#""v""#, r#""""#, r#"{"a":"b"}"#),
            r#"{"Name":"v","Driver":"","Labels":{"a":"b"}}"#,
        ),
    ] {
        let end = Scan::default().end_of_head(&request).unwrap().unwrap();
        let (head, rest) = request.split_at(end);
        let head = head::request(head).unwrap();
        assert!(head.persistent);
        assert_eq!(rest, body.as_bytes());
        let framed = match head.framing {
            Framing::Length(length) => length,
            _ => 0,
        };
        assert_eq!(framed, body.len() as u64);
    }
}
