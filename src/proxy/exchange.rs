//! One request and its response, as a sequence of states. Each state owns its data and knows only itself;
//! all transitions are here.
//!
//! ```text
//!            ┌──────────────── keep-alive ────────────────┐
//!            ▼                                            │
//!          Idle ──► Asking ──► Relaying ──────────────────┴──► Ending
//!            │                   ▲  │                            ▲
//!            ├───────────────────┘  ├► Tunnelling ───────────────┤
//!            │                      └► Building ─────────────────┘
//!            │                            ▲
//!            └ HTTP/2 with prior knowledge┘  (by Identifying and Authorizing, if rules need that)
//! ```

use std::mem;

use super::answering::Answering;
use super::asking::{self, Asking};
use super::decide::{Decision, decide};
use super::fault::Fault;
use super::grpc::{self, Building, Origin};
use super::held::Held;
use super::lane::{LANE_LIMIT, Sink};
use super::outcome::Call;
use super::relay::{self, Relaying, Upload};
use super::turn::{Hand, Progress, Turn};
use super::{HostFact, ListenerSettings, Step};
use crate::engine::HTTP2;
use crate::http::Malformed;
use crate::http::head::{self, Scan};
use crate::rules::Judgement;
use crate::rules::facts::HostQuestion;
use crate::rules::policy;
use crate::rules::socket::Note;

/// The state of one connection between a client and the daemon.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    /// No exchange is running; part of a request head may have arrived.
    Idle(Scan),
    /// A connection that speaks HTTP/2 waits until its caller is known.
    Identifying(Call, Option<Result<(), Fault>>),
    /// A connection that speaks HTTP/2 waits for the decision of authorization plugins.
    Authorizing(Call, Option<Result<(), Fault>>),
    /// A request waits for its body, for facts and for orders.
    Asking(Box<Asking>),
    /// A request and its response pass, possibly at the same time.
    Relaying(Relaying),
    /// The connection has left HTTP, and all bytes are permitted.
    Tunnelling(Call),
    /// The connection speaks HTTP/2 and carries calls of BuildKit.
    Building(Box<Building>),
    /// The proxy itself answers.
    Answering(Box<Answering>),
    /// No more requests follow. The last bytes are sent, and the ends passed on.
    #[default]
    Ending,
}

const BUILDS_PASS: Note =
    Note::Way("a BuildKit connection (/grpc) passes; images built through it get no labels");

impl Exchange {
    pub(super) fn advance(&mut self, hand: &mut Hand<'_>) -> Turn {
        match self {
            Self::Idle(scan) => {
                let scan = *scan;
                self.idle(scan, hand)
            }
            Self::Identifying(_, known) => match known.take() {
                None => Turn::Wait,
                Some(Ok(())) => self.authorize_http2(hand),
                Some(result) => self.open_http2(result, hand),
            },
            Self::Authorizing(_, decision) => match decision.take() {
                None => Turn::Wait,
                Some(result) => self.open_http2(result, hand),
            },
            Self::Asking(asking) => {
                let progress = asking.advance(hand);
                self.proceed(progress, Self::asked, hand)
            }
            Self::Relaying(relaying) => {
                let progress = relaying.advance(hand);
                self.proceed(progress, Self::relayed, hand)
            }
            Self::Tunnelling(_) => self.tunnel(hand),
            Self::Building(building) => {
                let progress = building.advance(hand);
                self.proceed(Ok(progress), Self::built, hand)
            }
            Self::Answering(answering) => answering.advance(hand.lanes),
            Self::Ending => {
                hand.lanes.wind_up();
                Turn::Wait
            }
        }
    }

    /// Returns `true` if more bytes of the client can have an effect.
    pub(super) fn wants_client(&self) -> bool {
        match self {
            Self::Relaying(relaying) => relaying.wants_client(),
            Self::Ending => false,
            _ => true,
        }
    }

    /// Returns `true` if a complete request of the client was not sent yet.
    pub(super) fn owes_daemon(&self) -> bool {
        matches!(self, Self::Asking(asking) if !asking.gathers())
    }

    /// Takes the result of the question who the caller is. Its settings are those of the session now.
    pub(super) fn identified(&mut self, result: Result<(), Fault>) {
        match self {
            Self::Asking(asking) => asking.identified(result),
            Self::Identifying(_, known) => *known = Some(result),
            _ => {}
        }
    }

    /// Takes the shell's answer to a question about the host.
    pub(super) fn found(&mut self, fact: HostFact) {
        match (self, fact) {
            (Self::Asking(asking), fact) => asking.found(fact),
            (Self::Building(building), HostFact::Store(store)) => building.learned(store),
            (Self::Relaying(relaying), HostFact::Authorized(result)) => relaying.authorized(result),
            (Self::Authorizing(_, decision), HostFact::Authorized(result)) => {
                *decision = Some(result.map_err(Fault::Refused));
            }
            _ => {}
        }
    }

