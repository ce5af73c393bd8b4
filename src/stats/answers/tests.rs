use super::*;

fn present() -> Present {
    Present { room: 1, ..Present::default() }
}

/// Returns the answer when this is known of the daemon.
fn asks(line: &str, ready: Option<Readiness>, present: &Present) -> Answer {
    let request = format!("{line}\r\nHost: x\r\n\r\n").into_bytes();
    answer(&Query { request, ready }, &Counters::default(), present)
}

/// Returns status and body of a response.
fn read(answer: Answer) -> (u16, String) {
    let Answer::Response(response) = answer else { panic!("the daemon is to be asked") };
    let text = String::from_utf8(response).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length = format!("Content-Length: {}\r\n", body.len());
    assert!(body.is_empty() || head.contains(&length), "{head}");
    assert!(head.contains("\r\nConnection: close"), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn get(line: &str) -> (u16, String) {
    read(asks(line, None, &present()))
}

#[test]
fn what_does_not_depend_on_the_daemon_is_answered_at_once() {
    assert_eq!(get("GET /healthz HTTP/1.1"), (200, "ok\n".to_owned()));
    assert!(get("GET /metrics?name[]=x HTTP/1.0").1.starts_with("# HELP dockerd_ci_proxy_"));
    assert_eq!(get("HEAD /metrics HTTP/1.1"), (200, String::new()));
}

#[test]
fn readiness_is_that_of_the_daemon() {
    for target in ["/readyz", "/status"] {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(asks(&line, None, &present()), Answer::AskDaemon);
        let (status, text) = read(asks(&line, Some(Ok(())), &present()));
        assert!(status == 200 && text.contains("ready\n"), "{text}");
        let (status, text) = read(asks(&line, Some(Err("away".to_owned())), &present()));
        assert!(status == 503 && text.contains("not ready: away\n"), "{text}");
        // Who shuts down does not ask.
        let ends = Present { draining: true, ..present() };
        let (status, text) = read(asks(&line, None, &ends));
        assert!(status == 503 && text.contains("not ready: the proxy is shutting down\n"));
    }
    let ready = asks("GET /readyz HTTP/1.1", Some(Ok(())), &present());
    assert_eq!(read(ready), (200, "ready\n".to_owned()));
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
        assert_eq!(get(line).0, status, "{line}");
    }
    let Answer::Response(refused) = asks("DELETE /readyz HTTP/1.1", None, &present()) else {
        panic!()
    };
    assert!(str::from_utf8(&refused).unwrap().contains("\r\nAllow: GET, HEAD\r\n"));
    assert_eq!(get("HEAD /x HTTP/1.1"), (404, String::new()));
    let cut = Query { request: b"GET /healthz HTTP/1.1\r\nX: xxx".to_vec(), ready: None };
    assert_eq!(read(answer(&cut, &Counters::default(), &present())).0, 431);
}
