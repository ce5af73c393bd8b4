//! Frames in both directions: passes or rewrites them, and updates flow control.

use super::down::Downwards;
use super::frames::{Frames, NextFrame};
use super::messages;
use super::opening::{Block, Openings};
use super::send_queue::SendQueue;
use super::{Failure, Origin};
use crate::http2::Malformed;
use crate::http2::frame::{self, END_HEADERS, END_STREAM, FrameType, Head, PREFACE, Settings};
use crate::proxy::ListenerSettings;
use crate::proxy::collect::Share;
use crate::proxy::fault::Fault;
use crate::proxy::lane::{LANE_LIMIT, Lane};
use crate::proxy::lanes::Lanes;
use crate::rules::buildkit::{Method, Store};
use crate::rules::socket::Note;
use crate::rules::{Forced, buildkit, policy};

/// Frames in both directions.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) up: Upwards,
    pub(super) down: Downwards,
    pub(super) queue: SendQueue,
    /// The most that was injected into a message.
    pub(super) forced: Forced,
    /// Notes that are not logged yet.
    pub(super) notes: Vec<Note>,
    store: Knowledge,
    /// A message that waits until the store is known. Nothing of the client passes it.
    pub(super) held: Option<HeldMessage>,
    /// The note about the first call that makes images and passes unedited.
    passes: Option<Note>,
}

const PASSES: Note =
    Note::Way("a BuildKit connection (HTTP/2) passes; images built through it get no labels");

/// The known state of the daemon's store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Nothing,
    /// The shell is to ask.
    Wanted,
    Asked,
    Known(Store),
}

/// A message that is complete and not edited.
#[derive(Debug)]
pub(super) struct HeldMessage {
    stream: u32,
    message: Vec<u8>,
    /// Set if the client has ended the stream after it.
    ends: bool,
    _share: Share,
}

/// The client's direction.
#[derive(Debug)]
pub(super) struct Upwards {
    /// `true` once the preface has passed.
    begun: bool,
    pub(super) frames: Frames,
    pub(super) openings: Openings,
    /// The incomplete field block.
    block: Option<Block>,
}

pub(super) fn of_client(malformed: Malformed) -> Failure {
    Failure { fault: Fault::Http2OfClient(malformed), stream: None }
}

fn of_daemon(malformed: Malformed) -> Failure {
    Failure { fault: Fault::Http2OfDaemon(malformed), stream: None }
}

impl Tunnel {
    pub(super) fn new(origin: Origin, settings: &ListenerSettings) -> Self {
        let up = Upwards {
            begun: false,
            frames: Frames::default(),
            openings: Openings::new(origin),
            block: None,
        };
        Self {
            up,
            down: Downwards::default(),
            queue: SendQueue::new(&settings.shared.budget),
            forced: Forced::NOTHING,
            notes: Vec::new(),
            store: Knowledge::Nothing,
            held: None,
            passes: Some(PASSES),
        }
    }

    /// Returns `true` once if the shell is to ask for the store.
    pub(super) fn asks_for_store(&mut self) -> bool {
        let wanted = self.store == Knowledge::Wanted;
        if wanted {
            self.store = Knowledge::Asked;
        }
        wanted
    }

    /// Takes the answer about the daemon's store.
    pub(super) fn learned(&mut self, store: Store) {
        self.store = Knowledge::Known(store);
    }

    /// Moves frames until none can be moved. Returns `false` if the daemon answers in HTTP/1.1.
    pub(super) fn advance(
        &mut self,
        lanes: &mut Lanes,
        settings: &ListenerSettings,
    ) -> Result<bool, Failure> {
        loop {
            let prior = self.up.openings.origin == Origin::PriorKnowledge;
            if prior && !self.down.begun && lanes.down.unseen().starts_with(b"HTTP/") {
                return Ok(false);
            }
            let down = self.down.advance(&mut lanes.down, Some((&mut self.queue, &mut self.up)));
            let down = down.map_err(of_daemon)?;
            // A daemon that answers in HTTP/1.1 must not get anything that it could read as further
            // requests.
            let may_follow = !prior || !self.up.begun || self.down.begun;
            let up = may_follow && self.advance_up(&mut lanes.up, settings)?;
            if self.up.frames.is_between() {
                self.queue.flush(&mut lanes.up);
            }
            // A client that does not read its window updates gets no more of them.
            let heard = lanes.down.backlog() <= LANE_LIMIT;
            if self.down.is_between() && self.down.begun && heard {
                self.queue.grant(&mut lanes.down);
            }
            if !up && !down {
                return Ok(true);
            }
        }
    }

