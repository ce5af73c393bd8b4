//! The command `status`: asks a running proxy about itself, at its stats socket. It blocks, and is no
//! part of the event loop.

use std::path::Path;

use super::client::{self, Error};

/// Asks the proxy at `socket`. Returns its report, and `true` if the daemon is ready.
///
/// # Errors
///
/// The reason why there is no report.
pub fn ask(socket: &Path) -> Result<(String, bool), String> {
    let at = socket.display();
    let strange = || format!("what answers at {at} is no proxy of this kind");
    let (status, text) = client::text(socket, "/status").map_err(|why| match why {
        Error::Away(error) => {
            format!("nobody answers at {at}: {error}; does a proxy run with --stats-socket {at}?")
        }
        Error::TimedOut => format!("the proxy at {at} did not answer in time"),
        _ => strange(),
    })?;
    match status {
        200 | 503 if text.starts_with("version:") => Ok((text, status == 200)),
        _ => Err(strange()),
    }
}
