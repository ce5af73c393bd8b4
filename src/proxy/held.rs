//! Held requests: the head was taken out of the lane, and the request waits for its body or for facts.

use std::ops::Range;
use std::time::Instant;

use super::ListenerSettings;
use super::collect::{Collect, Share};
use super::fault::Fault;
use super::lanes::Lanes;
use super::outcome::{Call, Verdict};
use crate::http::body::Framing;
use crate::http::render;
use crate::rules::facts::Facts;
use crate::rules::{self, Asked, Edited, Judgement, Traits};

/// A held request.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) call: Call,
    /// The time at which its head, or its gathered body, was complete.
    pub(super) complete: Instant,
    /// `true` if the client wants to keep the connection.
    pub(super) persistent: bool,
    /// `true` if the client may wait for `100 Continue`.
    pub(super) expects_continue: bool,
    pub(super) facts: Facts,
    head: Vec<u8>,
    /// The range of the request-target in the head.
    target: Range<usize>,
    traits: Traits,
    body: Body,
}

/// The body of a held request.
#[derive(Debug)]
enum Body {
    /// It stays in the lane, unread.
    InLane,
    /// It is gathered, completely or in part.
    Gathered(Collect),
}

/// The progress of gathering a body.
#[derive(Debug)]
pub(super) enum Gathered {
    Waits,
    Whole,
    /// The daemon has ended, and nothing was sent.
    Cut,
    Fault(Fault),
}

/// The body of a request whose head was sent.
#[derive(Debug)]
pub(super) enum Sent {
    /// It is in the lane, with this framing.
    InLane(Framing),
    /// It is in the outbox, and uses this share of the budget until it was sent.
    Queued(Share),
}

impl Held {
    /// Holds the request of `call` with this head, in which the request-target is at `target`.
    pub(super) fn new(call: Call, head: Vec<u8>, target: Range<usize>, traits: Traits) -> Self {
        Self {
            complete: call.started,
            call,
            persistent: false,
            expects_continue: false,
            facts: Facts::default(),
            head,
            target,
            traits,
            body: Body::InLane,
        }
    }

    /// Returns `true` if its body is in the lane, or will arrive there.
    pub(super) fn leaves_body(&self) -> bool {
        matches!(self.body, Body::InLane) && !self.traits.is_empty()
    }

    /// Begins to gather the body.
    ///
    /// # Errors
    /// A length that is over a limit already.
    pub(super) fn begin_to_gather(&mut self, settings: &ListenerSettings) -> Result<(), Fault> {
        self.body = Body::Gathered(Collect::new(self.traits.framing, &settings.shared.budget)?);
        Ok(())
    }

    /// Gathers the received part of the body.
    pub(super) fn gather(&mut self, lanes: &mut Lanes, now: Instant) -> Gathered {
        if lanes.down.has_ended() {
            return Gathered::Cut;
        }
        let Body::Gathered(collect) = &mut self.body else { return Gathered::Whole };
        match collect.advance(&mut lanes.up) {
            Ok(true) => {
                self.complete = now;
                Gathered::Whole
            }
            Ok(false) if lanes.up.has_ended() => Gathered::Fault(Fault::CutShort),
            Ok(false) => Gathered::Waits,
            Err(fault) => Gathered::Fault(fault),
        }
    }

    /// Judges the request by the known facts.
    pub(super) fn judge(&self, settings: &ListenerSettings) -> Judgement {
        let target = self.head.get(self.target.clone()).unwrap_or_default();
        let asked = Asked {
            operation: self.call.operation,
            // It was parsed as text before.
            target: str::from_utf8(target).unwrap_or_default(),
            traits: self.traits,
            body: match &self.body {
                Body::InLane => None,
                Body::Gathered(collect) => Some(collect.content()),
            },
        };
        rules::judge(&settings.profile, &asked, &self.facts)
    }

    /// Sends the request with an edit, whose body uses `share` of the budget. Returns the place of the body.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(super) fn send(
        &mut self,
        edited: Edited,
        mut share: Share,
        lanes: &mut Lanes,
    ) -> Result<Sent, Fault> {
        self.call.verdict = Verdict::Forwarded(edited.forced);
        let mut head = std::mem::take(&mut self.head);
        if let Some(target) = &edited.target {
            head = render::with_target(&head, self.target.clone(), target);
        }
        let body = match (edited.body, std::mem::replace(&mut self.body, Body::InLane)) {
            (Some(body), _) => body,
            (None, Body::Gathered(collect)) => collect.content().to_vec(),
            (None, Body::InLane) => {
                lanes.hand(self.complete, head.len());
                lanes.up.queue(head);
                return Ok(Sent::InLane(self.traits.framing));
            }
        };
        if self.traits.is_empty() && !body.is_empty() {
            head = render::for_document(&head);
        }
        let mut request = body;
        // The edit reserves space for the head, since a second copy of the body would cost more.
        request.splice(..0, render::with_length(&head, request.len()));
        share.hold(request.len())?;
        lanes.hand(self.complete, request.len());
        lanes.up.queue(request);
        Ok(Sent::Queued(share))
    }
}

#[cfg(test)]
mod tests;
