//! Unusual HTTP, byte for byte: the daemon's answer is the same through the proxy, except for what the proxy
//! refuses on purpose (SECURITY.md has the reasons).

use crate::support::{Kind, Lab, converse};

/// Unusual requests. `<close>` is a placeholder for the rest of a head after which the daemon closes.
const ODD: &[&str] = &[
    "GET /_ping HTTP/1.1\r\n<close>",
    "HEAD /_ping HTTP/1.1\r\n<close>",
    "HEAD /nothing HTTP/1.1\r\n<close>",
    "OPTIONS * HTTP/1.1\r\n<close>",
    // Engine 29.2 and later support it.
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "OPTIONS /info HTTP/1.1\r\n<close>",
    "BREW /_ping HTTP/1.1\r\n<close>",
    "get /_ping HTTP/1.1\r\n<close>",
    "GET //_ping HTTP/1.1\r\n<close>",
    "GET /v1.41/../_ping HTTP/1.1\r\n<close>",
    "GET http://any/_ping HTTP/1.1\r\n<close>",
    "GET unix:///%5fping HTTP/1.1\r\n<close>",
    "GET nonsense HTTP/1.1\r\n<close>",
    "GET http://any/_ping HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET /V1.41/_ping HTTP/1.1\r\n<close>",
    "GET /_ping/ HTTP/1.1\r\n<close>",
    "GET /_ping;x=1 HTTP/1.1\r\n<close>",
    "GET /_ping#x HTTP/1.1\r\n<close>",
    "GET /containers/json?all=1;x&limit=%zz HTTP/1.1\r\n<close>",
    "GET /v9.99/_ping HTTP/1.1\r\n<close>",
    "GET /v0.1/_ping HTTP/1.1\r\n<close>",
    "GET /_ping?{\"[<>]\u{c3}\u{a9}} HTTP/1.1\r\n<close>",
    // Image names that the daemon's router cleans, so that the proxy's question is redirected.
    "POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16\r\n<close>{\"Image\":\"a//b\"}",
    "POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 16\r\n<close>{\"Image\":\"../x\"}",
    "GET /_ping HTTP/1.0\r\n\r\n",
    "GET /_ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /_ping HTTP/1.0\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: /var/run/docker.sock\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: a b\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: a,b\r\nConnection: close\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: \u{ff}\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: %2Fvar%2Frun%2Fdocker.sock\r\nConnection: close\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nX: \u{ff}\t\u{fe}\r\n<close>",
    "GET /_ping HTTP/1.1\r\nUpgrade: h2c\r\n<close>",
    "GET /_ping HTTP/1.1\r\nExpect: something\r\n<close>",
    "POST /containers/none/start HTTP/1.1\r\nContent-Length: 007\r\n<close>1234567",
    "POST /images/load HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n<close>abc",
    "POST /images/load HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n<close>\
         3;a=b\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
    "POST /images/load HTTP/1.1\r\nTransfer-Encoding: chunked\r\n<close>0003 \r\nabc\r\n00\r\n\r\n",
    "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nGET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
    "POST /containers/none/attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n",
    "POST /containers/none/attach HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /exec/none/start HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nUpgrade: tcp\r\n<close>{}",
    "POST /grpc HTTP/1.1\r\n<close>",
    "POST /session HTTP/1.1\r\n<close>",
    "GET /containers/none/attach/ws HTTP/1.1\r\n<close>",
];

const CLOSE: &str = "Host: d\r\nConnection: close\r\n\r\n";

#[test]
fn odd_requests_are_answered_as_by_the_daemon() {
    let Some(lab) = Lab::open() else { return };
    let long = format!("GET /_ping?{} HTTP/1.1\r\n<close>", "x".repeat(200_000));
    let many = format!("GET /_ping HTTP/1.1\r\n{}<close>", "X-Many: 1\r\n".repeat(2000));
    let container = lab.background(&[], "sleep 600");
    let started = format!("POST /containers/{container}/start HTTP/1.1\r\n<close>");
    let signalled = format!("POST /containers/{container}/kill?signal=CONT HTTP/1.1\r\n<close>");
    for request in ODD.iter().copied().chain([long.as_str(), &many, &started, &signalled]) {
        let request = request.replace("<close>", CLOSE);
        // Characters up to U+00FF are single bytes.
        let bytes: Vec<u8> = request.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let direct = converse(&lab.engine.socket, &bytes, false);
        let through = converse(&lab.proxy.socket(), &bytes, false);
        assert_eq!(through, direct, "for {}", request.get(..300).unwrap_or(&request));
    }
}

