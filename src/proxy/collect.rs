//! Bodies that are gathered whole, without their framing, so that they can be rewritten.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::fault::Fault;
use super::lane::Lane;
use crate::http::body::Framing;
use crate::http::gather::{self, Gather};
use crate::http::reply::{self, Reply, Whole};

/// Maximum size in bytes of one gathered body. The largest from real clients, services with embedded
/// configuration and containers with long environments, have some hundreds of KiB.
pub const COLLECTED_LIMIT: usize = 16 * 1024 * 1024;

/// Maximum size in bytes of all gathered bodies together, which bounds the memory of the process.
pub const COLLECTED_TOTAL: usize = 64 * 1024 * 1024;

/// Maximum capacity in bytes of a buffer that is kept for the next body. musl requests blocks of this size
/// from the kernel, and returns them, each time.
const KEPT: usize = 64 * 1024;

/// Maximum number of kept buffers: a container create uses one for its body and one for an answer of the
/// daemon.
const SPARES: usize = 2;

/// The memory budget of all gathered bodies.
#[derive(Debug, Default)]
pub struct Budget {
    used: Cell<usize>,
    /// Buffers of former bodies.
    spares: RefCell<Vec<Vec<u8>>>,
}

/// The part of the budget that one body uses, returned on drop.
#[derive(Debug)]
pub(super) struct Share {
    budget: Rc<Budget>,
    bytes: usize,
}

impl Share {
    /// Makes an empty share of `budget`.
    pub(super) fn of(budget: &Rc<Budget>) -> Self {
        Self { budget: Rc::clone(budget), bytes: 0 }
    }

    /// Changes the share to `bytes`.
    ///
    /// # Errors
    /// The budget is exhausted.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Fault> {
        let used = self.budget.used.get() - self.bytes + bytes;
        if bytes > self.bytes && used > COLLECTED_TOTAL {
            return Err(Fault::NoRoom);
        }
        self.budget.used.set(used);
        self.bytes = bytes;
        Ok(())
    }
}

impl Budget {
    /// Keeps the buffer of a former body for the next one.
    fn keep(&self, storage: Vec<u8>) {
        let mut spares = self.spares.borrow_mut();
        if (1..=KEPT).contains(&storage.capacity()) && spares.len() < SPARES {
            spares.push(storage);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.set(self.budget.used.get() - self.bytes);
    }
}

/// A body that is being gathered, and its share of the budget.
#[derive(Debug)]
pub(super) struct Collect {
    gather: Gather,
    share: Share,
}

impl Collect {
    /// Begins to gather a body with this framing.
    ///
    /// # Errors
    /// A length above the limit.
    pub(super) fn new(framing: Framing, budget: &Rc<Budget>) -> Result<Self, Fault> {
        let storage = budget.spares.borrow_mut().pop().unwrap_or_default();
        let gather = Gather::new(framing, COLLECTED_LIMIT, storage)?;
        Ok(Self { gather, share: Share::of(budget) })
    }

    /// Takes the received bytes of `lane`. Returns `true` once the body is complete. The share grows with the
    /// received bytes, so that a mere announcement does not exhaust the budget.
    ///
    /// # Errors
    /// A malformed body, or one above a limit.
    pub(super) fn advance(&mut self, lane: &mut Lane) -> Result<bool, Fault> {
        let taken = self.gather.take(lane.unseen())?;
        lane.take(taken);
        if lane.has_ended() && lane.unseen().is_empty() {
            self.gather.end();
        }
        self.share.hold(self.content().len())?;
        Ok(self.gather.is_complete())
    }

    /// Returns the received part of the body.
    pub(super) fn content(&self) -> &[u8] {
        self.gather.content()
    }
}

impl From<gather::Error> for Fault {
    fn from(error: gather::Error) -> Self {
        match error {
            gather::Error::TooLarge => Self::TooLarge(COLLECTED_LIMIT),
            gather::Error::Malformed(malformed) => Self::Request(malformed),
        }
    }
}

impl Drop for Collect {
    fn drop(&mut self) {
        self.share.budget.keep(self.gather.take_storage());
    }
}

/// The response to a request of the proxy that is being read, and its share of the budget.
#[derive(Debug)]
pub(super) struct CollectReply {
    reply: Reply,
    share: Share,
}

impl CollectReply {
    /// Begins to read a response.
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        let storage = budget.spares.borrow_mut().pop().unwrap_or_default();
        Self { reply: Reply::new(COLLECTED_LIMIT, storage), share: Share::of(budget) }
    }

    /// Takes the received bytes of `lane`. Returns `true` once the response is complete.
    ///
    /// # Errors
    /// A malformed response, or one above a limit.
    pub(super) fn advance(&mut self, lane: &mut Lane) -> Result<bool, Fault> {
        let taken = self.reply.take(lane.unseen()).map_err(|error| match error {
            reply::Error::Head(malformed) => Fault::Response(malformed),
            reply::Error::Interim | reply::Error::Body(_) | reply::Error::CutShort => {
                Fault::Unanswered
            }
        })?;
        lane.take(taken);
        self.share.hold(self.reply.held()).map_err(|_| Fault::Unanswered)?;
        Ok(self.reply.whole().is_some())
    }

    /// Returns the response, once it is complete.
    pub(super) fn whole(&self) -> Option<Whole<'_>> {
        self.reply.whole()
    }
}

impl Drop for CollectReply {
    fn drop(&mut self) {
        self.share.budget.keep(self.reply.take_storage());
    }
}

#[cfg(test)]
mod tests;
