//! The frames of one lane: some pass unchanged, some are taken out of it.

use std::mem;

use crate::http2::Malformed;
use crate::http2::frame::{HEAD, Head, USUAL_LENGTH};
use crate::proxy::lane::{LANE_LIMIT, Lane};

/// The position of a lane in its frames.
#[derive(Debug)]
pub(super) struct Frames {
    place: Position,
    /// Maximum payload of a frame in bytes.
    limit: u32,
}

#[derive(Debug)]
enum Position {
    /// Before a head.
    Head,
    /// In a passing frame, of which this many bytes are missing.
    Passing(u32),
    /// In a frame that is taken, with the received part of its payload.
    Taking(Head, Vec<u8>),
}

/// The next frame of a lane.
#[derive(Debug)]
pub(super) enum NextFrame {
    /// The head of a frame, which must [pass](Frames::pass), be [taken](Frames::take), or wait.
    Head(Head),
    /// A taken frame with its payload.
    Frame(Head, Vec<u8>),
}

impl Default for Frames {
    fn default() -> Self {
        Self { place: Position::Head, limit: USUAL_LENGTH }
    }
}

impl Frames {
    /// Raises the maximum payload. It is never lowered, since it is unknown when the peer has seen
    /// the change.
    pub(super) fn allow(&mut self, limit: u32) {
        self.limit = self.limit.max(limit);
    }

    /// Returns `true` if frames of the proxy may be inserted now, outside any passing frame.
    pub(super) fn is_between(&self) -> bool {
        !matches!(self.place, Position::Passing(1..))
    }

    /// Returns the next frame; `None` while bytes are missing or the outbox is full.
    ///
    /// # Errors
    /// A malformed head.
    pub(super) fn next(&mut self, lane: &mut Lane) -> Result<Option<NextFrame>, Malformed> {
        loop {
            match &mut self.place {
                Position::Head => {
                    if lane.backlog() > LANE_LIMIT {
                        return Ok(None);
                    }
                    let Some(head) = Head::read(lane.unseen()) else { return Ok(None) };
                    head.check(self.limit)?;
                    return Ok(Some(NextFrame::Head(head)));
                }
                Position::Passing(left) => {
                    let come = u32::try_from(lane.unseen().len()).unwrap_or(u32::MAX).min(*left);
                    lane.permit(come.into());
                    *left -= come;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.place = Position::Head;
                }
                Position::Taking(head, payload) => {
                    let length = usize::try_from(head.length).unwrap_or(usize::MAX);
                    let come = lane.unseen().len().min(length - payload.len());
                    payload.extend_from_slice(lane.unseen().get(..come).unwrap_or_default());
                    lane.take(come);
                    if payload.len() < length {
                        return Ok(None);
                    }
                    let seen = NextFrame::Frame(*head, mem::take(payload));
                    self.place = Position::Head;
                    return Ok(Some(seen));
                }
            }
        }
    }

    /// Permits the frame with this head, which was the last result of [`next`](Self::next).
    pub(super) fn pass(&mut self, head: Head, lane: &mut Lane) {
        lane.permit(HEAD as u64);
        self.place = Position::Passing(head.length);
    }

    /// Takes the frame with this head, which was the last result of [`next`](Self::next).
    pub(super) fn take(&mut self, head: Head, lane: &mut Lane) {
        lane.set_aside();
        lane.take(HEAD);
        self.place = Position::Taking(head, Vec::new());
    }
}
