//! The rewritten calls, their DATA that waits for room at the daemon, and the flow-control windows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::rc::Rc;

use super::messages::Messages;
use crate::http2::Malformed;
use crate::http2::frame::{self, END_STREAM, FrameType, USUAL_LENGTH};
use crate::http2::window::{INITIAL, Window};
use crate::proxy::collect::{Budget, Share};
use crate::proxy::fault::Fault;
use crate::proxy::lane::{LANE_LIMIT, Lane};
use crate::rules::policy::buildkit::Called;
use crate::rules::socket::Note;

/// Maximum number of open rewritten calls: four times the streams that the daemon's server allows.
const CALLS: usize = 1000;

/// A call whose messages are rewritten, or decide about it.
#[derive(Debug)]
pub(super) struct RewrittenCall {
    pub(super) called: Called,
    /// The would-be refusals of its messages until now.
    warned: Vec<Note>,
    pub(super) messages: Messages,
    /// `true` if the client has ended its side.
    pub(super) ended: bool,
    /// `true` if the daemon has begun to answer.
    pub(super) answered: bool,
    /// `true` if the daemon has ended its side.
    pub(super) finished: bool,
    window: Window,
    /// Bytes of this call in the queue.
    unsent: usize,
}

/// Bytes to be sent to the daemon as DATA.
#[derive(Debug)]
struct Waiting {
    stream: u32,
    data: Vec<u8>,
    sent: usize,
    /// `true` if the stream ends after them.
    end: bool,
    _share: Share,
}

/// DATA waiting for the daemon, with the windows that govern it.
#[derive(Debug)]
pub(super) struct SendQueue {
    pub(super) calls: BTreeMap<u32, RewrittenCall>,
    connection: Window,
    /// The initial window of a stream.
    initial: u32,
    waiting: VecDeque<Waiting>,
    /// Bytes in the queue, of all streams.
    unsent: usize,
    /// Calls that have changed since the last [`grant`](Self::grant). It runs after each frame and
    /// must not visit every call.
    touched: BTreeSet<u32>,
    /// `true` if [`flush`](Self::flush) can do nothing until something changes.
    settled: bool,
    budget: Rc<Budget>,
}