    /// Returns the number of bytes of the client that may be held: a head is gathered whole.
    pub(super) fn up_limit(&self) -> usize {
        match self {
            Self::Idle(_) => head::LIMIT + 1,
            Self::Answering(answering) => answering.up_limit(),
            _ => LANE_LIMIT,
        }
    }

    /// Returns the number of bytes of the daemon that may be held: a head is gathered whole.
    pub(super) fn down_limit(&self) -> usize {
        match self {
            Self::Asking(asking) if !asking.gathers() => head::LIMIT + 1,
            Self::Answering(_) => Answering::down_limit(),
            Self::Relaying(relaying) if relaying.wants_reply() => head::LIMIT + 1,
            _ => LANE_LIMIT,
        }
    }

    /// Returns the call whose outcome was not reported yet, if any.
    pub(super) fn into_call(self) -> Option<Call> {
        match self {
            Self::Idle(_) | Self::Answering(_) | Self::Ending => None,
            Self::Asking(asking) => Some(asking.held.call),
            Self::Relaying(relaying) => Some(relaying.into_call()),
            Self::Identifying(call, _) | Self::Authorizing(call, _) | Self::Tunnelling(call) => {
                Some(call)
            }
            Self::Building(building) => Some(building.into_call()),
        }
    }

    /// Continues by the progress of a state, with `next` if another one follows.
    fn proceed<N>(
        &mut self,
        progress: Result<Progress<N>, Fault>,
        next: impl FnOnce(&mut Self, N, &mut Hand<'_>) -> Turn,
        hand: &mut Hand<'_>,
    ) -> Turn {
        match progress {
            Ok(Progress::Waits) => Turn::Wait,
            Ok(Progress::Moved) => Turn::Again,
            Ok(Progress::Asks(question)) => Turn::Step(Step::Ask(question)),
            Ok(Progress::Cut) => Turn::End(self.leave(hand), None),
            Ok(Progress::Next(reason)) => next(self, reason, hand),
            Err(fault) => Turn::refused(self.leave(hand), &fault),
        }
    }

    /// Takes out the call. The caller sets the next state.
    fn leave(&mut self, hand: &Hand<'_>) -> Call {
        let call = mem::take(self).into_call();
        call.unwrap_or_else(|| Call::new(hand.now, hand.lanes.traffic()))
    }

    /// Reports the outcome of the call, and changes to the state `next`.
    fn over(&mut self, next: Self, hand: &Hand<'_>) -> Turn {
        let call = self.leave(hand);
        *self = next;
        Turn::Step(Step::Report(call.over(hand.now, hand.lanes.traffic())))
    }

    fn idle(&mut self, mut scan: Scan, hand: &mut Hand<'_>) -> Turn {
        let Hand { lanes, settings, now, .. } = hand;
        if !lanes.down.unseen().is_empty() {
            return Turn::Unasked;
        }
        if lanes.down.has_ended() {
            *self = Self::Ending;
            return Turn::Again;
        }
        let unseen = lanes.up.unseen();
        if unseen.is_empty() {
            let over = lanes.up.has_ended() || settings.shared.draining.get();
            return if over { Turn::Close } else { Turn::Wait };
        }
        let mut call = Call::new(*now, lanes.traffic());
        call.to_head = unseen.starts_with(b"HEAD ");
        let end = match scan.end_of_head(unseen) {
            Ok(Some(end)) => end,
            // An incomplete head of a client that has ended is dropped.
            Ok(None) if lanes.up.has_ended() => return Turn::Close,
            Ok(None) => {
                *self = Self::Idle(scan);
                return Turn::Wait;
            }
            Err(Malformed::Http2Preface)
                if lanes.are_unused() && !settings.shared.draining.get() =>
            {
                call.operation = &HTTP2;
                call.begin_change(settings);
                return self.speaks_http2(call, hand);
            }
            Err(malformed) => return Turn::refused(call, &Fault::Request(malformed)),
        };
        if settings.shared.draining.get() {
            return Turn::refused(call, &Fault::Draining);
        }
        match decide(&settings.profile, unseen.get(..end).unwrap_or_default()) {
            Ok(decision) => self.begin(call, decision, end, hand),
            Err(malformed) => Turn::refused(call, &Fault::Request(malformed)),
        }
    }

    /// Begins an exchange. Its head is the first `end` bytes of the lane.
    fn begin(
        &mut self,
        mut call: Call,
        decision: Decision,
        end: usize,
        hand: &mut Hand<'_>,
    ) -> Turn {
        call.operation = decision.operation;
        call.begin_change(hand.settings);
        let Decision { judgement, traits, target, persistent, expects_continue, .. } = decision;
        match judgement {
            Judgement::Pass { notes } => {
                hand.note(&call, notes);
                hand.lanes.hand(call.started, end);
                hand.lanes.up.permit(end as u64);
                let upload = Upload::Sending(traits.framing.into());
                *self = Self::Relaying(Relaying::new(call, upload, persistent));
                Turn::Again
            }
            Judgement::Refuse(refusal) => Turn::refused(call, &Fault::Refused(refusal)),
            judgement => {
                let head = hand.lanes.up.unseen().get(..end).unwrap_or_default().to_vec();
                hand.lanes.up.take(end);
                let mut request = Held::new(call, head, target, traits);
                request.persistent = persistent;
                request.expects_continue = expects_continue;
                let mut asking = Box::new(Asking::new(request));
                let progress = asking.judged(judgement, hand);
                *self = Self::Asking(asking);
                self.proceed(progress, Self::asked, hand)
            }
        }
    }

    fn asked(&mut self, next: asking::Next, hand: &mut Hand<'_>) -> Turn {
        let Self::Asking(asking) = mem::take(self) else { return Turn::Again };
        let leaves_body = asking.held.leaves_body();
        let (mut call, persistent) = (asking.held.call, asking.held.persistent);
        let authz = hand.settings.profile.authz.as_ref();
        let holds = authz.is_some_and(|authz| authz.holds_response(call.operation));
        let described = asking.described.filter(|_| holds);
        *self = Self::Relaying(match next {
            asking::Next::Sent(upload) => {
                Relaying::new(call, upload, persistent).described(described)
            }
            asking::Next::Answered(status, answer) => {
                call.status = Some(status);
                if leaves_body {
                    // The body must not be read as the next request.
                    return Turn::End(call, Some(answer));
                }
                hand.lanes.down.queue(answer);
                if !persistent {
                    // The daemon does not know that the client wants the connection closed.
                    hand.lanes.up.finish();
                }
                Relaying::answered(call, persistent)
            }
        });
        Turn::Again
    }

    fn relayed(&mut self, next: relay::Next, hand: &mut Hand<'_>) -> Turn {
        match next {
            relay::Next::Idle => self.over(Self::Idle(Scan::default()), hand),
            relay::Next::End => self.over(Self::Ending, hand),
            relay::Next::Tunnel => {
                let call = self.leave(hand);
                *self = match call.operation.path {
                    "/grpc" if hand.settings.profile.sees_calls() => {
                        Self::building(call, Origin::Upgrade, hand.settings)
                    }
                    path => {
                        if path == "/grpc" {
                            hand.note(&call, vec![BUILDS_PASS]);
                        }
                        Self::Tunnelling(call)
                    }
                };
                Turn::Again
            }
        }
    }

    fn tunnel(&mut self, hand: &mut Hand<'_>) -> Turn {
        let lanes = &mut *hand.lanes;
        lanes.up.permit_all();
        lanes.down.permit_all();
        lanes.pass_ends_on();
        if lanes.down.sink() == Sink::Finished && lanes.up.sink() != Sink::Open {
            return self.over(Self::Ending, hand);
        }
        Turn::Wait
    }

    /// Begins a connection that speaks HTTP/2 from its first byte.
    fn speaks_http2(&mut self, call: Call, hand: &mut Hand<'_>) -> Turn {
        let profile = &hand.settings.profile;
        match &profile.of_caller {
            Some(of_caller) if of_caller.concerns(call.operation, profile.no_buildkit) => {
                *self = Self::Identifying(call, None);
                Turn::Step(Step::Ask(HostQuestion::Caller(of_caller.wanted())))
            }
            _ => {
                *self = Self::Identifying(call, None);
                self.authorize_http2(hand)
            }
        }
    }

    /// Asks the authorization plugins about a connection whose caller is known, if there are some.
    fn authorize_http2(&mut self, hand: &mut Hand<'_>) -> Turn {
        let Some(authz) = &hand.settings.profile.authz else {
            return self.open_http2(Ok(()), hand);
        };
        let question = HostQuestion::Authorize(Box::new(authz.http2()));
        *self = Self::Authorizing(self.leave(hand), None);
        Turn::Step(Step::Ask(question))
    }

    /// Continues once it is known if the connection may be opened.
    fn open_http2(&mut self, result: Result<(), Fault>, hand: &mut Hand<'_>) -> Turn {
        let mut call = self.leave(hand);
        let decided =
            || policy::buildkit::connected(&hand.settings.profile).map_err(Fault::Refused);
        match result.and_then(|()| decided()) {
            Ok(notes) => {
                hand.note(&call, notes);
                *self = Self::building(call, Origin::PriorKnowledge, hand.settings);
                Turn::Again
            }
            Err(fault) => {
                call.refused(&fault);
                let last = grpc::refusal(fault);
                Turn::End(call, Some(last))
            }
        }
    }

    fn building(call: Call, origin: Origin, settings: &ListenerSettings) -> Self {
        Self::Building(Box::new(Building::new(call, origin, settings)))
    }

    fn built(&mut self, next: grpc::Next, hand: &mut Hand<'_>) -> Turn {
        match next {
            grpc::Next::NotHttp2 => {
                let call = self.leave(hand);
                *self = Self::Relaying(Relaying::new(call, Upload::Sent, false));
                Turn::Again
            }
            grpc::Next::Over => self.over(Self::Ending, hand),
            grpc::Next::Failed(fault, last) => {
                let mut call = self.leave(hand);
                call.refused(&fault);
                Turn::End(call, Some(last))
            }
        }
    }
}