#[test]
fn a_half_close_cancels_as_on_the_daemons_socket() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 600");
    for target in
        ["GET /events", &format!("POST /containers/{container}/wait"), "GET /_ping", "GET /nothing"]
    {
        let request = format!("{target} HTTP/1.1\r\nHost: d\r\n\r\n");
        let direct = converse(&lab.engine.socket, request.as_bytes(), true);
        let through = converse(&lab.proxy.socket(), request.as_bytes(), true);
        assert_eq!(through, direct, "for {target}");
    }
}

#[test]
fn what_parsers_read_differently_is_refused_with_a_reason() {
    let Some(lab) = Lab::open() else { return };
    for (request, reason) in [
        ("GET /_ping HTTP/1.1\nHost: d\n\n", "bare LF"),
        ("\r\nGET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", "does not begin with"),
        ("GET /_ping HTTP/1.1\r\nHost: d\r\nX: a\r\n b\r\n\r\n", "in its head"),
        ("GET /_ping HTTP/1.1\r\nHost : d\r\n\r\n", "in its head"),
        ("GET /_ping HTTP/1.2\r\nHost: d\r\n\r\n", "in its head"),
        ("GET /_ping?a b HTTP/1.1\r\nHost: d\r\n\r\n", "in its head"),
        ("GET /%zz HTTP/1.1\r\nHost: d\r\n\r\n", "percent-escape"),
        ("POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: +5\r\n\r\n", "plain decimal"),
        (
            "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "more than one",
        ),
        (
            "POST /x HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "POST /x HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "Transfer-Encoding is not exactly",
        ),
        ("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0"),
    ] {
        let answer = converse(&lab.proxy.socket(), request.as_bytes(), false);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\\r\\n"), "{request:?}: {answer}");
        assert!(answer.contains("dockerd-ci-proxy: the client's request is malformed"), "{answer}");
        assert!(answer.contains(reason), "{request:?}: {answer}");
    }
}

#[test]
fn an_unlabelled_create_does_not_get_through_in_any_spelling() {
    let Some(lab) = Lab::open() else { return };
    for target in [
        "/volumes/create",
        "/v1.41/volumes/create",
        "/v1.41./volumes/create",
        "/v1%2E41/volumes%2Fcreate",
        "/%76olumes/creat%65?",
        "http://any/volumes/create",
        "unix:///volumes/create",
        "docker:/volumes/create",
    ] {
        let body = r#"{"LABELS":{"ci.job":"mine"}}"#;
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = converse(&lab.proxy.socket(), request.as_bytes(), false);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{target}: {answer}");
        let (_, name) = answer.split_once("\"Name\":\"").unwrap();
        let name = name.split('"').next().unwrap();
        lab.remove_later(Kind::Volume, name);
        lab.assert_labels(Kind::Volume, name, &[]);
    }
}

/// Some registries have long tokens. The daemon accepts heads of 1 MiB, and so does the proxy.
#[test]
fn a_registrys_token_of_200_kb_passes() {
    let Some(lab) = Lab::open() else { return };
    // {"password":  "aaa..." }
    let token = format!("eyJwYXNzd29yZCI6ICAi{}IiB9", "YWFh".repeat(50_000));
    let asks = format!(
        "POST /images/create?fromImage=localhost%3A1%2Fnone&tag=x HTTP/1.1\r\nHost: d\r\n\
         X-Registry-Auth: {token}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    let through = converse(&lab.proxy.socket(), asks.as_bytes(), false);
    assert_eq!(through, converse(&lab.engine.socket, asks.as_bytes(), false));
    // That registry does not exist, but the daemon tries to reach it.
    assert!(through.contains("localhost:1"), "{through}");
    let create = format!(
        "POST /volumes/create HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    let through = converse(&lab.proxy.socket(), create.as_bytes(), false);
    let name = through.split("\"Name\":\"").nth(1).and_then(|rest| rest.split('"').next());
    let name = name.unwrap_or_else(|| panic!("{through}"));
    lab.remove_later(Kind::Volume, name);
    lab.assert_labels(Kind::Volume, name, &[]);
}
