//! One request and its response, as the states that it goes through. Each state owns what it
//! needs and is moved by value into the next.
//!
//! ```text
//!            ┌──────────────── keep-alive ────────────────┐
//!            ▼                                            │
//!          Idle ──► Collecting ──► Asking ──► Relaying ───┴──► Ending
//!            │                                  ▲  │             ▲
//!            ├──────────────────────────────────┘  ├► Tunnelling ┤
//!            │                                     └► Building ──┘
//!            └ HTTP/2 with prior knowledge ──────────►
//! ```

use std::time::Instant;

use super::asking::Asking;
use super::collect::Collect;
use super::create::{Collecting, Create};
use super::decide::{Decision, Way, decide};
use super::fault::Fault;
use super::grpc::{Building, Origin};
use super::lane::{LANE_LIMIT, Lane, Sink};
use super::outcome::{Call, Traffic};
use super::relay::Relaying;
use super::{Common, Verdict};
use crate::engine::{Carrier, HTTP2, Operation};
use crate::http::body::Framing;
use crate::http::head::{self, Scan};
use crate::http::{Malformed, render};
use crate::rules::buildkit::Store;
use crate::rules::socket::{Blind, Note, PLUGIN, Relation};

/// The two directions of a connection.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// From the client to the daemon.
    pub(super) up: Lane,
    /// From the daemon to the client.
    pub(super) down: Lane,
    handing: Handing,
}

/// Whether a request is on its way out of our hands.
#[derive(Debug, Clone, Copy, Default)]
enum Handing {
    #[default]
    Nothing,
    /// It was complete, as far as it is looked at, at this moment, and is out when so many bytes have
    /// left for the daemon.
    Until(Instant, u64),
}

impl Lanes {
    /// The next `length` bytes for the daemon are a request that we have had since a moment.
    pub(super) fn hand(&mut self, since: Instant, length: usize) {
        self.handing = Handing::Until(since, self.up.count().saturating_add(length as u64));
    }

    /// Since when we had had a request that has left now; told once.
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
}

/// What is going on between one client and the daemon.
#[derive(Debug, Default)]
pub(super) enum Exchange {
    /// Nothing is owed; a request head may be on its way.
    Idle(Scan),
    /// The body of a creating request is gathered.
    Collecting(Box<Collecting>),
    /// It waits while something is looked at, or asked or ordered at the daemon first.
    Asking(Box<Asking>),
    /// A request and its response pass, both at once.
    Relaying(Relaying),
    /// The connection has left HTTP: two endless permits.
    Tunnelling(Call),
    /// The connection speaks HTTP/2 and carries calls of BuildKit.
    Building(Box<Building>),
    /// No more requests: the last bytes go out, the ends are passed on.
    #[default]
    Ending,
}

pub(super) const UNASKED: Note = "the daemon sent something that nobody had asked for; closed";
pub(super) const HUNG_UP: Note =
    "the daemon hung up before its answer was complete; its log may tell why";

/// What comes of one look at an exchange.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits for bytes or ends of bytes.
    Wait(Exchange),
    /// It has moved on and is to be looked at again.
    Again(Exchange),
    /// It has moved on; what passes in this operation, but leads around the proxy, is for the log.
    Noted(&'static Operation, Vec<Note>, Exchange),
    /// It waits until this path of the host has been looked at.
    Look(String, Exchange),
    /// It waits until the daemon's store is known.
    AskForStore(Exchange),
    /// It is over; this comes behind it.
    Over(Call, Exchange),
    /// Its connection leaves HTTP.
    Tunnel(Call),
    /// We speak in the daemon's place; then the connection ends.
    Answer(Call, Fault),
    /// Its connection speaks HTTP/2, and these are the last frames for the client.
    Farewell(Call, Fault, Vec<u8>),
    /// It cannot be completed: the connection ends behind what has come of the response.
    Cut(Call),
    /// The daemon spoke although nobody asked.
    Unasked,
    /// The client wants nothing more, or shall not want anything.
    Close,
}

