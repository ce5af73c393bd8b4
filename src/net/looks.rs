//! Looks at the file system that may take long, each in a thread of its own: one at a server that is dead
//! never ends, and nobody else is to wait for it. The only threads there are.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

use mio::{Registry, Token, Waker};

use crate::rules::socket::{Look, Relation};

/// Looks at once; more wait until one of these is over.
const AT_ONCE: usize = 64;

/// What looks, and who waits for it.
#[derive(Debug)]
pub(super) struct Looks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    board: Mutex<Board>,
    /// Wakes the event loop.
    waker: Waker,
}

#[derive(Debug, Default)]
struct Board {
    waiting: VecDeque<Task>,
    /// Threads that look.
    threads: usize,
    /// Pairs for which something has been seen.
    seen: Vec<usize>,
}

#[derive(Debug)]
struct Task {
    look: Look,
    path: String,
    pair: usize,
    /// Gone when nobody waits any more.
    answer: Weak<OnceLock<Relation>>,
}

/// A look that is waited for; dropped, it is not begun any more.
#[derive(Debug)]
pub(super) struct Asked(Arc<OnceLock<Relation>>);

impl Asked {
    /// What has been seen, as soon as it has.
    pub(super) fn answer(&self) -> Option<Relation> {
        self.0.get().copied()
    }
}

impl Looks {
    /// Nothing is looked at yet. The event loop is woken under `token`.
    ///
    /// # Errors
    /// The kernel gives no descriptor.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let (board, waker) = (Mutex::default(), Waker::new(registry, token)?);
        Ok(Self(Arc::new(Shared { board, waker })))
    }

    /// Has `path` looked at for a pair. If no thread can be had, the answer comes when another look
    /// is over, or never.
    // Seldom, as the other two, so that they are to be small rather than fast.
    #[cold]
    pub(super) fn ask(&self, look: &Look, path: String, pair: usize) -> Asked {
        let answer = Arc::default();
        let task = Task { look: look.clone(), path, pair, answer: Arc::downgrade(&answer) };
        let mut board = self.0.board();
        board.waiting.push_back(task);
        if board.threads < AT_ONCE {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("look".to_owned());
            if thread.spawn(move || shared.work()).is_ok() {
                board.threads += 1;
            }
        }
        Asked(answer)
    }

    /// The pairs for which something has been seen since this was asked before.
    #[cold]
    pub(super) fn seen(&self) -> Vec<usize> {
        mem::take(&mut self.0.board().seen)
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until nobody waits.
    #[cold]
    fn work(&self) {
        while let Some(task) = self.next() {
            // One that was given up must not cost another who is stuck.
            let Some(answer) = task.answer.upgrade() else { continue };
            let _ = answer.set(task.look.at_last(&task.path));
            self.board().seen.push(task.pair);
            // Fails only when the event loop has ended.
            let _ = self.waker.wake();
        }
    }

    fn next(&self) -> Option<Task> {
        let mut board = self.board();
        let task = board.waiting.pop_front();
        if task.is_none() {
            board.threads -= 1;
        }
        task
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    const TOKEN: Token = Token(7);

    /// Looks that stay stuck at `/dead` until the receiver hears of it.
    fn look(stuck: Receiver<()>) -> Look {
        let stuck = Mutex::new(stuck);
        Look::new(move |path: &str| {
            if path == "/dead" {
                let _ = stuck.lock().unwrap().recv();
            }
            Relation::Above
        })
    }

    #[test]
    fn a_look_that_is_stuck_keeps_no_other_from_being_seen() {
        let mut poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let dead = looks.ask(&look, "/dead".to_owned(), 1);
        let other = looks.ask(&look, "/other".to_owned(), 2);
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert!(events.iter().all(|event| event.token() == TOKEN));
        assert_eq!((other.answer(), dead.answer()), (Some(Relation::Above), None));
        assert_eq!((looks.seen(), looks.seen()), (vec![2], vec![]));
        free.send(()).unwrap();
        poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert_eq!((looks.seen(), dead.answer()), (vec![1], Some(Relation::Above)));
    }

    #[test]
    fn no_more_threads_are_stuck_than_there_may_be_and_who_is_given_up_takes_none() {
        let poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let dead: Vec<_> =
            (0..AT_ONCE).map(|pair| looks.ask(&look, "/dead".to_owned(), pair)).collect();
        let given_up = looks.ask(&look, "/other".to_owned(), AT_ONCE);
        let waits = looks.ask(&look, "/other".to_owned(), AT_ONCE + 1);
        assert_eq!(looks.0.board().threads, AT_ONCE);
        drop(given_up);
        free.send(()).unwrap();
        let mut seen = Vec::new();
        while waits.answer().is_none() || seen.len() < 2 {
            seen.extend(looks.seen());
            thread::yield_now();
        }
        assert_eq!(seen.last(), Some(&(AT_ONCE + 1)));
        drop((dead, free));
        while looks.0.board().threads > 0 {
            thread::yield_now();
        }
    }
}
