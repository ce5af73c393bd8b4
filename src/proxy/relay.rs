//! A request and its response in transit. Both move at once, because daemons answer before the
//! request is complete.

use std::sync::Arc;

use super::authorized::{Described, Withheld};
use super::collect::Share;
use super::fault::Fault;
use super::lane::{Lane, Sink};
use super::lanes::Lanes;
use super::outcome::Call;
use super::reply::{self, Complete, GatheredReply, Lines};
use super::turn::{Hand, Progress};
use crate::engine::Upgrade;
use crate::http::Malformed;
use crate::http::body::{self, Body, Framing};
use crate::http::head::{self, Response, Scan};
use crate::rules::Refusal;
use crate::rules::facts::HostQuestion;
use crate::rules::reply::{ReplyPlan, Rewrite};

/// A request and its response in transit.
#[derive(Debug)]
pub(super) struct Relaying {
    call: Call,
    /// `true` while both sides want to keep the connection.
    persistent: bool,
    upload: Upload,
    reply: Reply,
    /// The request as plugins got it that decide about the response.
    described: Option<Box<Described>>,
}

/// The state of the request, whose head may leave.
#[derive(Debug)]
pub(super) enum Upload {
    /// Its body is in transit.
    Sending(Body),
    /// It was written by the proxy and holds its share of the memory budget until it has left.
    Queued { _share: Share },
    /// All of it may leave.
    Sent,
    /// The daemon accepts no more of it.
    Abandoned,
}

/// The state of the response.
#[derive(Debug)]
enum Reply {
    /// Its head is expected; interim responses (1xx) may precede it.
    Head(Scan),
    /// Its body is in transit.
    Body(Body),
    /// It is gathered whole, and rewritten.
    Whole(Box<GatheredReply>),
    /// It waits for the decision of plugins.
    Withheld(Box<Withheld>),
    /// Its head may leave; its lines are rewritten.
    Lines(Box<Lines>),
    /// All of it may leave.
    Done,
}

/// The state that follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Next {
    /// The connection leaves HTTP.
    Tunnel,
    /// The exchange is over, and the connection continues.
    Idle,
    /// The exchange is over, and the connection ends.
    End,
}

/// The meaning of a response head.
enum ReplyKind {
    Interim,
    Final(Framing),
    Tunnel,
    Unasked,
}

impl Relaying {
    /// Relays a request whose response is expected.
    pub(super) fn new(call: Call, upload: Upload, persistent: bool) -> Self {
        Self { call, persistent, upload, reply: Reply::Head(Scan::default()), described: None }
    }

    /// Relays a request whose response is in the outbox.
    pub(super) fn answered(call: Call, persistent: bool) -> Self {
        Self { call, persistent, upload: Upload::Sent, reply: Reply::Done, described: None }
    }

    /// Keeps the request as plugins got it.
    pub(super) fn described(self, described: Option<Box<Described>>) -> Self {
        Self { described, ..self }
    }

    /// Takes the decision of plugins about the response.
    pub(super) fn authorized(&mut self, decision: Result<(), Refusal>) {
        if let Reply::Withheld(withheld) = &mut self.reply {
            withheld.decided(decision);
        }
    }

    /// Returns `true` while part of the request body is missing.
    pub(super) fn wants_client(&self) -> bool {
        matches!(self.upload, Upload::Sending(_))
    }

    /// Returns `true` while the response head is missing.
    pub(super) fn wants_reply(&self) -> bool {
        matches!(self.reply, Reply::Head(_))
    }

    pub(super) fn into_call(self) -> Call {
        self.call
    }

