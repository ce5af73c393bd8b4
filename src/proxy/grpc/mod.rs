//! A connection that speaks HTTP/2 and carries calls of BuildKit. Calls that make images are
//! rewritten, and the policy decides about each call by its name or by its messages; everything else passes
//! frame by frame.
//!
//! ```text
//! client ──► up:   preface ─ frames ─┬─ others pass ──────────────────────┬──► daemon
//!                                    ├─ HEADERS ─► hpack ─► which call?   │
//!                                    └─ DATA of a call ─► messages ─► edit ─► send_queue
//!       ◄── down: frames pass; SETTINGS and WINDOW_UPDATE are read ◄──
//! ```
//!
//! Field blocks pass unchanged, because the daemon's dynamic table must match the client's. So a
//! refused call cannot be removed, and a refusal ends the connection.

mod down;
mod frames;
mod goaway;
mod messages;
mod opening;
mod send_queue;
mod tunnel;

use std::mem;

use self::down::Downwards;
use self::tunnel::Tunnel;
use super::fault::Fault;
use super::lane::Sink;
use super::lanes::Lanes;
use super::outcome::Call;
use super::turn::{Hand, Progress};
use super::{ListenerSettings, Verdict};
use crate::http2::frame::{self, FrameType};
use crate::rules::Forced;
use crate::rules::buildkit::Store;
use crate::rules::facts::HostQuestion;

/// The way in which a connection switched to HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An upgrade that the daemon accepted with 101.
    Upgrade,
    /// A client's preface as the first bytes; the daemon may not understand it.
    PriorKnowledge,
}

/// A connection that carries calls of BuildKit.
#[derive(Debug)]
pub(super) struct Building {
    call: Call,
    stage: Stage,
}

/// The stage of the connection.
#[derive(Debug)]
enum Stage {
    /// Frames pass both ways.
    Open(Box<Tunnel>),
    /// The connection ends: the last frames follow once the daemon's current frame is complete.
    Failed(Failure, Downwards, Vec<u8>),
}

/// The state that follows.
#[derive(Debug)]
pub(super) enum Next {
    /// The daemon answers in HTTP/1.1.
    NotHttp2,
    /// Both sides have ended.
    Over,
    /// The connection ends for this fault, after these last frames.
    Failed(Fault, Vec<u8>),
}

/// The fault that ends a connection.
#[derive(Debug)]
struct Failure {
    fault: Fault,
    /// The stream of the refused call, if a call was refused.
    stream: Option<u32>,
}

/// Returns the frames that end a connection on which no call was made yet.
pub(super) fn refusal(fault: Fault) -> Vec<u8> {
    let settings = frame::frame(FrameType::SETTINGS, 0, 0, &[]);
    [settings, goaway::frames(&Failure { fault, stream: None }, std::iter::empty(), 0)].concat()
}

impl Building {
    pub(super) fn new(call: Call, origin: Origin, settings: &ListenerSettings) -> Self {
        Self { call, stage: Stage::Open(Box::new(Tunnel::new(origin, settings))) }
    }

    pub(super) fn into_call(self) -> Call {
        self.call
    }

    /// Takes the answer about the daemon's store.
    pub(super) fn learned(&mut self, store: Store) {
        if let Stage::Open(tunnel) = &mut self.stage {
            tunnel.learned(store);
        }
    }

    pub(super) fn advance(&mut self, hand: &mut Hand<'_>) -> Progress<Next> {
        let lanes = &mut *hand.lanes;
        match &mut self.stage {
            Stage::Open(tunnel) => match tunnel.advance(lanes, hand.settings) {
                // The daemon answers in HTTP/1.1.
                Ok(false) => {
                    lanes.up.set_aside();
                    lanes.up.take(lanes.up.unseen().len());
                    Progress::Next(Next::NotHttp2)
                }
                Ok(true) => {
                    if tunnel.forced != Forced::NOTHING {
                        self.call.verdict = Verdict::Forwarded(tunnel.forced);
                    }
                    hand.note(&self.call, mem::take(&mut tunnel.notes));
                    open(tunnel, hand.lanes)
                }
                Err(failure) => {
                    let down = mem::take(&mut tunnel.down);
                    let newest = tunnel.up.openings.newest;
                    let last = goaway::frames(&failure, tunnel.queue.calls.iter(), newest);
                    self.stage = Stage::Failed(failure, down, last);
                    Progress::Moved
                }
            },
            Stage::Failed(failure, down, last) => {
                // The daemon's current frame must be complete; the client ignores the frames after
                // it.
                while !down.is_between() && matches!(down.advance(&mut lanes.down, None), Ok(true))
                {
                }
                if !down.is_between() && !lanes.down.has_ended() {
                    return Progress::Waits;
                }
                let last = match (down.begun, down.is_between()) {
                    (true, true) => mem::take(last),
                    // A client accepts nothing before SETTINGS.
                    (false, true) => {
                        [&*frame::frame(FrameType::SETTINGS, 0, 0, b""), &**last].concat()
                    }
                    (_, false) => Vec::new(),
                };
                Progress::Next(Next::Failed(failure.fault.clone(), last))
            }
        }
    }
}

/// Continues with the connection, or ends it.
fn open(tunnel: &mut Tunnel, lanes: &mut Lanes) -> Progress<Next> {
    // An incomplete frame is dropped with the connection. Complete frames still wait while the
    // queue is not empty.
    let all_sent = tunnel.queue.is_clear() && lanes.up.is_flushed() && tunnel.held.is_none();
    if lanes.up.has_ended() && (all_sent || lanes.up.sink() == Sink::Broken) {
        lanes.up.finish();
    }
    if lanes.down.has_ended() {
        lanes.down.finish();
    }
    if lanes.down.sink() == Sink::Finished && lanes.up.sink() != Sink::Open {
        Progress::Next(Next::Over)
    } else if tunnel.asks_for_store() {
        Progress::Asks(HostQuestion::Store)
    } else {
        Progress::Waits
    }
}
