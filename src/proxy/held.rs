//! Held requests: the head was taken out of the lane, and the request waits for its body or for facts.

use std::ops::Range;
use std::time::Instant;

use super::ListenerSettings;
use super::collect::{Collect, Share};
use super::fault::Fault;
use super::lanes::Lanes;
use super::outcome::{Call, Verdict};
use super::relay::Upload;
use super::turn::Hand;
use crate::http::render;
use crate::rules::authz::{Authorization, Authz};
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
    /// The body, gathered completely or in part. Otherwise it stays in the lane, unread.
    body: Option<Collect>,
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
            body: None,
        }
    }

    /// Returns `true` if its body is in the lane, or will arrive there.
    pub(super) fn leaves_body(&self) -> bool {
        self.body.is_none() && !self.traits.is_empty()
    }

    /// Begins to gather the body.
    ///
    /// # Errors
    /// A length that is over a limit already.
    pub(super) fn begin_to_gather(&mut self, hand: &mut Hand<'_>) -> Result<(), Fault> {
        self.body = Some(Collect::new(self.traits.framing, &hand.settings.shared.budget)?);
        if self.expects_continue {
            hand.lanes.down.queue(render::CONTINUE.to_vec());
        }
        Ok(())
    }

    /// Gathers the received part of the body. Returns `true` once the body is complete.
    ///
    /// # Errors
    /// A body that cannot be gathered.
    pub(super) fn gather(&mut self, hand: &mut Hand<'_>) -> Result<bool, Fault> {
        if let Some(collect) = &mut self.body
            && !collect.advance(&mut hand.lanes.up)?
        {
            return if hand.lanes.up.has_ended() { Err(Fault::CutShort) } else { Ok(false) };
        }
        self.complete = hand.now;
        Ok(true)
    }

    /// Judges the request by the known facts.
    pub(super) fn judge(&self, settings: &ListenerSettings) -> Judgement {
        let target = self.head.get(self.target.clone()).unwrap_or_default();
        let asked = Asked {
            operation: self.call.operation,
            // It was parsed as text before.
            target: str::from_utf8(target).unwrap_or_default(),
            traits: self.traits,
            body: self.body.as_ref().map(Collect::content),
        };
        rules::judge(&settings.profile, &asked, &self.facts)
    }

    /// Returns the question to authorization plugins about the request as it is sent with `edited`.
    pub(super) fn authorization(&self, edited: &Edited, authz: &Authz) -> Authorization {
        let body = edited.body.as_deref().or(self.body.as_ref().map(Collect::content));
        let mut head = self.edited_head(self.head.clone(), edited.target.as_deref());
        if let Some(body) = body {
            head = self.head_of_body(head, body.len());
        }
        authz.request(self.call.operation, &head, body)
    }

    /// Returns `head` with another request-target, if there is one.
    fn edited_head(&self, head: Vec<u8>, target: Option<&str>) -> Vec<u8> {
        match target {
            Some(target) => render::with_target(&head, self.target.clone(), target),
            None => head,
        }
    }

    /// Returns `head` for a body of this length.
    fn head_of_body(&self, mut head: Vec<u8>, length: usize) -> Vec<u8> {
        if self.traits.is_empty() && length > 0 {
            head = render::for_document(&head);
        }
        render::with_length(&head, length)
    }

    /// Sends the request with an edit, whose body uses `share` of the budget.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(super) fn send(
        &mut self,
        edited: Edited,
        mut share: Share,
        lanes: &mut Lanes,
    ) -> Result<Upload, Fault> {
        self.call.verdict = Verdict::Forwarded(edited.forced);
        let head = std::mem::take(&mut self.head);
        let head = self.edited_head(head, edited.target.as_deref());
        let gathered = self.body.take();
        let body = edited.body.or_else(|| Some(gathered?.content().to_vec()));
        let Some(mut request) = body else {
            lanes.hand(self.complete, head.len());
            lanes.up.queue(head);
            return Ok(Upload::Sending(self.traits.framing.into()));
        };
        // The edit reserves space for the head, since a second copy of the body would cost more.
        request.splice(..0, self.head_of_body(head, request.len()));
        share.hold(request.len())?;
        lanes.hand(self.complete, request.len());
        lanes.up.queue(request);
        Ok(Upload::Queued { _share: share })
    }
}

#[cfg(test)]
mod tests;