    pub(super) fn advance(&mut self, hand: &mut Hand<'_>) -> Result<Progress<Next>, Fault> {
        let lanes = &mut *hand.lanes;
        if let Err(malformed) = self.upload(&mut lanes.up) {
            return match self.reply {
                Reply::Head(_) | Reply::Whole(_) | Reply::Withheld(_) => {
                    Err(Fault::Request(malformed))
                }
                Reply::Body(_) | Reply::Lines(_) | Reply::Done => Ok(Progress::Cut),
            };
        }
        let done = match &mut self.reply {
            Reply::Head(_) => return self.reply_head(hand),
            Reply::Body(body) => match permit(body, &mut lanes.down) {
                Ok(false) if lanes.down.has_ended() && lanes.down.is_flushed() => {
                    return Ok(match body {
                        Body::UntilClose => Progress::Next(Next::End),
                        _ => Progress::Cut,
                    });
                }
                Ok(done) => done,
                Err(_) => return Ok(Progress::Cut),
            },
            Reply::Whole(whole) => match whole.advance(&mut lanes.down)? {
                None if lanes.down.has_ended() => return Err(Fault::ResponseCutShort),
                None => false,
                Some(complete) => return Ok(self.complete(complete, hand)),
            },
            Reply::Withheld(withheld) => match withheld.response()? {
                None => false,
                Some(response) => {
                    lanes.down.queue(response);
                    true
                }
            },
            Reply::Lines(stream) => match stream.advance(&mut lanes.down) {
                Ok(done) => done,
                Err(reply::Broken) => return Ok(Progress::Cut),
            },
            Reply::Done => return Ok(self.finish(lanes)),
        };
        if !done {
            return Ok(Progress::Waits);
        }
        self.reply = Reply::Done;
        Ok(Progress::Moved)
    }

    /// Sends a response that was gathered, or asks plugins about it.
    fn complete(&mut self, complete: Complete, hand: &mut Hand<'_>) -> Progress<Next> {
        let Complete { head: mut response, content } = complete;
        let authz = self.described.take().zip(hand.settings.profile.authz.as_ref());
        let question = authz.map(|(described, authz)| {
            let status = self.call.status.unwrap_or_default();
            described.response(authz, status, &response, &content)
        });
        response.extend_from_slice(&content);
        if let Some(question) = question {
            self.reply = Reply::Withheld(Box::new(Withheld::new(response)));
            return Progress::Asks(HostQuestion::Authorize(Box::new(question)));
        }
        hand.lanes.down.queue(response);
        self.reply = Reply::Done;
        Progress::Moved
    }

    fn upload(&mut self, up: &mut Lane) -> Result<(), Malformed> {
        match &mut self.upload {
            Upload::Sending(_) if up.sink() == Sink::Broken => self.upload = Upload::Abandoned,
            Upload::Sending(body) => {
                if permit(body, up)? {
                    self.upload = Upload::Sent;
                }
            }
            Upload::Queued { .. } if up.backlog() == 0 => self.upload = Upload::Sent,
            Upload::Queued { .. } | Upload::Sent | Upload::Abandoned => {}
        }
        // A client that still sends to a daemon that is gone must not block: it has to read the
        // answer.
        if matches!(self.upload, Upload::Abandoned) {
            up.take(up.unseen().len());
        }
        // Bytes after the request may be the next one; the half-close then follows that one.
        if up.has_ended() && (self.wants_client() || up.unseen().is_empty()) {
            up.finish();
        }
        Ok(())
    }

    fn reply_head(&mut self, hand: &mut Hand<'_>) -> Result<Progress<Next>, Fault> {
        let lanes = &mut *hand.lanes;
        let Reply::Head(scan) = &mut self.reply else { return Ok(Progress::Moved) };
        let unseen = lanes.down.unseen();
        let end = match scan.end_of_head(unseen).map_err(Fault::Response)? {
            Some(end) => end,
            None if !lanes.down.has_ended() => return Ok(Progress::Waits),
            None if unseen.is_empty() => return Ok(Progress::Cut),
            None => return Err(Fault::ResponseCutShort),
        };
        let head = unseen.get(..end).unwrap_or_default();
        let response = head::response(head, self.call.to_head).map_err(Fault::Response)?;
        hand.settings.upstream.images.learn_once(head);
        match meaning(response, self.call.operation.upgrade) {
            ReplyKind::Unasked => return Err(Fault::UnaskedUpgrade),
            ReplyKind::Interim => {
                lanes.down.permit(end as u64);
                self.reply = Reply::Head(Scan::default());
            }
            ReplyKind::Tunnel => {
                lanes.down.permit(end as u64);
                self.call.status = Some(response.status);
                return Ok(Progress::Next(Next::Tunnel));
            }
            ReplyKind::Final(framing) => {
                self.persistent &= response.persistent && framing != Framing::UntilClose;
                self.call.status = Some(response.status);
                self.reply = self.final_head(response, end, hand)?;
            }
        }
        Ok(Progress::Moved)
    }

