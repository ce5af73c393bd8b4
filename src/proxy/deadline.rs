//! The deadlines of a connection.

use std::time::Duration;

/// The event that a deadline applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// None: streams may be quiet forever.
    Endless,
    /// The client completes a request head.
    Head,
    /// The client reads the last bytes and closes.
    Linger,
    /// The client completes a request that the proxy itself answers.
    Query,
    /// The daemon reports that it is ready.
    Pong,
    /// The client reads the proxy's own response.
    Reader,
}

impl Deadline {
    /// Returns the time limit; `None` for no limit.
    #[must_use]
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Endless => None,
            // The daemon's own ReadHeaderTimeout.
            Self::Head => Some(Duration::from_mins(5)),
            // Enough to read an answer, but too short to hold many descriptors of dead clients.
            Self::Linger | Self::Query | Self::Reader => Some(Duration::from_secs(5)),
            Self::Pong => Some(Duration::from_secs(2)),
        }
    }
}