    /// Moves one frame of the client; returns `false` if none can be moved.
    fn advance_up(
        &mut self,
        lane: &mut Lane,
        settings: &ListenerSettings,
    ) -> Result<bool, Failure> {
        if !self.up.begun {
            return self.up.preface(lane).map_err(of_client);
        }
        if self.queue.is_crowded() {
            return Ok(false);
        }
        if let Some(held) = self.held.take_if(|_| matches!(self.store, Knowledge::Known(_))) {
            self.message(held.stream, held.message, settings)?;
            self.messages(held.stream, held.ends, settings)?;
            return Ok(true);
        }
        if self.held.is_some() {
            return Ok(false);
        }
        match self.up.frames.next(lane).map_err(of_client)? {
            None => Ok(false),
            Some(NextFrame::Head(head)) => self.begin(head, lane).map_err(of_client),
            Some(NextFrame::Frame(head, payload)) => {
                self.end(head, &payload, lane, settings)?;
                Ok(true)
            }
        }
    }

    /// Passes or takes the client's frame with this head; returns `false` if it must wait.
    fn begin(&mut self, head: Head, lane: &mut Lane) -> Result<bool, Malformed> {
        let Head { kind, stream, length, .. } = head;
        match &self.up.block {
            Some(block) if kind != FrameType::CONTINUATION || block.stream != stream => {
                return Err(Malformed::Continuation);
            }
            None if kind == FrameType::CONTINUATION => return Err(Malformed::Continuation),
            _ => {}
        }
        let takes = match kind {
            FrameType::PUSH_PROMISE => return Err(Malformed::Push),
            // Trailers must stay after the DATA before them.
            FrameType::HEADERS if self.queue.holds(stream) => return Ok(false),
            FrameType::HEADERS
            | FrameType::CONTINUATION
            | FrameType::SETTINGS
            | FrameType::RST_STREAM => true,
            FrameType::DATA => {
                self.queue.calls.contains_key(&stream) || !self.queue.may_pass(stream, length)
            }
            _ => false,
        };
        if takes {
            self.up.frames.take(head, lane);
        } else {
            if kind == FrameType::DATA {
                self.queue.passed(length)?;
            }
            self.up.frames.pass(head, lane);
        }
        Ok(true)
    }

    /// Handles a taken frame of the client.
    fn end(
        &mut self,
        head: Head,
        payload: &[u8],
        lane: &mut Lane,
        settings: &ListenerSettings,
    ) -> Result<(), Failure> {
        match head.kind {
            FrameType::DATA => return self.data(head, payload, settings),
            FrameType::HEADERS | FrameType::CONTINUATION => {
                let block = match self.up.block.take() {
                    Some(block) => block,
                    None => Block::new(head),
                };
                let block = block.with(head, payload).map_err(of_client)?;
                if !head.has(END_HEADERS) {
                    self.up.block = Some(block);
                    return Ok(());
                }
                self.opened(&block, settings)?;
                lane.queue(block.frames);
                return Ok(());
            }
            FrameType::RST_STREAM => self.queue.reset(head.stream),
            FrameType::SETTINGS => {
                let settings = Settings::read(payload).map_err(of_client)?;
                if let Some(size) = settings.frame_size {
                    self.down.frames.allow(size);
                }
            }
            _ => {}
        }
        lane.queue([&head.write(), payload].concat());
        Ok(())
    }

    /// Handles a complete field block of the client.
    fn opened(&mut self, block: &Block, settings: &ListenerSettings) -> Result<(), Failure> {
        let stream = block.stream;
        if let Some(path) = self.up.openings.inspect(block)? {
            self.called(stream, &path, settings)?;
        }
        if block.ends_stream {
            self.ended(stream)?;
        }
        Ok(())
    }