    /// Begins with the body of the response whose head is the next `end` bytes, as it is planned.
    fn final_head(
        &self,
        response: Response,
        end: usize,
        hand: &mut Hand<'_>,
    ) -> Result<Reply, Fault> {
        let Hand { lanes, settings, .. } = hand;
        let Response { status, framing, .. } = response;
        let plan = match status {
            200..=299 if framing != Framing::None => {
                settings.profile.replies.plan(self.call.operation)
            }
            _ => ReplyPlan::Pass,
        };
        let whole = match (plan, framing) {
            (ReplyPlan::Pass, _) if self.described.is_some() => None,
            (ReplyPlan::Pass, _) => {
                lanes.down.permit(end as u64);
                return Ok(Reply::Body(framing.into()));
            }
            (ReplyPlan::Lines(rewrite), Framing::Chunked | Framing::UntilClose) => {
                lanes.down.permit(end as u64);
                lanes.down.set_aside();
                return Ok(Reply::Lines(Box::new(Lines::new(framing, rewrite))));
            }
            (ReplyPlan::Whole(rewrite), _) => Some(rewrite),
            (ReplyPlan::Lines(rewrite), _) => {
                let rewrite: Rewrite =
                    Arc::new(move |content: &[u8]| Some(reply::each_line(content, &rewrite)));
                Some(rewrite)
            }
        };
        let head = lanes.down.unseen().get(..end).unwrap_or_default().to_vec();
        lanes.down.set_aside();
        lanes.down.take(end);
        Ok(Reply::Whole(Box::new(GatheredReply::new(
            head,
            framing,
            whole,
            &settings.shared.budget,
        )?)))
    }

    fn finish(&mut self, lanes: &mut Lanes) -> Progress<Next> {
        if lanes.down.has_ended() {
            lanes.down.finish();
            if lanes.down.is_flushed() && !lanes.down.is_clear() {
                return Progress::Cut;
            }
        }
        let up_done = lanes.up.sink() == Sink::Broken || lanes.up.is_clear();
        if self.wants_client() || !up_done || !lanes.down.is_clear() {
            return Progress::Waits;
        }
        let goes_on = self.persistent && matches!(self.upload, Upload::Sent);
        Progress::Next(if goes_on { Next::Idle } else { Next::End })
    }
}

/// Returns the meaning of a response head after an operation with this `upgrade`.
fn meaning(response: Response, upgrade: Upgrade) -> ReplyKind {
    match (response.status, upgrade) {
        (101, Upgrade::Hijack | Upgrade::Unknown) => ReplyKind::Tunnel,
        (101, Upgrade::Never) => ReplyKind::Unasked,
        (100..=199, _) => ReplyKind::Interim,
        (200, Upgrade::Hijack) if response.framing == Framing::UntilClose => ReplyKind::Tunnel,
        _ => ReplyKind::Final(response.framing),
    }
}

/// Permits as much of `body` on `lane` as is known; `true` if that is all of it.
fn permit(body: &mut Body, lane: &mut Lane) -> Result<bool, Malformed> {
    loop {
        match body.next(lane.unseen())? {
            body::Next::Piece { framing, data } => lane.permit_piece(framing, data),
            body::Next::More => {
                lane.mark_cut();
                return Ok(false);
            }
            body::Next::Everything => {
                lane.permit_all();
                return Ok(false);
            }
            body::Next::Done => return Ok(true),
        }
    }
}
