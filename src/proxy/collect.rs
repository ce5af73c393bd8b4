//! A body that is gathered whole, de-chunked, so that it can be rewritten.

use std::cell::Cell;
use std::rc::Rc;

use super::fault::Fault;
use super::lane::Lane;
use crate::http::body::{Body, Framing, Next};

/// Bytes of one body that is rewritten. The largest that clients send are services with embedded
/// configuration and containers with long environments, some hundreds of KiB.
pub const COLLECTED_LIMIT: usize = 16 * 1024 * 1024;

/// Bytes of all bodies together that are being collected, so that clients cannot make the process
/// grow without end.
pub const COLLECTED_TOTAL: usize = 64 * 1024 * 1024;

/// The room that all collected bodies share.
#[derive(Debug, Default)]
pub struct Budget {
    used: Cell<usize>,
}

/// What one body has taken of the shared room; given back when it is dropped.
#[derive(Debug)]
struct Share {
    budget: Rc<Budget>,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), Fault> {
        let used = self.budget.used.get() + bytes;
        if used > COLLECTED_TOTAL {
            return Err(Fault::NoRoom);
        }
        self.budget.used.set(used);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.set(self.budget.used.get() - self.bytes);
    }
}

/// A body that is being gathered.
#[derive(Debug)]
pub(super) struct Collect {
    body: Body,
    content: Vec<u8>,
    share: Share,
    /// Bytes of content that were announced and have not come.
    awaited: usize,
}

impl Collect {
    /// Begins to gather a body that ends as `framing` says.
    ///
    /// # Errors
    /// A length that is over a limit already.
    pub(super) fn new(framing: Framing, budget: &Rc<Budget>) -> Result<Self, Fault> {
        let share = Share { budget: Rc::clone(budget), bytes: 0 };
        let mut collect = Self { body: framing.into(), content: Vec::new(), share, awaited: 0 };
        if let Framing::Length(length) = framing {
            collect.announce(length)?;
            collect.body = Body::Done;
        }
        Ok(collect)
    }

    /// Takes what has come on `lane`; `true` when the body is complete.
    ///
    /// # Errors
    /// A body that is malformed or over a limit.
    pub(super) fn advance(&mut self, lane: &mut Lane) -> Result<bool, Fault> {
        loop {
            self.take_content(lane)?;
            if self.awaited > 0 {
                return Ok(false);
            }
            match self.body.next(lane.unseen()).map_err(Fault::Request)? {
                Next::Piece { framing, data } => {
                    lane.take(framing);
                    self.announce(data)?;
                }
                Next::More | Next::Everything => return Ok(false),
                Next::Done => return Ok(true),
            }
        }
    }

    /// The body.
    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    fn announce(&mut self, length: u64) -> Result<(), Fault> {
        let length = usize::try_from(length).map_err(|_| Fault::TooLarge)?;
        if self.content.len().saturating_add(length) > COLLECTED_LIMIT {
            return Err(Fault::TooLarge);
        }
        self.awaited = length;
        Ok(())
    }

    /// Takes of the shared room what has come, not what was announced: a client must not keep
    /// others out by promises.
    fn take_content(&mut self, lane: &mut Lane) -> Result<(), Fault> {
        let unseen = lane.unseen();
        let n = self.awaited.min(unseen.len());
        self.share.grow(n)?;
        self.content.extend_from_slice(unseen.get(..n).unwrap_or_default());
        lane.take(n);
        self.awaited -= n;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gathers what is announced to be `announced` bytes, of which `come` have come.
    fn collect(budget: &Rc<Budget>, announced: usize, come: usize) -> Result<Collect, Fault> {
        let mut collect = Collect::new(Framing::Length(announced as u64), budget)?;
        let mut lane = Lane::default();
        lane.room(come)[..come].fill(b' ');
        lane.received(come);
        collect.advance(&mut lane)?;
        Ok(collect)
    }

    #[test]
    fn only_bytes_that_have_come_take_of_the_shared_room() {
        let budget = Rc::default();
        let promises = (0..9).map(|_| collect(&budget, COLLECTED_LIMIT, 10));
        let promises: Vec<_> = promises.collect::<Result<_, _>>().unwrap();
        assert_eq!(budget.used.get(), 90);
        budget.used.set(COLLECTED_TOTAL - 10);
        assert_eq!(collect(&budget, 11, 11).unwrap_err(), Fault::NoRoom);
        assert!(collect(&budget, 11, 10).is_ok());
        drop(promises);
        assert_eq!(budget.used.get(), COLLECTED_TOTAL - 100);
        assert_eq!(collect(&budget, COLLECTED_LIMIT + 1, 0).unwrap_err(), Fault::TooLarge);
    }
}
