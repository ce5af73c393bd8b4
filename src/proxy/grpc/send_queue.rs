//! The calls that are rewritten, what waits to be sent to the daemon, and the windows of both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::rc::Rc;

use super::gather::Gather;
use crate::http2::Malformed;
use crate::http2::frame::{self, END_STREAM, Kind, USUAL_LENGTH};
use crate::http2::window::{INITIAL, Window};
use crate::proxy::collect::{Budget, Share};
use crate::proxy::fault::Fault;
use crate::proxy::lane::{LANE_LIMIT, Lane};
use crate::rules::buildkit::Method;

/// Rewritten calls that may be open at once: four times as many streams as the daemon's server
/// lets a client open.
const CALLS: usize = 1000;

/// A call whose messages are rewritten.
#[derive(Debug)]
pub(super) struct RewrittenCall {
    pub(super) method: Method,
    pub(super) gather: Gather,
    /// Whether the client has ended its side.
    pub(super) ended: bool,
    /// Whether the daemon has begun to answer.
    pub(super) answered: bool,
    /// Whether the daemon has ended its side.
    pub(super) finished: bool,
    window: Window,
    /// Bytes of it that wait.
    unsent: usize,
}

/// Bytes that are to be sent to the daemon as DATA.
#[derive(Debug)]
struct Waiting {
    stream: u32,
    data: Vec<u8>,
    sent: usize,
    /// Whether the stream ends behind them.
    end: bool,
    _share: Share,
}

/// Flow control between client and daemon.
#[derive(Debug)]
pub(super) struct SendQueue {
    pub(super) calls: BTreeMap<u32, RewrittenCall>,
    connection: Window,
    /// The window of a new stream.
    initial: u32,
    waiting: VecDeque<Waiting>,
    /// Bytes that wait, of all streams.
    unsent: usize,
    /// Calls of which something has changed since [`grant`](Self::grant) looked: that is asked behind
    /// each frame, and there may be many calls.
    touched: BTreeSet<u32>,
    /// Whether [`flush`](Self::flush) can do nothing until something changes.
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

    /// The client opens a stream with a call that is to be rewritten.
    ///
    /// # Errors
    /// There are too many.
    pub(super) fn open(&mut self, stream: u32, method: Method) -> Result<(), Malformed> {
        if self.calls.len() >= CALLS {
            return Err(Malformed::ManyCalls);
        }
        let call = RewrittenCall {
            method,
            gather: Gather::new(&self.budget),
            ended: false,
            answered: false,
            finished: false,
            window: Window::new(self.initial),
            unsent: 0,
        };
        self.calls.insert(stream, call);
        Ok(())
    }

    /// The call of this stream, of which something may change.
    pub(super) fn call(&mut self, stream: u32) -> Option<&mut RewrittenCall> {
        let call = self.calls.get_mut(&stream)?;
        self.touched.insert(stream);
        Some(call)
    }

    /// One side has reset a stream: nothing of it is to be sent any more.
    pub(super) fn reset(&mut self, stream: u32) {
        self.calls.remove(&stream);
        self.waiting.retain(|waiting| waiting.stream != stream);
        self.unsent = self.waiting.iter().map(Waiting::unsent).sum();
        self.settled = false;
    }

    /// Whether DATA of this stream, of a frame of `length` bytes, may go at once.
    pub(super) fn lets(&self, stream: u32, length: u32) -> bool {
        self.connection.fits(length) && !self.holds(stream)
    }

    /// Whether something of this stream waits.
    pub(super) fn holds(&self, stream: u32) -> bool {
        self.waiting.iter().any(|waiting| waiting.stream == stream)
    }

    /// Whether so much waits that no more is taken: a stream that was ended again and again, say.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.len() >= CALLS
    }

    /// Whether nothing waits.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty()
    }

    /// DATA of the client, of a frame of `length` bytes, pass.
    ///
    /// # Errors
    /// It may not send as much.
    pub(super) fn passed(&mut self, length: u32) -> Result<(), Malformed> {
        self.connection.received(length);
        self.connection.sent(length);
        self.check()
    }

    /// DATA of the client, of a frame of `length` bytes, were taken.
    ///
    /// # Errors
    /// It may not send as much.
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

    /// Lets `data` wait for room at the daemon; the stream ends behind them if `end`.
    ///
    /// # Errors
    /// There is no room for them here.
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

    /// The stream ends behind what waits of it.
    ///
    /// # Errors
    /// There is no room here.
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

    /// The daemon opens the window of `stream`; 0 is the connection.
    ///
    /// # Errors
    /// It cannot be that large.
    pub(super) fn opened(&mut self, stream: u32, increment: u32) -> Result<(), Malformed> {
        self.settled = false;
        match self.call(stream) {
            Some(call) => call.window.opened(increment),
            None if stream == 0 => self.connection.opened(increment),
            // The call went while the frame was on its way.
            None => Ok(()),
        }
    }

    /// Whether the window of `stream` is kept here; 0 is the connection.
    pub(super) fn keeps(&self, stream: u32) -> bool {
        stream == 0 || self.calls.contains_key(&stream)
    }

    /// The daemon changes the window of all streams.
    ///
    /// # Errors
    /// One cannot be that large.
    pub(super) fn changed(&mut self, initial: u32) -> Result<(), Malformed> {
        for call in self.calls.values_mut() {
            call.window.changed(self.initial, initial)?;
        }
        self.touched.extend(self.calls.keys());
        self.settled = false;
        self.initial = initial;
        Ok(())
    }

    /// Sends what waits, in order, as far as the daemon has room; what waits for room on its own
    /// stream lets others pass.
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
            up.say(frame::frame(Kind::Data, flags, waiting.stream, now));
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

    /// Opens the windows of the client as far as it may send, and forgets calls that are over.
    pub(super) fn grant(&mut self, down: &mut Lane) {
        if let Some(increment) = self.connection.grant(self.unsent) {
            down.say(frame::window_update(0, increment));
        }
        for stream in mem::take(&mut self.touched) {
            let Some(call) = self.calls.get_mut(&stream) else { continue };
            if !call.ended
                && let Some(increment) = call.window.grant(call.unsent)
            {
                down.say(frame::window_update(stream, increment));
            }
            // What waits of it will be looked at again when it is sent.
            if call.ended && call.finished && !self.holds(stream) {
                self.calls.remove(&stream);
            }
        }
    }
}

impl Waiting {
    fn unsent(&self) -> usize {
        self.data.len() - self.sent
    }
}

#[cfg(test)]
mod tests;
