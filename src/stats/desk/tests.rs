use super::*;

fn ask(line: &str) -> Asked {
    asked(format!("{line}\r\nHost: x\r\n\r\n").as_bytes())
}

/// Returns status and body of a response.
fn read(answer: &[u8]) -> (u16, String) {
    let text = str::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = format!("Content-Length: {}\r\n", body.len());
    assert!(head.contains(&length) && head.contains("\r\nConnection: close"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn there_are_three_questions() {
    assert_eq!(ask("GET /metrics HTTP/1.1"), Asked::For(Question::Metrics, false));
    assert_eq!(ask("GET /metrics?name[]=x HTTP/1.0"), Asked::For(Question::Metrics, false));
    assert_eq!(ask("HEAD /healthz HTTP/1.1"), Asked::For(Question::Health, true));
    assert_eq!(ask("GET /readyz HTTP/1.1"), Asked::For(Question::Ready, false));
}

#[test]
fn bad_requests_get_an_explanation() {
    for (line, status) in [
        ("GET / HTTP/1.1", 404),
        ("GET /metrics/ HTTP/1.1", 404),
        ("POST /containers/create HTTP/1.1", 404),
        ("POST /metrics HTTP/1.1", 405),
        ("GET /metrics HTTP/3.0", 400),
        ("GET /metrics", 400),
        ("\u{1}", 400),
    ] {
        let Asked::Wrong(answer) = ask(line) else { panic!("{line}") };
        assert_eq!(read(&answer).0, status, "{line}");
    }
    let Asked::Wrong(answer) = ask("DELETE /readyz HTTP/1.1") else { panic!() };
    assert!(str::from_utf8(&answer).unwrap().contains("\r\nAllow: GET, HEAD\r\n"));
    let Asked::Wrong(answer) = ask("HEAD /x HTTP/1.1") else { panic!() };
    assert!(answer.ends_with(b"\r\n\r\n"));
}

#[test]
fn a_request_may_come_in_pieces_but_not_be_long() {
    let whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for cut in 0..whole.len() {
        assert_eq!(asked(&whole[..cut]), Asked::Partly, "{cut}");
    }
    let long = format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(REQUEST_LIMIT));
    assert_eq!(asked(&long.as_bytes()[..REQUEST_LIMIT - 1]), Asked::Partly);
    let Asked::Wrong(answer) = asked(&long.as_bytes()[..REQUEST_LIMIT]) else { panic!() };
    assert_eq!(read(&answer).0, 431);
}

#[test]
fn readiness_is_the_daemons_200() {
    let answer = |status| format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nOK");
    assert_eq!(pong(answer("200").as_bytes(), false), Some(Ok(())));
    assert_eq!(pong(b"HTTP/1.1 200 OK\r\nContent-Le", false), None);
    for (bytes, ended, why) in [
        (answer("500"), false, "with status 500"),
        ("HTTP/1.1 200 OK\r\n".to_owned(), true, "hung up"),
        (String::new(), true, "hung up"),
        ("\u{7f}".to_owned(), false, "malformed"),
        ("HTTP/1.1 200 OK\r\nX: ".to_owned() + &"x".repeat(PONG_LIMIT), false, "too long"),
    ] {
        let said = pong(bytes.as_bytes(), ended).unwrap().unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(read(&ready(Ok(()), false)), (200, "ready\n".to_owned()));
    assert_eq!(read(&ready(Err("away"), false)), (503, "not ready: away\n".to_owned()));
}
