//! The two directions of a connection.

use std::time::Instant;

use super::lane::{Lane, Sink};
use super::outcome::Traffic;

/// The two directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// From the client to the daemon.
    pub(super) up: Lane,
    /// From the daemon to the client.
    pub(super) down: Lane,
    /// The request that is being sent: the time at which it was complete, and the number of bytes to the
    /// daemon at its end.
    handing: Option<(Instant, u64)>,
}

impl Lanes {
    /// Records that the next `length` bytes to the daemon are a request that was complete at `since`.
    pub(super) fn hand(&mut self, since: Instant, length: usize) {
        self.handing = Some((since, self.up.count().saturating_add(length as u64)));
    }

    /// Takes the time at which a request was complete that has just been sent.
    pub(super) fn handed(&mut self) -> Option<Instant> {
        let (since, _) = self.handing.take_if(|(_, end)| self.up.count() >= *end)?;
        Some(since)
    }

    /// Restarts counting, from this number of bytes sent to the daemon. Both lanes must be untouched.
    pub(super) fn begin_after(&mut self, sent: u64) {
        self.up.begin_after(sent);
        self.down.begin_after(0);
        self.handing = None;
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { to_daemon: self.up.count(), to_client: self.down.count() }
    }

    /// Returns `true` if nothing was sent on the connection, so that a client may begin with HTTP/2.
    pub(super) fn are_unused(&self) -> bool {
        self.traffic() == Traffic::default()
    }

    /// Sends the remaining bytes. No more requests are read.
    pub(super) fn wind_up(&mut self) {
        // A client that still sends after the daemon has gone must not block: it has to read the answer.
        if self.up.sink() == Sink::Broken {
            self.up.take(self.up.unseen().len());
        }
        self.pass_ends_on();
    }

    /// Passes on the ends of both sources after all their bytes.
    pub(super) fn pass_ends_on(&mut self) {
        for lane in [&mut self.up, &mut self.down] {
            if lane.has_ended() {
                lane.finish();
            }
        }
    }
}
