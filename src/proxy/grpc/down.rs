//! The daemon's direction: everything passes, and flow control is recorded.

use std::mem;

use super::frames::{Frames, NextFrame};
use super::send_queue::SendQueue;
use super::tunnel::Upwards;
use crate::http2::Malformed;
use crate::http2::frame::{self, ACK, END_HEADERS, END_STREAM, FrameType, Head, Settings};
use crate::proxy::lane::Lane;

/// The daemon's direction.
#[derive(Debug, Default)]
pub(super) struct Downwards {
    /// `true` once the daemon's first frame has passed.
    pub(super) begun: bool,
    pub(super) frames: Frames,
    /// The stream of an incomplete field block.
    block: Option<u32>,
}

impl Downwards {
    /// Returns `true` if frames of the proxy may be inserted now.
    pub(super) fn is_between(&self) -> bool {
        self.frames.is_between() && self.block.is_none()
    }

    /// Moves one frame of the daemon; returns `false` if none can be moved. Its effects are applied to
    /// `keeper`, if there is one.
    pub(super) fn advance(
        &mut self,
        lane: &mut Lane,
        keeper: Option<(&mut SendQueue, &mut Upwards)>,
    ) -> Result<bool, Malformed> {
        match self.frames.next(lane)? {
            None => return Ok(false),
            Some(NextFrame::Head(head)) => self.begin(head, lane, keeper)?,
            Some(NextFrame::Frame(head, payload)) => {
                if let Some((queue, up)) = keeper {
                    apply(head, &payload, queue, up)?;
                }
                if head.kind == FrameType::SETTINGS {
                    lane.queue([&head.write(), &*payload].concat());
                }
            }
        }
        Ok(true)
    }

    /// Passes or takes the daemon's frame with this head.
    fn begin(
        &mut self,
        head: Head,
        lane: &mut Lane,
        keeper: Option<(&mut SendQueue, &mut Upwards)>,
    ) -> Result<(), Malformed> {
        let Head { kind, stream, .. } = head;
        if !mem::replace(&mut self.begun, true) && (kind != FrameType::SETTINGS || head.has(ACK)) {
            return Err(Malformed::NoSettings);
        }
        let goes_on = kind == FrameType::CONTINUATION;
        if self.block.is_some() != goes_on || self.block.is_some_and(|block| block != stream) {
            return Err(Malformed::Continuation);
        }
        if matches!(kind, FrameType::HEADERS | FrameType::PUSH_PROMISE | FrameType::CONTINUATION) {
            self.block = if head.has(END_HEADERS) { None } else { Some(stream) };
        }
        let mut keeps = false;
        if let Some((queue, _)) = keeper {
            keeps = kind == FrameType::WINDOW_UPDATE && queue.keeps(stream);
            if kind == FrameType::RST_STREAM {
                queue.reset(stream);
            }
            if let Some(call) = queue.call(stream) {
                call.answered |= kind == FrameType::HEADERS;
                let may_end = matches!(kind, FrameType::HEADERS | FrameType::DATA);
                call.finished |= may_end && head.has(END_STREAM);
            }
        }
        if keeps || kind == FrameType::SETTINGS {
            self.frames.take(head, lane);
        } else {
            self.frames.pass(head, lane);
        }
        Ok(())
    }
}

/// Applies a taken frame of the daemon.
fn apply(
    head: Head,
    payload: &[u8],
    queue: &mut SendQueue,
    up: &mut Upwards,
) -> Result<(), Malformed> {
    if head.kind == FrameType::WINDOW_UPDATE {
        return queue.opened(head.stream, frame::increment(payload)?);
    }
    let settings = Settings::read(payload)?;
    if let Some(size) = settings.table_size {
        up.openings.decoder.allow(size);
    }
    if let Some(size) = settings.frame_size {
        up.frames.allow(size);
    }
    if let Some(initial) = settings.initial_window {
        queue.changed(initial)?;
    }
    Ok(())
}
