//! A daemon that answers the proxy's own questions before a create: the image has no volumes, the
//! container mounts nothing, the volume is there.

use super::naive;

/// Beginnings of the proxy's questions. No real client writes these heads like that.
const BEGINNINGS: &[&str] = &[
    "GET /images/",
    "GET /v1.49/images/",
    "GET /v1.50/images/",
    "GET /v1.51/images/",
    "GET /v1.52/images/",
    "GET /containers/",
    "POST /volumes/create HTTP/1.1\r\nHost: docker\r\n",
];

/// Returns the start of the proxy's question and its answer, if the daemon's bytes end in one.
pub fn answer(got: &[u8]) -> Option<(usize, Vec<u8>)> {
    if !got.ends_with(b"\r\n\r\n") && !got.ends_with(b"}") {
        return None;
    }
    let text = &got[got.len().saturating_sub(2000)..];
    let begin = BEGINNINGS.iter().filter_map(|begin| find_last(text, begin.as_bytes())).max()?;
    let (head, body) = split_head(&text[begin..])?;
    let lines: Vec<&str> = head.split("\r\n").collect();
    let [request, "Host: docker", fields @ ..] = lines.as_slice() else { return None };
    let complete = match fields {
        [] => request.starts_with("GET ") && body.is_empty(),
        ["Content-Type: application/json", length] => {
            length.strip_prefix("Content-Length: ").is_some_and(|n| n == body.len().to_string())
        }
        _ => false,
    };
    complete.then(|| (got.len() - text.len() + begin, content(request.starts_with("GET "))))
}

/// Returns the answer to `request`, if it is one of those questions.
pub fn answer_to(request: &naive::Request) -> Option<Vec<u8>> {
    let names: Vec<&str> = request.fields.iter().map(|(name, _)| &**name).collect();
    let asks = request.method == "GET"
        && names == ["host"]
        && BEGINNINGS.iter().any(|begin| format!("GET {}", request.target).starts_with(begin))
        && request.target.split('?').next().is_some_and(|path| path.ends_with("/json"));
    let orders = request.method == "POST"
        && names == ["host", "content-type", "content-length"]
        && request.target == "/volumes/create"
        && request.fields[0].1 == b"docker";
    let pings = request.target == "/_ping"
        && names == ["host"]
        && request.method == "GET"
        && request.fields[0].1 == b"docker";
    if pings {
        return Some(
            b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nContent-Length: 2\r\n\r\nOK".to_vec(),
        );
    }
    (asks || orders).then(|| content(asks))
}

fn content(of_question: bool) -> Vec<u8> {
    let content =
        if of_question { r#"{"Os":"linux","Config":{"Volumes":null},"Mounts":[]}"# } else { "{}" };
    let length = content.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{content}").into_bytes()
}

fn find_last(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).rposition(|window| window == wanted)
}

fn split_head(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]))
}
