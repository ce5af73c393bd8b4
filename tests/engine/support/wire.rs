//! Raw bytes to a socket, and the bytes that come back.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Sends `request` and returns all bytes until the connection ends. `half_close` ends a connection that would
/// otherwise be kept.
pub(crate) fn converse(socket: &Path, request: &[u8], half_close: bool) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A daemon that answered early may have closed the connection.
    let _ = stream.write_all(request);
    if half_close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer);
    let end = end.map_or_else(|error| format!("<{}>", error.kind()), |_| "<end>".to_owned());
    let answer = answer.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'");
    without_date(&answer) + &end
}

/// Sends a request whose content is JSON, or a tar; returns status and content of the response.
pub(crate) fn exchange(socket: &Path, method: &str, target: &str, content: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let is_json = content.first().is_none_or(|first| b"{[\"".contains(first));
    let kind = if is_json { "json" } else { "x-tar" };
    let length = content.len();
    let head = format!(
        "{method} {target} HTTP/1.0\r\nHost: d\r\nContent-Type: application/{kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), content].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{answer:?}")), body.to_owned())
}

/// Removes the one field that differs between answers.
fn without_date(answer: &str) -> String {
    let mut lines = answer.split("\\r\\n").map(|line| match line {
        line if line.starts_with("Date: ") => "Date: ...",
        line => line,
    });
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |whole, line| whole + "\\r\\n" + line)
}
