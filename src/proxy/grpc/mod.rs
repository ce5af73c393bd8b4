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

mod farewell;
mod flow;
mod frames;
mod gather;
mod opening;

use std::mem;

use self::flow::Flow;
use self::frames::{Frames, Seen};
use self::opening::{Block, Openings};
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::lane::{Lane, Sink};
use super::outcome::Call;
use super::relay::Relaying;
use super::{Common, Verdict};
use crate::http2::Malformed;
use crate::http2::frame::{self, ACK, END_HEADERS, END_STREAM, Head, Kind, PREFACE, Settings};
use crate::rules::Refusal;
use crate::rules::buildkit::{self, Forced};
use crate::rules::socket::Note;

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
    Stopped(Stopped, Downwards, Vec<u8>),
}

/// Why a connection is stopped.
#[derive(Debug)]
struct Stopped {
    fault: Fault,
    /// The stream of the call that was refused.
    stream: Option<u32>,
}

/// Frames both ways.
#[derive(Debug)]
struct Tunnel {
    origin: Origin,
    up: Upwards,
    down: Downwards,
    flow: Flow,
    /// The most that was put into a message.
    forced: Forced,
    notes: Vec<Note>,
}

/// The client's direction.
#[derive(Debug)]
struct Upwards {
    /// Whether the preface has passed.
    begun: bool,
    frames: Frames,
    openings: Openings,
    /// The field block that is on its way.
    block: Option<Block>,
}

/// The daemon's direction.
#[derive(Debug, Default)]
struct Downwards {
    /// Whether its first frame has passed.
    begun: bool,
    frames: Frames,
    /// The stream of the field block that is on its way.
    block: Option<u32>,
}

/// What one look at a direction comes to.
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Waits,
    Moved,
    /// The daemon answers in HTTP/1.1.
    NotHttp2,
}

fn of_client(malformed: Malformed) -> Stopped {
    Stopped { fault: Fault::Http2OfClient(malformed), stream: None }
}

fn of_daemon(malformed: Malformed) -> Stopped {
    Stopped { fault: Fault::Http2OfDaemon(malformed), stream: None }
}

impl Building {
    pub(super) fn new(call: Call, origin: Origin, common: &Common) -> Self {
        let up = Upwards {
            begun: false,
            frames: Frames::default(),
            openings: Openings::new(origin),
            block: None,
        };
        let tunnel = Tunnel {
            origin,
            up,
            down: Downwards::default(),
            flow: Flow::new(&common.budget),
            forced: Forced::Nothing,
            notes: Vec::new(),
        };
        Self { call, stage: Stage::Open(Box::new(tunnel)) }
    }

    pub(super) fn into_call(self) -> Call {
        self.call
    }

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        match self.stage {
            Stage::Open(ref mut tunnel) => match tunnel.advance(lanes, common) {
                Ok(Progress::NotHttp2) => {
                    lanes.up.take(lanes.up.unseen().len());
                    Turn::Again(Exchange::Relaying(Relaying::sent(self.call, false)))
                }
                Ok(_) => self.open(lanes),
                Err(stopped) => {
                    let down = mem::take(&mut tunnel.down);
                    let newest = tunnel.up.openings.newest();
                    let last = farewell::farewell(&stopped, tunnel.flow.calls.iter(), newest);
                    let stage = Stage::Stopped(stopped, down, last);
                    Turn::Again(Exchange::Building(Box::new(Self { stage, ..*self })))
                }
            },
            Stage::Stopped(stopped, mut down, last) => {
                // What the daemon says now is for nobody, but what it has begun is to be complete.
                while !down.is_between()
                    && matches!(down.advance(&mut lanes.down, None), Ok(Progress::Moved))
                {
                }
                if !down.is_between() && !lanes.down.has_ended() {
                    let stage = Stage::Stopped(stopped, down, last);
                    return Turn::Wait(Exchange::Building(Box::new(Self { stage, ..*self })));
                }
                let last = match (down.begun, down.is_between()) {
                    (true, true) => last,
                    // A client believes nothing before it has seen settings.
                    (false, true) => [frame::frame(Kind::Settings, 0, 0, b""), last].concat(),
                    (_, false) => Vec::new(),
                };
                Turn::Farewell(self.call, stopped.fault, last)
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
        // What of a frame has come is worth nothing without its rest.
        if lanes.up.has_ended() && (tunnel.flow.is_clear() || lanes.up.sink() == Sink::Broken) {
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
            Turn::Noted(notes, Exchange::Building(self))
        }
    }
}

impl Tunnel {
    /// Moves frames until none can be moved.
    fn advance(&mut self, lanes: &mut Lanes, common: &Common) -> Result<Progress, Stopped> {
        loop {
            let prior = self.origin == Origin::PriorKnowledge;
            if prior && !self.down.begun && lanes.down.unseen().starts_with(b"HTTP/") {
                return Ok(Progress::NotHttp2);
            }
            let down = self.down.advance(&mut lanes.down, Some((&mut self.flow, &mut self.up)));
            let down = down.map_err(of_daemon)?;
            // A daemon that answers in HTTP/1.1 is not to get anything that it could take for more
            // requests.
            let up = if prior && self.up.begun && !self.down.begun {
                Progress::Waits
            } else {
                self.advance_up(&mut lanes.up, common)?
            };
            self.flow.flush(&mut lanes.up);
            if self.down.is_between() && self.down.begun {
                self.flow.grant(&mut lanes.down);
            }
            if up == Progress::Waits && down == Progress::Waits {
                return Ok(Progress::Waits);
            }
        }
    }

