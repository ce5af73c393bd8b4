//! Joins the messages of one call from DATA frames (gRPC over HTTP/2, `Length-Prefixed-Message`).

use std::rc::Rc;

use crate::proxy::collect::{Budget, COLLECTED_LIMIT, Share};
use crate::proxy::fault::Fault;
use crate::rules::buildkit;

/// Length of the prefix of each message in bytes: a flag and a length.
const PREFIX: usize = 5;

/// Received bytes of messages that are not taken yet.
#[derive(Debug)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    /// Bytes at the start that belong to messages already returned.
    taken: usize,
    share: Share,
}

impl Messages {
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        Self { bytes: Vec::new(), taken: 0, share: Share::of(budget) }
    }

    /// Returns `true` if no part of a message has arrived.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == self.taken
    }

    /// Adds the content of a DATA frame.
    ///
    /// # Errors
    /// The memory budget for bodies is exhausted.
    pub(super) fn push(&mut self, content: &[u8]) -> Result<(), Fault> {
        self.bytes.drain(..std::mem::take(&mut self.taken));
        self.share.hold(self.bytes.len() + content.len())?;
        self.bytes.extend_from_slice(content);
        Ok(())
    }

    /// Returns the next message, if it is complete.
    ///
    /// # Errors
    /// A message that is compressed or too long.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some(([flag, length @ ..], rest)) = rest.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        match flag {
            0 => {}
            1 => return Err(Fault::Refused(buildkit::compressed())),
            _ => return Err(Fault::Refused(buildkit::odd_message("its flags are unknown"))),
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > COLLECTED_LIMIT {
            return Err(Fault::TooLarge(COLLECTED_LIMIT));
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        let message = message.to_vec();
        self.taken += PREFIX + length;
        if self.is_empty() {
            (self.bytes, self.taken) = (Vec::new(), 0);
            self.share.hold(0)?;
        }
        Ok(Some(message))
    }
}

/// Returns `message` with its prefix.
pub(super) fn prefixed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[0], &length[..], message].concat()
}

#[cfg(test)]
mod tests;
