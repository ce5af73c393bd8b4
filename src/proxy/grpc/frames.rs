//! The frames of one lane: those that pass as they come, and those that are taken out of it.

use std::mem;

use crate::http2::Malformed;
use crate::http2::frame::{HEAD, Head, USUAL_LENGTH};
use crate::proxy::lane::{LANE_LIMIT, Lane};

/// Where in its frames a lane is.
#[derive(Debug)]
pub(super) struct Frames {
    place: Position,
    /// Bytes of payload that a frame may have.
    limit: u32,
}

#[derive(Debug)]
enum Position {
    /// Before a head.
    Head,
    /// In a frame that passes; so many of its bytes have not come.
    Passing(u32),
    /// In a frame that is taken; this has come of its payload.
    Taking(Head, Vec<u8>),
}

/// What comes next in a lane.
#[derive(Debug)]
pub(super) enum NextFrame {
    /// A frame whose head has come: it is to [pass](Frames::pass), to be [taken](Frames::take), or
    /// to wait.
    Head(Head),
    /// A frame that was taken, with its payload.
    Frame(Head, Vec<u8>),
}

impl Default for Frames {
    fn default() -> Self {
        Self { place: Position::Head, limit: USUAL_LENGTH }
    }
}

impl Frames {
    /// Longer frames are allowed from now on. Shorter ones never are: when that is heard of is not
    /// known here.
    pub(super) fn allow(&mut self, limit: u32) {
        self.limit = self.limit.max(limit);
    }

    /// Whether frames of our own may leave now: none of the source's is half on its way.
    pub(super) fn is_between(&self) -> bool {
        !matches!(self.place, Position::Passing(1..))
    }

    /// What comes next; nothing while more bytes are needed, or too many of ours wait to leave.
    ///
    /// # Errors
    /// A head that is malformed.
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

    /// Lets the frame pass whose head was seen.
    pub(super) fn pass(&mut self, head: Head, lane: &mut Lane) {
        lane.permit(HEAD as u64);
        self.place = Position::Passing(head.length);
    }

    /// Takes the frame out of the lane whose head was seen.
    pub(super) fn take(&mut self, head: Head, lane: &mut Lane) {
        lane.set_aside();
        lane.take(HEAD);
        self.place = Position::Taking(head, Vec::new());
    }
}