    /// Decides about a call by its path, and takes it in if its messages must be seen.
    fn called(
        &mut self,
        stream: u32,
        path: &[u8],
        settings: &ListenerSettings,
    ) -> Result<(), Failure> {
        let profile = &settings.profile;
        if profile.no_buildkit && Method::of(path).is_some() {
            self.notes.extend(self.passes.take());
        }
        let (called, notes) = policy::buildkit::called(profile, path)
            .map_err(|refusal| Failure { fault: Fault::Refused(refusal), stream: Some(stream) })?;
        self.notes.extend(notes);
        called.map_or(Ok(()), |called| self.queue.open(stream, called).map_err(of_client))
    }

    /// Records that the client has ended its side of a stream.
    fn ended(&mut self, stream: u32) -> Result<(), Failure> {
        let Some(call) = self.queue.call(stream) else { return Ok(()) };
        if call.ended {
            return Err(of_client(Malformed::Ended));
        }
        call.ended = true;
        if call.messages.is_empty() {
            return Ok(());
        }
        let fault = Fault::Refused(buildkit::odd_message("its stream ends in the middle of it"));
        Err(Failure { fault, stream: Some(stream) })
    }

    /// Handles DATA of the client that do not pass unchanged.
    fn data(
        &mut self,
        head: Head,
        payload: &[u8],
        settings: &ListenerSettings,
    ) -> Result<(), Failure> {
        let stream = head.stream;
        let content = frame::content(&head, payload).map_err(of_client)?;
        self.queue.taken(stream, head.length).map_err(of_client)?;
        let refused = |fault| Failure { fault, stream: Some(stream) };
        let ends = head.has(END_STREAM);
        let Some(call) = self.queue.call(stream) else {
            if !content.is_empty() {
                self.queue.send(stream, content.to_vec(), false).map_err(refused)?;
            }
            return if ends { self.queue.end(stream).map_err(refused) } else { Ok(()) };
        };
        if call.ended {
            return Err(of_client(Malformed::Ended));
        }
        call.messages.push(content).map_err(refused)?;
        self.messages(stream, ends, settings)
    }

    /// Edits the messages of a call that are complete; its stream `ends` after them.
    fn messages(
        &mut self,
        stream: u32,
        ends: bool,
        settings: &ListenerSettings,
    ) -> Result<(), Failure> {
        let refused = |fault| Failure { fault, stream: Some(stream) };
        while let Some(call) = self.queue.call(stream)
            && let Some(message) = call.messages.next().map_err(refused)?
        {
            self.message(stream, message, settings)?;
            if let Some(held) = &mut self.held {
                held.ends = ends;
                return Ok(());
            }
        }
        if ends {
            self.ended(stream)?;
            self.queue.end(stream).map_err(refused)?;
        }
        Ok(())
    }

    /// Edits a message of a call, or holds it until the store is known.
    fn message(
        &mut self,
        stream: u32,
        message: Vec<u8>,
        settings: &ListenerSettings,
    ) -> Result<(), Failure> {
        let refused = |fault| Failure { fault, stream: Some(stream) };
        let Some(call) = self.queue.call(stream) else { return Ok(()) };
        let store = match self.store {
            Knowledge::Known(store) => Some(store),
            Knowledge::Nothing | Knowledge::Wanted | Knowledge::Asked => None,
        };
        let edited = call.called.edit(&settings.profile, &message, store);
        let edited = edited.map_err(|refusal| refused(Fault::Refused(refusal)))?;
        if edited.asks_for_store {
            let mut share = Share::of(&settings.shared.budget);
            share.hold(message.len()).map_err(refused)?;
            self.store = Knowledge::Wanted;
            self.held = Some(HeldMessage { stream, message, ends: false, _share: share });
            return Ok(());
        }
        self.notes.extend(call.unknown(edited.warned));
        self.forced |= edited.forced;
        self.notes.extend(edited.note);
        self.queue.send(stream, messages::prefixed(&edited.message), false).map_err(refused)
    }
}

impl Upwards {
    /// Passes the preface once it is complete; returns `false` until then.
    fn preface(&mut self, lane: &mut Lane) -> Result<bool, Malformed> {
        let unseen = lane.unseen();
        let come = unseen.len().min(PREFACE.len());
        if unseen.get(..come) != PREFACE.get(..come) {
            return Err(Malformed::Preface);
        }
        if come < PREFACE.len() {
            return Ok(false);
        }
        lane.permit(PREFACE.len() as u64);
        self.begun = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
