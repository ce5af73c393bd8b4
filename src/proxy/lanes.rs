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
    handing: Handing,
}

/// The state of the request that is being sent to the daemon.
#[derive(Debug, Clone, Copy, Default)]
enum Handing {
    #[default]
    Nothing,
    /// It was complete at this time, and is sent once this number of bytes was sent to the daemon.
    Until(Instant, u64),
}

impl Lanes {
    /// Records that the next `length` bytes to the daemon are a request that was complete at `since`.
    pub(super) fn hand(&mut self, since: Instant, length: usize) {
        self.handing = Handing::Until(since, self.up.count().saturating_add(length as u64));
    }

    /// Takes the time at which a request was complete that has just been sent.
    pub(super) fn handed(&mut self) -> Option<Instant> {
        match self.handing {
            Handing::Until(since, end) if self.up.count() >= end => {
                self.handing = Handing::Nothing;
                Some(since)
            }
            Handing::Until(..) | Handing::Nothing => None,
        }
    }

    /// Restarts counting, from this number of bytes sent to the daemon. Both lanes must be untouched.
    pub(super) fn begin_after(&mut self, sent: u64) {
        self.up.begin_after(sent);
        self.down.begin_after(0);
        self.handing = Handing::Nothing;
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
