//! The question how a proxy does, for a person at a terminal: asked at its stats socket, blocking,
//! and no part of the event loop.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::client::{self, Error};
use crate::stats::summary::summary;

/// Asks the proxy at `socket`; tells how it does, and whether the daemon would answer a client now.
///
/// # Errors
///
/// What is wrong there, in words.
pub fn ask(socket: &Path) -> Result<(String, bool), String> {
    let at = socket.display();
    let strange = || format!("what answers at {at} is no proxy of this kind");
    let words = |why: Error| match why {
        Error::Away(error) => {
            format!("nobody answers at {at}: {error}; does a proxy run with --stats-socket {at}?")
        }
        Error::TimedOut => format!("the proxy at {at} did not answer in time"),
        _ => strange(),
    };
    let (_, page) = client::text(socket, "/metrics").map_err(words)?;
    let (status, ready) = client::text(socket, "/readyz").map_err(words)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = summary(&page, ready.trim_end(), now).ok_or_else(strange)?;
    Ok((text, status == 200))
}
