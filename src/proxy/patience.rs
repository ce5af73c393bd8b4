//! What is waited for, and for how long.

use std::time::Duration;

/// Something that may be waited for only so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nothing is timed: streams may be quiet for ever.
    Endless,
    /// A request head is to be completed.
    Head,
    /// A client is to read our last bytes and close.
    Linger,
    /// A request that the proxy itself answers is to be completed.
    Query,
    /// The daemon is to report that it is ready.
    Pong,
    /// A client is to read the proxy's own response.
    Reader,
}

impl Patience {
    /// How long; `None` is for ever.
    #[must_use]
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::Endless => None,
            // As long as the daemon's own ReadHeaderTimeout.
            Self::Head => Some(Duration::from_mins(5)),
            // Long enough to read an answer, short enough not to keep a dead peer's descriptors.
            Self::Linger | Self::Query | Self::Reader => Some(Duration::from_secs(5)),
            Self::Pong => Some(Duration::from_secs(2)),
        }
    }
}
