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

/// The state of the request that leaves for the daemon.
#[derive(Debug, Clone, Copy, Default)]
enum Handing {
    #[default]
    Nothing,
    /// It was complete, as far as it is looked at, at this moment, and is out when so many bytes have
    /// left for the daemon.
    Until(Instant, u64),
}

impl Lanes {
    /// Takes note that the next `length` bytes for the daemon are a request that was complete at
    /// `since`.
    pub(super) fn hand(&mut self, since: Instant, length: usize) {
        self.handing = Handing::Until(since, self.up.count().saturating_add(length as u64));
    }

    /// Takes the moment since which a request was held that has left now.
    pub(super) fn handed(&mut self) -> Option<Instant> {
        match self.handing {
            Handing::Until(since, end) if self.up.count() >= end => {
                self.handing = Handing::Nothing;
                Some(since)
            }
            Handing::Until(..) | Handing::Nothing => None,
        }
    }

    /// Counts anew, from so many bytes that have left for the daemon. Both lanes are untouched.
    pub(super) fn begin_after(&mut self, sent: u64) {
        self.up.begin_after(sent);
        self.down.begin_after(0);
        self.handing = Handing::Nothing;
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic { to_daemon: self.up.count(), to_client: self.down.count() }
    }

    /// Returns `true` if nothing was said on the connection, so that a client may begin with HTTP/2.
    pub(super) fn are_unused(&self) -> bool {
        self.traffic() == Traffic::default()
    }

    /// Lets leave what is left. No more requests are read.
    pub(super) fn wind_up(&mut self) {
        // A client that still sends to a daemon that is gone is not to be stuck: it must get to read.
        if self.up.sink() == Sink::Broken {
            self.up.take(self.up.unseen().len());
        }
        self.pass_ends_on();
    }

    /// Passes the ends of both sources on, once everything has left.
    pub(super) fn pass_ends_on(&mut self) {
        for lane in [&mut self.up, &mut self.down] {
            if lane.has_ended() {
                lane.finish();
            }
        }
    }
}