    /// Moves one frame of the client.
    fn advance_up(&mut self, lane: &mut Lane, common: &Common) -> Result<Progress, Stopped> {
        if !self.up.begun {
            return self.up.preface(lane).map_err(of_client);
        }
        if self.flow.is_crowded() {
            return Ok(Progress::Waits);
        }
        match self.up.frames.next(lane).map_err(of_client)? {
            None => Ok(Progress::Waits),
            Some(Seen::Head(head)) => self.begin(head, lane).map_err(of_client),
            Some(Seen::Frame(head, payload)) => {
                self.end(head, &payload, lane, common)?;
                Ok(Progress::Moved)
            }
        }
    }

    /// Decides about a frame of the client whose head has come.
    fn begin(&mut self, head: Head, lane: &mut Lane) -> Result<Progress, Malformed> {
        let Head { kind, stream, length, .. } = head;
        match &self.up.block {
            Some(block) if kind != Kind::Continuation || block.stream != stream => {
                return Err(Malformed::Continuation);
            }
            None if kind == Kind::Continuation => return Err(Malformed::Continuation),
            _ => {}
        }
        let takes = match kind {
            Kind::PushPromise => return Err(Malformed::Push),
            // Trailers stay behind the DATA before them.
            Kind::Headers if self.flow.holds(stream) => return Ok(Progress::Waits),
            Kind::Headers | Kind::Continuation | Kind::Settings | Kind::RstStream => true,
            Kind::Data => self.flow.calls.contains_key(&stream) || !self.flow.lets(stream, length),
            Kind::Priority | Kind::Ping | Kind::Goaway | Kind::WindowUpdate | Kind::Other(_) => {
                false
            }
        };
        if takes {
            self.up.frames.take(head, lane);
        } else {
            if kind == Kind::Data {
                self.flow.passed(length)?;
            }
            self.up.frames.pass(head, lane);
        }
        Ok(Progress::Moved)
    }

    /// Does what is to be done about a frame of the client that was taken.
    fn end(
        &mut self,
        head: Head,
        payload: &[u8],
        lane: &mut Lane,
        common: &Common,
    ) -> Result<(), Stopped> {
        match head.kind {
            Kind::Data => return self.data(head, payload, common),
            Kind::Headers | Kind::Continuation => {
                let block = match self.up.block.take() {
                    Some(block) => block,
                    None => Block::new(head),
                };
                let block = block.with(head, payload).map_err(of_client)?;
                if !head.has(END_HEADERS) {
                    self.up.block = Some(block);
                    return Ok(());
                }
                self.opened(&block)?;
                lane.say(block.frames);
                return Ok(());
            }
            Kind::RstStream => self.flow.reset(head.stream),
            Kind::Settings => {
                let settings = Settings::read(payload).map_err(of_client)?;
                if let Some(size) = settings.frame_size {
                    self.down.frames.allow(size);
                }
            }
            _ => {}
        }
        lane.say([&head.write(), payload].concat());
        Ok(())
    }

    /// A field block of the client is complete.
    fn opened(&mut self, block: &Block) -> Result<(), Stopped> {
        let stream = block.stream;
        if let Some(method) = self.up.openings.look(block)? {
            self.flow.open(stream, method).map_err(of_client)?;
        }
        if block.ends_stream {
            self.ended(stream)?;
        }
        Ok(())
    }

    /// The client has ended its side of a stream.
    fn ended(&mut self, stream: u32) -> Result<(), Stopped> {
        let Some(call) = self.flow.calls.get_mut(&stream) else { return Ok(()) };
        if call.ended {
            return Err(of_client(Malformed::Ended));
        }
        call.ended = true;
        if call.gather.is_empty() {
            return Ok(());
        }
        let fault = Fault::Refused(Refusal::Message("its stream ends in the middle of it"));
        Err(Stopped { fault, stream: Some(stream) })
    }