impl SendQueue {
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        Self {
            calls: BTreeMap::new(),
            connection: Window::new(INITIAL),
            initial: INITIAL,
            waiting: VecDeque::new(),
            unsent: 0,
            touched: BTreeSet::new(),
            settled: false,
            budget: Rc::clone(budget),
        }
    }

    /// Adds a call that is to be rewritten or decided about.
    ///
    /// # Errors
    /// More than [`CALLS`] calls.
    pub(super) fn open(&mut self, stream: u32, called: Called) -> Result<(), Malformed> {
        if self.calls.len() >= CALLS {
            return Err(Malformed::ManyCalls);
        }
        let call = RewrittenCall {
            called,
            warned: Vec::new(),
            messages: Messages::new(&self.budget),
            ended: false,
            answered: false,
            finished: false,
            window: Window::new(self.initial),
            unsent: 0,
        };
        self.calls.insert(stream, call);
        Ok(())
    }

    /// Returns the call of a stream and marks it as changed.
    pub(super) fn call(&mut self, stream: u32) -> Option<&mut RewrittenCall> {
        let call = self.calls.get_mut(&stream)?;
        self.touched.insert(stream);
        Some(call)
    }

    /// Drops the call and the waiting DATA of a stream that one side has reset.
    pub(super) fn reset(&mut self, stream: u32) {
        self.calls.remove(&stream);
        self.waiting.retain(|waiting| waiting.stream != stream);
        self.unsent = self.waiting.iter().map(Waiting::unsent).sum();
        self.settled = false;
    }

    /// Returns `true` if a DATA frame of `length` bytes may pass on this stream now.
    pub(super) fn may_pass(&self, stream: u32, length: u32) -> bool {
        self.connection.fits(length) && !self.holds(stream)
    }

    /// Returns `true` if DATA of this stream waits.
    pub(super) fn holds(&self, stream: u32) -> bool {
        self.waiting.iter().any(|waiting| waiting.stream == stream)
    }

    /// Returns `true` if the queue is full. Empty DATA that ends a stream takes no window, so
    /// windows alone do not bound the queue.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.len() >= CALLS
    }

    /// Returns `true` if the queue is empty.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Counts a DATA frame of `length` bytes that passes from the client to the daemon.
    ///
    /// # Errors
    /// The client exceeds its window.
    pub(super) fn passed(&mut self, length: u32) -> Result<(), Malformed> {
        self.connection.received(length);
        self.connection.sent(length);
        self.check()
    }

    /// Counts a DATA frame of `length` bytes that is taken from the client.
    ///
    /// # Errors
    /// The client exceeds its window.
    pub(super) fn taken(&mut self, stream: u32, length: u32) -> Result<(), Malformed> {
        self.connection.received(length);
        if let Some(call) = self.call(stream) {
            call.window.received(length);
        }
        self.check()
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.connection.is_overrun() { Err(Malformed::Window) } else { Ok(()) }
    }

    /// Queues `data` for the daemon; with `end` the stream ends after them.
    ///
    /// # Errors
    /// The memory budget for bodies is exhausted.
    pub(super) fn send(&mut self, stream: u32, data: Vec<u8>, end: bool) -> Result<(), Fault> {
        let mut share = Share::of(&self.budget);
        share.hold(data.len())?;
        self.unsent += data.len();
        if let Some(call) = self.call(stream) {
            call.unsent += data.len();
        }
        self.settled = false;
        self.waiting.push_back(Waiting { stream, data, sent: 0, end, _share: share });
        Ok(())
    }

    /// Ends the stream after its waiting DATA.
    ///
    /// # Errors
    /// The memory budget for bodies is exhausted.
    pub(super) fn end(&mut self, stream: u32) -> Result<(), Fault> {
        match self.waiting.back_mut() {
            Some(last) if last.stream == stream => {
                last.end = true;
                self.settled = false;
                Ok(())
            }
            _ => self.send(stream, Vec::new(), true),
        }
    }

    /// Opens the daemon's window of `stream` by `increment` bytes; stream 0 is the connection.
    ///
    /// # Errors
    /// A window beyond its maximum.
    pub(super) fn opened(&mut self, stream: u32, increment: u32) -> Result<(), Malformed> {
        self.settled = false;
        match self.call(stream) {
            Some(call) => call.window.opened(increment),
            None if stream == 0 => self.connection.opened(increment),
            // The call ended while the frame was in transit.
            None => Ok(()),
        }
    }

    /// Returns `true` if the window of `stream` is tracked here; stream 0 is the connection.
    pub(super) fn keeps(&self, stream: u32) -> bool {
        stream == 0 || self.calls.contains_key(&stream)
    }

    /// Applies a new initial window of the daemon to all streams.
    ///
    /// # Errors
    /// A window beyond its maximum.
    pub(super) fn changed(&mut self, initial: u32) -> Result<(), Malformed> {
        for call in self.calls.values_mut() {
            call.window.changed(self.initial, initial)?;
        }
        self.touched.extend(self.calls.keys());
        self.settled = false;
        self.initial = initial;
        Ok(())
    }

    /// Sends waiting DATA in order, as far as windows allow. DATA that waits for its own stream's
    /// window does not block other streams.
    pub(super) fn flush(&mut self, up: &mut Lane) {
        if self.settled {
            return;
        }
        let mut full = BTreeSet::new();
        let mut index = 0;
        while let Some(waiting) = self.waiting.get_mut(index)
            && up.backlog() <= LANE_LIMIT
        {
            let of_stream = match self.calls.get(&waiting.stream) {
                Some(call) => call.window.room(),
                None => USUAL_LENGTH,
            };
            let room = usize::try_from(self.connection.room().min(of_stream)).unwrap_or_default();
            let rest = waiting.data.get(waiting.sent..).unwrap_or_default();
            let (now, later) = rest.split_at(room.min(rest.len()));
            if full.contains(&waiting.stream) || now.is_empty() && !later.is_empty() {
                full.insert(waiting.stream);
                index += 1;
                continue;
            }
            let flags = if waiting.end && later.is_empty() { END_STREAM } else { 0 };
            up.queue(frame::frame(FrameType::DATA, flags, waiting.stream, now));
            let length = u32::try_from(now.len()).unwrap_or_default();
            self.connection.sent(length);
            self.unsent = self.unsent.saturating_sub(now.len());
            if let Some(call) = self.calls.get_mut(&waiting.stream) {
                call.window.sent(length);
                call.unsent = call.unsent.saturating_sub(now.len());
                self.touched.insert(waiting.stream);
            }
            waiting.sent += now.len();
            if later.is_empty() {
                self.waiting.remove(index);
            }
        }
        self.settled = index >= self.waiting.len();
    }

    /// Opens the client's windows as far as allowed, and drops completed calls.
    pub(super) fn grant(&mut self, down: &mut Lane) {
        if let Some(increment) = self.connection.grant(self.unsent) {
            down.queue(frame::window_update(0, increment));
        }
        for stream in mem::take(&mut self.touched) {
            let Some(call) = self.calls.get_mut(&stream) else { continue };
            if !call.ended
                && let Some(increment) = call.window.grant(call.unsent)
            {
                down.queue(frame::window_update(stream, increment));
            }
            // Sending the waiting DATA marks the call as changed again.
            if call.ended && call.finished && !self.holds(stream) {
                self.calls.remove(&stream);
            }
        }
    }
}

impl RewrittenCall {
    /// Returns those of `notes` that are not known yet. A call may have many messages.
    pub(super) fn unknown(&mut self, mut notes: Vec<Note>) -> Vec<Note> {
        notes.retain(|note| !self.warned.contains(note));
        self.warned.extend_from_slice(&notes);
        notes
    }
}

impl Waiting {
    fn unsent(&self) -> usize {
        self.data.len() - self.sent
    }
}

#[cfg(test)]
mod tests;
