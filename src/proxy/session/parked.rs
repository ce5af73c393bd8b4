//! The state of an idle session that must be kept, so that the session itself can serve another
//! connection meanwhile.

use std::rc::Rc;

use super::{Link, Session};
use crate::proxy::ListenerSettings;
use crate::proxy::exchange::Exchange;

/// The state of an idle session, which has no request, no bytes and no ends.
#[derive(Debug, Clone)]
pub struct Parked {
    /// Number of bytes sent to the daemon since it was connected; `None` without a connection.
    sent: Option<u64>,
    /// The settings for its caller, once the caller is known.
    caller: Option<Rc<ListenerSettings>>,
}

impl Parked {
    /// Makes the state of a client without a daemon connection. One is made at its first request.
    #[must_use]
    pub fn unconnected() -> Self {
        Self { sent: None, caller: None }
    }
}

/// The part for the shell.
impl Session {
    /// Makes an idle session that of a client that was just accepted, as [`new`](Self::new) does, with the
    /// settings of its listener.
    pub fn begin(&mut self, settings: &Rc<ListenerSettings>) {
        self.belong_to(settings);
        self.lanes.begin_after(0);
        self.link = Link::Dialling;
        self.answer_itself();
    }

    /// Makes an idle session that of a client in the state `parked`, with the settings of its listener.
    pub fn unpark(&mut self, settings: &Rc<ListenerSettings>, parked: Parked) {
        // After a reload, the caller's rules are compiled anew.
        let caller = parked.caller.filter(|caller| caller.are_of(settings));
        self.belong_to(caller.as_ref().unwrap_or(settings));
        self.lanes.begin_after(parked.sent.unwrap_or(0));
        self.link = match parked.sent {
            Some(_) => Link::Connected { since: 0 },
            None => Link::Absent,
        };
    }

    /// Replaces the settings by those of another listener.
    fn belong_to(&mut self, settings: &Rc<ListenerSettings>) {
        if !Rc::ptr_eq(&self.settings, settings) {
            self.settings = Rc::clone(settings);
        }
    }

    /// Takes the present settings of its listener, which may have changed. An exchange that is running keeps
    /// those with which it began.
    #[inline]
    pub fn follow(&mut self, settings: &Rc<ListenerSettings>) {
        if !self.settings.are_of(settings) {
            self.renew(settings);
        }
    }

    fn renew(&mut self, settings: &Rc<ListenerSettings>) {
        if !matches!(self.exchange, Exchange::Idle(_)) {
            return;
        }
        if !Rc::ptr_eq(&self.settings.upstream, &settings.upstream) {
            match self.link {
                Link::Connected { .. } => self.link = Link::Stale,
                Link::Away(_) => self.link = Link::Absent,
                Link::Absent | Link::Dialling | Link::Stale => {}
            }
        }
        self.settings = Rc::clone(settings);
    }

    /// Returns the state to keep, if the session is idle.
    #[must_use]
    pub fn park(&self) -> Option<Parked> {
        let sent = match self.link {
            Link::Connected { since } => Some(self.lanes.up.count().saturating_sub(since)),
            Link::Absent => None,
            Link::Dialling | Link::Away(_) | Link::Stale => return None,
        };
        let caller = || self.settings.are_for_caller().then(|| Rc::clone(&self.settings));
        (self.hangups == 0 && self.is_free()).then(|| Parked { sent, caller: caller() })
    }

    /// Returns `true` if another process may continue with the client's socket: all bytes that were read from
    /// it were answered, and the answers were sent.
    #[must_use]
    pub fn is_free(&self) -> bool {
        let quiet = || self.lanes.up.is_untouched() && self.lanes.down.is_untouched();
        self.is_idle() && quiet() && self.notes.is_empty() && !self.closed
    }
}

#[cfg(test)]
mod tests;