impl Exchange {
    pub(super) fn advance(self, lanes: &mut Lanes, common: &Common, now: Instant) -> Turn {
        match self {
            Self::Idle(scan) => idle(scan, lanes, common, now),
            Self::Collecting(collecting) => collecting.advance(lanes, common, now),
            Self::Asking(asking) => asking.advance(lanes, common),
            Self::Relaying(relaying) => relaying.advance(lanes, common),
            Self::Tunnelling(call) => tunnel(call, lanes),
            Self::Building(building) => building.advance(lanes, common),
            Self::Ending => end(lanes),
        }
    }

    /// A connection that leaves HTTP/1.1 by `call`, and what the log is to be told of that.
    pub(super) fn behind_http(call: Call, common: &Common) -> (Self, Option<(Note, &'static str)>) {
        match call.operation.path {
            "/grpc" if common.injection.no_buildkit => {
                let note =
                    "a BuildKit connection (/grpc) passes; images built through it get no labels";
                let operation = call.operation.name;
                (Self::Tunnelling(call), Some((note, operation)))
            }
            "/grpc" => {
                let building = Building::new(call, Origin::Upgrade, common);
                (Self::Building(Box::new(building)), None)
            }
            _ => (Self::Tunnelling(call), None),
        }
    }

    /// Whether more bytes of the client can still do anything.
    pub(super) fn wants_client(&self) -> bool {
        match self {
            Self::Idle(_)
            | Self::Collecting(_)
            | Self::Asking(_)
            | Self::Tunnelling(_)
            | Self::Building(_) => true,
            Self::Relaying(relaying) => relaying.wants_client(),
            Self::Ending => false,
        }
    }

    /// Whether the daemon is owed a request that the client has sent whole.
    pub(super) fn owes_daemon(&self) -> bool {
        matches!(self, Self::Asking(_))
    }

    /// What the path is to the daemon's socket that is looked at, or why that cannot be told.
    pub(super) fn looked(&mut self, seen: Result<Relation, Blind>) {
        if let Self::Asking(asking) = self {
            asking.looked(seen);
        }
    }

    /// Takes the answer about the daemon's store.
    pub(super) fn learned(&mut self, store: Store) {
        if let Self::Building(building) = self {
            building.learned(store);
        }
    }

    /// Bytes of the client that may be held: a head is gathered whole.
    pub(super) fn up_limit(&self) -> usize {
        match self {
            Self::Idle(_) => head::LIMIT + 1,
            _ => LANE_LIMIT,
        }
    }

    /// Bytes of the daemon that may be held: a head is gathered whole.
    pub(super) fn down_limit(&self) -> usize {
        match self {
            Self::Asking(_) => head::LIMIT + 1,
            Self::Relaying(relaying) if relaying.wants_reply() => head::LIMIT + 1,
            _ => LANE_LIMIT,
        }
    }

    /// What its outcome is made of, if there is one to come.
    pub(super) fn into_call(self) -> Option<Call> {
        match self {
            Self::Idle(_) | Self::Ending => None,
            Self::Collecting(collecting) => Some(collecting.into_call()),
            Self::Asking(asking) => Some(asking.into_call()),
            Self::Relaying(relaying) => Some(relaying.into_call()),
            Self::Tunnelling(call) => Some(call),
            Self::Building(building) => Some(building.into_call()),
        }
    }
}

fn idle(scan: Scan, lanes: &mut Lanes, common: &Common, now: Instant) -> Turn {
    if !lanes.down.unseen().is_empty() {
        return Turn::Unasked;
    }
    if lanes.down.has_ended() {
        return Turn::Again(Exchange::Ending);
    }
    let mut ahead = scan;
    let unseen = lanes.up.unseen();
    if unseen.is_empty() {
        let over = lanes.up.has_ended() || common.draining.get();
        return if over { Turn::Close } else { Turn::Wait(Exchange::Idle(scan)) };
    }
    let mut call = Call::new(now, lanes.traffic());
    call.to_head = unseen.starts_with(b"HEAD ");
    let end = match ahead.end_of_head(unseen) {
        Ok(Some(end)) => end,
        // What of a head has come from a client that is gone means nothing to the daemon either.
        Ok(None) if lanes.up.has_ended() => return Turn::Close,
        Ok(None) => return Turn::Wait(Exchange::Idle(ahead)),
        Err(Malformed::Http2Preface) if speaks_http2(lanes, common) => {
            call.operation = &HTTP2;
            call.begin_change(common);
            let building = Building::new(call, Origin::PriorKnowledge, common);
            return Turn::Again(Exchange::Building(Box::new(building)));
        }
        Err(malformed) => return Turn::Answer(call, Fault::Request(malformed)),
    };
    if common.draining.get() {
        return Turn::Answer(call, Fault::Draining);
    }
    match decide(&common.injection, unseen.get(..end).unwrap_or_default()) {
        Ok(decision) => begin(call, decision, end, lanes, common),
        Err(malformed) => Turn::Answer(call, Fault::Request(malformed)),
    }
}

/// Whether a client may speak HTTP/2 now: on a connection on which nothing was said before.
fn speaks_http2(lanes: &Lanes, common: &Common) -> bool {
    let Traffic { to_daemon, to_client } = lanes.traffic();
    to_daemon == 0 && to_client == 0 && !common.draining.get()
}

/// Begins an exchange; the head is the first `end` bytes that the client sent.
fn begin(
    mut call: Call,
    decision: Decision,
    end: usize,
    lanes: &mut Lanes,
    common: &Common,
) -> Turn {
    call.operation = decision.operation;
    call.verdict = decision.verdict(&common.injection);
    call.begin_change(common);
    match decision.way {
        Way::AsItCame => {
            lanes.hand(call.started, end);
            lanes.up.permit(end as u64);
        }
        Way::NewHead { head, .. } => {
            lanes.up.take(end);
            lanes.hand(call.started, head.len());
            lanes.up.say(head);
        }
        Way::NewBody(carrier) => {
            let collect = match Collect::new(decision.framing, &common.budget) {
                Ok(collect) => collect,
                Err(fault) => return Turn::Answer(call, fault),
            };
            let head = lanes.up.unseen().get(..end).unwrap_or_default().to_vec();
            lanes.up.take(end);
            if decision.expects_continue {
                lanes.down.say(render::CONTINUE.to_vec());
            }
            let persistent = decision.persistent;
            let complete = call.started;
            let empty = matches!(decision.framing, Framing::None | Framing::Length(0));
            let create = Create { call, complete, head, persistent, carrier, empty };
            let collecting = Collecting::new(create, collect);
            return Turn::Again(Exchange::Collecting(Box::new(collecting)));
        }
        Way::Refused(refusal) => return Turn::Answer(call, Fault::Refused(refusal)),
    }
    let operation = call.operation;
    let relaying = Exchange::Relaying(Relaying::new(call, decision.framing, decision.persistent));
    match operation.carrier {
        Carrier::Plugin => Turn::Noted(operation, vec![PLUGIN], relaying),
        _ => Turn::Again(relaying),
    }
}

fn tunnel(call: Call, lanes: &mut Lanes) -> Turn {
    lanes.up.permit_all();
    lanes.down.permit_all();
    pass_ends_on(lanes);
    if lanes.down.sink() == Sink::Finished && lanes.up.sink() != Sink::Open {
        return Turn::Over(call, Exchange::Ending);
    }
    Turn::Wait(Exchange::Tunnelling(call))
}

fn end(lanes: &mut Lanes) -> Turn {
    // A client that still sends to a daemon that is gone is not to be stuck: it must get to read.
    if lanes.up.sink() == Sink::Broken {
        lanes.up.take(lanes.up.unseen().len());
    }
    pass_ends_on(lanes);
    Turn::Wait(Exchange::Ending)
}

fn pass_ends_on(lanes: &mut Lanes) {
    for lane in [&mut lanes.up, &mut lanes.down] {
        if lane.has_ended() {
            lane.finish();
        }
    }
}

/// Keeps the verdict of a call that we answered ourselves.
pub(super) fn refused(call: &mut Call, fault: &Fault) {
    call.status = Some(fault.status());
    call.verdict = Verdict::Refused(Box::new(fault.clone()));
}
