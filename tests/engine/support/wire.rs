//! Raw bytes to a socket, and what comes back.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Everything that comes back for `request` until the connection ends. `half_close` tells the
/// other side that nothing more will be sent, which ends a connection that would be kept.
pub(crate) fn converse(socket: &Path, request: &[u8], half_close: bool) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A daemon that has answered early may have closed.
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

/// The one field that differs from one answer to the next.
fn without_date(answer: &str) -> String {
    let mut lines = answer.split("\\r\\n").map(|line| match line {
        line if line.starts_with("Date: ") => "Date: ...",
        line => line,
    });
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |whole, line| whole + "\\r\\n" + line)
}
