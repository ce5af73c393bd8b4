//! A body that is gathered whole, de-chunked, so that it can be rewritten.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::fault::Fault;
use super::lane::Lane;
use crate::http::body::Framing;
use crate::http::gather::{self, Gather};
use crate::http::reply::{self, Reply, Whole};

/// Bytes of one body that is rewritten. The largest that clients send are services with embedded
/// configuration and containers with long environments, some hundreds of KiB.
pub const COLLECTED_LIMIT: usize = 16 * 1024 * 1024;

/// Bytes of all bodies together that are being collected, so that clients cannot make the process
/// grow without end.
pub const COLLECTED_TOTAL: usize = 64 * 1024 * 1024;

/// Bytes of storage that is kept for the next body: musl asks the kernel for each of its size, and
/// gives it back.
const KEPT: usize = 64 * 1024;

/// How many are kept: a container create is gathered, and then the answer of the daemon about it.
const SPARES: usize = 2;

/// The room that all collected bodies share.
#[derive(Debug, Default)]
pub struct Budget {
    used: Cell<usize>,
    /// Storage of bodies that are gone.
    spares: RefCell<Vec<Vec<u8>>>,
}

/// What one body has taken of the shared room; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Rc<Budget>,
    bytes: usize,
}

impl Share {
    /// Nothing yet of the room of `budget`.
    pub(super) fn of(budget: &Rc<Budget>) -> Self {
        Self { budget: Rc::clone(budget), bytes: 0 }
    }

    /// Takes or gives back room, so that it is `bytes`.
    ///
    /// # Errors
    /// There is not as much.
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
    /// Keeps the storage of a body that is gone for the next.
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

/// A body that is being gathered, and the room that it takes.
#[derive(Debug)]
pub(super) struct Collect {
    gather: Gather,
    share: Share,
}

impl Collect {
    /// Begins to gather a body that ends as `framing` says.
    ///
    /// # Errors
    /// A length that is over a limit already.
    pub(super) fn new(framing: Framing, budget: &Rc<Budget>) -> Result<Self, Fault> {
        let storage = budget.spares.borrow_mut().pop().unwrap_or_default();
        let gather = Gather::new(framing, COLLECTED_LIMIT, storage)?;
        Ok(Self { gather, share: Share::of(budget) })
    }

    /// Takes what has come on `lane`; `true` when the body is complete. Room is taken as the bytes
    /// come: what is merely announced must not keep others out.
    ///
    /// # Errors
    /// A body that is malformed or over a limit.
    pub(super) fn advance(&mut self, lane: &mut Lane) -> Result<bool, Fault> {
        let taken = self.gather.take(lane.unseen())?;
        lane.take(taken);
        self.share.hold(self.content().len())?;
        Ok(self.gather.is_complete())
    }

    /// The body.
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

/// A response to a request of the proxy's own that is being read, and the room that it takes.
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

    /// Takes what has come on `lane`. Returns the response once it is complete.
    ///
    /// # Errors
    /// A response that is malformed or over a limit.
    pub(super) fn advance(&mut self, lane: &mut Lane) -> Result<Option<Whole<'_>>, Fault> {
        let taken = self.reply.take(lane.unseen()).map_err(|error| match error {
            reply::Error::Head(malformed) => Fault::Response(malformed),
            reply::Error::Interim | reply::Error::Body(_) | reply::Error::CutShort => {
                Fault::Unanswered
            }
        })?;
        lane.take(taken);
        self.share.hold(self.reply.held()).map_err(|_| Fault::Unanswered)?;
        Ok(self.reply.whole())
    }
}

impl Drop for CollectReply {
    fn drop(&mut self) {
        self.share.budget.keep(self.reply.take_storage());
    }
}

#[cfg(test)]
mod tests;
