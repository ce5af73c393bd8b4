//! A connection that speaks HTTP/2 and carries calls of BuildKit: those that make images are
//! rewritten, all else passes frame by frame.
//!
//! ```text
//! client ──► up:   preface ─ frames ─┬─ others pass ──────────────────────┬──► daemon
//!                                    ├─ HEADERS ─► hpack ─► which call?   │
//!                                    └─ DATA of a call ─► gather ─► edit ─► wait for room
//!       ◄── down: frames pass; SETTINGS and WINDOW_UPDATE are heard ◄──
//! ```
//!
//! Field blocks pass as they came, because the daemon's table of fields must stay that of the
//! client. A call that is refused ends the connection: what it wanted cannot be taken out of it.

mod down;
mod frames;
mod gather;
mod goaway;
mod opening;
mod send_queue;
mod tunnel;

use std::mem;

use self::down::Downwards;
use self::tunnel::{Progress, Tunnel};
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::lane::Sink;
use super::outcome::Call;
use super::relay::Relaying;
use super::{Common, Verdict};
use crate::http2::frame::{self, Kind};
use crate::rules::buildkit::Forced;

/// How a connection came to speak HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The daemon's 101 to a request for it.
    Upgrade,
    /// The client's preface as its first bytes; the daemon may not understand it.
    PriorKnowledge,
}

/// A connection that carries calls of BuildKit.
#[derive(Debug)]
pub(super) struct Building {
    call: Call,
    stage: Stage,
}

/// What is going on over it.
#[derive(Debug)]
enum Stage {
    /// Frames pass both ways.
    Open(Box<Tunnel>),
    /// It was stopped: once the daemon's frame is complete that is on its way, this is said.
    Failed(Failure, Downwards, Vec<u8>),
}

/// Why a connection is stopped.
#[derive(Debug)]
struct Failure {
    fault: Fault,
    /// The stream of the call that was refused.
    stream: Option<u32>,
}

impl Building {
    pub(super) fn new(call: Call, origin: Origin, common: &Common) -> Self {
        Self { call, stage: Stage::Open(Box::new(Tunnel::new(origin, common))) }
    }

    pub(super) fn into_call(self) -> Call {
        self.call
    }

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        match self.stage {
            Stage::Open(ref mut tunnel) => match tunnel.advance(lanes, common) {
                Ok(Progress::NotHttp2) => {
                    lanes.up.set_aside();
                    lanes.up.take(lanes.up.unseen().len());
                    Turn::Again(Exchange::Relaying(Relaying::sent(self.call, false)))
                }
                Ok(_) => self.open(lanes),
                Err(failure) => {
                    let down = mem::take(&mut tunnel.down);
                    let newest = tunnel.newest();
                    let last = goaway::frames(&failure, tunnel.queue.calls.iter(), newest);
                    let stage = Stage::Failed(failure, down, last);
                    Turn::Again(Exchange::Building(Box::new(Self { stage, ..*self })))
                }
            },
            Stage::Failed(failure, mut down, last) => {
                // What the daemon says now is for nobody, but what it has begun is to be complete.
                while !down.is_between()
                    && matches!(down.advance(&mut lanes.down, None), Ok(Progress::Moved))
                {
                }
                if !down.is_between() && !lanes.down.has_ended() {
                    let stage = Stage::Failed(failure, down, last);
                    return Turn::Wait(Exchange::Building(Box::new(Self { stage, ..*self })));
                }
                let last = match (down.begun, down.is_between()) {
                    (true, true) => last,
                    // A client believes nothing before it has seen settings.
                    (false, true) => [frame::frame(Kind::Settings, 0, 0, b""), last].concat(),
                    (_, false) => Vec::new(),
                };
                Turn::Farewell(self.call, failure.fault, last)
            }
        }
    }

    /// It goes on, or ends.
    fn open(mut self: Box<Self>, lanes: &mut Lanes) -> Turn {
        let Stage::Open(tunnel) = &mut self.stage else {
            return Turn::Wait(Exchange::Building(self));
        };
        match tunnel.forced {
            Forced::Nothing => {}
            Forced::Labels => self.call.verdict = Verdict::Labelled,
            Forced::LabelsAndParent => self.call.verdict = Verdict::LabelledAndMoved,
        }
        // What of a frame has come is worth nothing without its rest; whole frames wait while there is
        // much of ours before them.
        let all_sent = tunnel.queue.is_clear() && lanes.up.is_flushed();
        if lanes.up.has_ended() && (all_sent || lanes.up.sink() == Sink::Broken) {
            lanes.up.finish();
        }
        if lanes.down.has_ended() {
            lanes.down.finish();
        }
        if lanes.down.sink() == Sink::Finished && lanes.up.sink() != Sink::Open {
            return Turn::Over(self.call, Exchange::Ending);
        }
        let notes = mem::take(&mut tunnel.notes);
        if notes.is_empty() {
            Turn::Wait(Exchange::Building(self))
        } else {
            Turn::Noted(self.call.operation, notes, Exchange::Building(self))
        }
    }
}
