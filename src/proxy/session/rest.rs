//! What is kept of a session in which nothing is going on, so that what else it needs can be lent to
//! another one meanwhile.

use std::rc::Rc;

use super::super::ListenerSettings;
use super::{Link, Session};

/// A session in which nothing is going on: no request, no bytes, no ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Bytes that have left for the daemon since it was connected; `None` without a connection.
    sent: Option<u64>,
}

impl Rest {
    /// The session of a client for whom no connection to the daemon was made yet. One is made when the
    /// client asks for something.
    #[must_use]
    pub fn unconnected() -> Self {
        Self { sent: None }
    }
}

/// For the shell.
impl Session {
    /// Makes a session that rests the one of a client that was just accepted, as [`new`](Self::new)
    /// does. These are the settings of its listener.
    pub fn begin(&mut self, settings: &Rc<ListenerSettings>) {
        self.belong_to(settings);
        self.lanes.begin_after(0);
        self.link = Link::Dialling;
        self.answer_itself();
    }

    /// Makes a session that rests the one that goes on after `rest`. These are the settings of its
    /// listener.
    pub fn wake(&mut self, settings: &Rc<ListenerSettings>, rest: Rest) {
        self.belong_to(settings);
        self.lanes.begin_after(rest.sent.unwrap_or(0));
        self.link = match rest.sent {
            Some(_) => Link::Connected { since: 0 },
            None => Link::Absent,
        };
    }

    /// Takes the settings of a listener in the place of those of the one before.
    fn belong_to(&mut self, settings: &Rc<ListenerSettings>) {
        if !Rc::ptr_eq(&self.settings, settings) {
            self.settings = Rc::clone(settings);
        }
    }

    /// What is to be kept of it, if nothing is going on.
    #[must_use]
    pub fn rest(&self) -> Option<Rest> {
        let sent = match self.link {
            Link::Connected { since } => Some(self.lanes.up.count().saturating_sub(since)),
            Link::Absent => None,
            Link::Dialling | Link::Away(_) | Link::Stale => return None,
        };
        (self.hangups == 0 && self.is_free()).then_some(Rest { sent })
    }

    /// Whether the client's socket holds all that there is of it: whatever the client has sent was read by
    /// nobody, or was answered, and the answer has left. Then another process may go on with that socket.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let quiet = self.lanes.up.is_untouched() && self.lanes.down.is_untouched();
        self.is_idle() && quiet && self.notes.is_empty() && !self.closed
    }
}
