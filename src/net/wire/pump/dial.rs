//! Connecting to the daemon, as part of the pump.

use std::io;
use std::time::{Duration, Instant};

use mio::net::UnixStream;

use super::Pump;
use crate::net::daemons::unreachable;
use crate::net::service::notify::Reach;
use crate::net::wire::peer::Peer;
use crate::net::wire::shell::{Shell, Sockets};
use crate::proxy::{Away, DIAL_LIMIT};

/// The first and the longest pause before the next attempt; pauses grow, so that many who wait do
/// not make its trouble worse.
const DIAL_PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// The state of connecting to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dial {
    /// No connection is being made.
    Idle,
    /// The next attempt is `at` this time. While the accept queue is full, attempts go on `until` that one.
    Due { at: Instant, until: Instant },
}

impl Dial {
    /// Returns the time of the next attempt.
    pub(super) fn wakes(self) -> Option<Instant> {
        match self {
            Self::Due { at, .. } => Some(at),
            Self::Idle => None,
        }
    }
}

impl Pump {
    /// Connects to the daemon. While its accept queue is full, further attempts follow `until` that time.
    pub(super) fn dial(&mut self, sockets: &mut Sockets, shell: &mut Shell<'_>, until: Instant) {
        self.dial = Dial::Idle;
        let upstream = &self.session.settings().upstream;
        let Some(daemon) = shell.daemons.of(upstream) else {
            debug_assert!(false, "the daemon of settings in use is never removed");
            return;
        };
        let connected = UnixStream::connect(daemon.path())
            .and_then(|stream| Peer::new(stream, shell.daemon_token, shell.registry));
        // Questions about the daemon's readiness do not count as its clients.
        let counts = !shell.settings.answers;
        match connected {
            Ok(peer) => {
                if counts {
                    daemon.reached(Reach::Reached);
                }
                sockets.daemon = Some(peer);
                self.session.connected();
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock && shell.now < until && counts =>
            {
                let waited = DIAL_LIMIT.saturating_sub(until.saturating_duration_since(shell.now));
                let pause = (waited / 2).clamp(DIAL_PAUSES.0, DIAL_PAUSES.1);
                self.dial = Dial::Due { at: shell.now + pause, until };
            }
            Err(error) => {
                let socket = upstream.socket.clone();
                let why = unreachable(&error);
                if counts {
                    daemon.reached(Reach::Away);
                    shell.counters.connect_failed(&why);
                }
                self.session.away(Away { socket, why });
            }
        }
    }
}