    /// DATA of the client that do not pass as they came.
    fn data(&mut self, head: Head, payload: &[u8], common: &Common) -> Result<(), Stopped> {
        let stream = head.stream;
        let content = frame::content(&head, payload).map_err(of_client)?;
        self.flow.taken(stream, head.length).map_err(of_client)?;
        let refused = |fault| Stopped { fault, stream: Some(stream) };
        let ends = head.has(END_STREAM);
        let Some(call) = self.flow.calls.get_mut(&stream) else {
            if !content.is_empty() {
                self.flow.send(stream, content.to_vec(), false).map_err(refused)?;
            }
            return if ends { self.flow.end(stream).map_err(refused) } else { Ok(()) };
        };
        if call.ended {
            return Err(of_client(Malformed::Ended));
        }
        let method = call.method;
        call.gather.push(content).map_err(refused)?;
        while let Some(call) = self.flow.calls.get_mut(&stream)
            && let Some(message) = call.gather.next().map_err(refused)?
        {
            let edited = buildkit::edit(&common.injection, method, &message);
            let edited = edited.map_err(|refusal| refused(Fault::Refused(refusal)))?;
            self.forced = self.forced.max(edited.forced);
            self.notes.extend(edited.note);
            let message = gather::prefixed(&edited.message);
            self.flow.send(stream, message, false).map_err(refused)?;
        }
        if ends {
            self.ended(stream)?;
            self.flow.end(stream).map_err(refused)?;
        }
        Ok(())
    }
}

impl Upwards {
    fn preface(&mut self, lane: &mut Lane) -> Result<Progress, Malformed> {
        let unseen = lane.unseen();
        let come = unseen.len().min(PREFACE.len());
        if unseen.get(..come) != PREFACE.get(..come) {
            return Err(Malformed::Preface);
        }
        if come < PREFACE.len() {
            return Ok(Progress::Waits);
        }
        lane.permit(PREFACE.len() as u64);
        self.begun = true;
        Ok(Progress::Moved)
    }
}

impl Downwards {
    /// Whether our own frames may stand here.
    fn is_between(&self) -> bool {
        self.frames.is_between() && self.block.is_none()
    }

    /// Moves one frame of the daemon. Without `heard` nobody keeps what it says.
    fn advance(
        &mut self,
        lane: &mut Lane,
        heard: Option<(&mut Flow, &mut Upwards)>,
    ) -> Result<Progress, Malformed> {
        match self.frames.next(lane)? {
            None => return Ok(Progress::Waits),
            Some(Seen::Head(head)) => self.begin(head, lane, heard)?,
            Some(Seen::Frame(head, payload)) => {
                if let Some((flow, up)) = heard {
                    hear(head, &payload, flow, up)?;
                }
                if head.kind == Kind::Settings {
                    lane.say([&head.write(), &*payload].concat());
                }
            }
        }
        Ok(Progress::Moved)
    }

    /// Decides about a frame of the daemon whose head has come.
    fn begin(
        &mut self,
        head: Head,
        lane: &mut Lane,
        heard: Option<(&mut Flow, &mut Upwards)>,
    ) -> Result<(), Malformed> {
        let Head { kind, stream, .. } = head;
        if !mem::replace(&mut self.begun, true) && (kind != Kind::Settings || head.has(ACK)) {
            return Err(Malformed::NoSettings);
        }
        let goes_on = kind == Kind::Continuation;
        if self.block.is_some() != goes_on || self.block.is_some_and(|block| block != stream) {
            return Err(Malformed::Continuation);
        }
        if matches!(kind, Kind::Headers | Kind::PushPromise | Kind::Continuation) {
            self.block = if head.has(END_HEADERS) { None } else { Some(stream) };
        }
        let mut keeps = false;
        if let Some((flow, _)) = heard {
            keeps = kind == Kind::WindowUpdate && flow.keeps(stream);
            if kind == Kind::RstStream {
                flow.reset(stream);
            }
            if let Some(call) = flow.calls.get_mut(&stream) {
                call.answered |= kind == Kind::Headers;
                let may_end = matches!(kind, Kind::Headers | Kind::Data);
                call.finished |= may_end && head.has(END_STREAM);
            }
        }
        if keeps || kind == Kind::Settings {
            self.frames.take(head, lane);
        } else {
            self.frames.pass(head, lane);
        }
        Ok(())
    }
}

/// Keeps what a frame of the daemon says.
fn hear(head: Head, payload: &[u8], flow: &mut Flow, up: &mut Upwards) -> Result<(), Malformed> {
    if head.kind == Kind::WindowUpdate {
        return flow.opened(head.stream, frame::increment(payload)?);
    }
    let settings = Settings::read(payload)?;
    if let Some(size) = settings.table_size {
        up.openings.allow(size);
    }
    if let Some(size) = settings.frame_size {
        up.frames.allow(size);
    }
    if let Some(initial) = settings.initial_window {
        flow.changed(initial)?;
    }
    Ok(())
}
