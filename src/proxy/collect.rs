//! A body that is gathered whole, de-chunked, so that it can be rewritten.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::fault::Fault;
use super::lane::Lane;
use crate::http::body::Framing;
use crate::http::gather::{self, Gather};

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
            gather::Error::TooLarge => Self::TooLarge,
            gather::Error::Malformed(malformed) => Self::Request(malformed),
        }
    }
}

impl Drop for Collect {
    fn drop(&mut self) {
        let mut spares = self.share.budget.spares.borrow_mut();
        let storage = self.gather.take_storage();
        if (1..=KEPT).contains(&storage.capacity()) && spares.len() < SPARES {
            spares.push(storage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: u64 = COLLECTED_LIMIT as u64;

    #[test]
    fn only_what_has_come_takes_room_and_gives_it_back() {
        let budget = Rc::new(Budget::default());
        let announced: Vec<_> =
            (0..100).map(|_| Collect::new(Framing::Length(LARGEST), &budget).unwrap()).collect();
        assert_eq!(budget.used.get(), 0);
        drop(announced);
        let mut bodies = Vec::new();
        for _ in 0..COLLECTED_TOTAL / COLLECTED_LIMIT {
            let mut body = Collect::new(Framing::Length(LARGEST), &budget).unwrap();
            assert!(fill(&mut body).unwrap());
            bodies.push(body);
        }
        let mut more = Collect::new(Framing::Length(1), &budget).unwrap();
        assert_eq!(fill(&mut more), Err(Fault::NoRoom));
        drop(bodies);
        assert_eq!(budget.used.get(), 0);
        assert_eq!(fill(&mut more), Ok(true));
    }

    #[test]
    fn storage_of_small_bodies_is_kept_for_the_next() {
        let budget = Rc::new(Budget::default());
        let kept = || budget.spares.borrow().iter().map(Vec::capacity).collect::<Vec<_>>();
        for (length, keeps) in [(KEPT as u64 + 1, 0), (1000, 1), (2000, 1)] {
            let mut body = Collect::new(Framing::Length(length), &budget).unwrap();
            assert!(fill(&mut body).unwrap());
            assert_eq!((body.content().len() as u64, kept()), (length, Vec::new()));
            drop(body);
            assert_eq!(kept().len(), keeps);
        }
        let mut bodies: Vec<_> =
            (0..9).map(|_| Collect::new(Framing::Length(1000), &budget).unwrap()).collect();
        assert!(bodies.iter_mut().all(|body| fill(body).unwrap()));
        drop(bodies);
        assert_eq!(kept().len(), SPARES);
        assert!(kept().into_iter().all(|capacity| (1000..=KEPT).contains(&capacity)));
        drop(Collect::new(Framing::None, &budget));
        assert_eq!(kept().len(), SPARES);
    }

    /// Gives `body` bytes until it is complete.
    fn fill(body: &mut Collect) -> Result<bool, Fault> {
        let mut lane = Lane::default();
        loop {
            let room = lane.room(1 << 16).len();
            lane.received(room);
            if body.advance(&mut lane)? {
                return Ok(true);
            }
        }
    }
}
