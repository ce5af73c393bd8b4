//! Looks at the file system that may take long, each in a thread of its own: one at a server that is dead
//! never ends, and nobody else is to wait for it. The daemon is asked in the same way what the connection
//! of the client cannot ask. The only threads there are.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use mio::{Registry, Token, Waker};

use super::ask;
use super::daemons::DaemonId;
use crate::rules::buildkit::Store;
use crate::rules::socket::{Blind, Look, Relation};

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
    /// Those without an answer, in the order in which they were asked for.
    tasks: Vec<Task>,
    /// Threads that look.
    threads: usize,
    /// Pairs for which something has been seen.
    seen: Vec<usize>,
}

/// Something that a pair waits to know.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// The relation of a path to the socket of a daemon.
    Path(DaemonId, Look, String),
    /// The store of the daemon whose socket is at a path.
    Store(PathBuf),
}

/// An answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Path(Result<Relation, Blind>),
    Store(Store),
}

impl Question {
    /// Finds the answer, however long that takes.
    fn answer(&self) -> Fact {
        match self {
            Self::Path(_, look, path) => Fact::Path(look.at_last(path)),
            Self::Store(daemon) => Fact::Store(ask::store(daemon)),
        }
    }

    /// The answer where there can be none.
    pub(super) fn unanswered(&self, why: Blind) -> Fact {
        match self {
            Self::Path(..) => Fact::Path(Err(why)),
            Self::Store(_) => Fact::Store(Store::Unknown),
        }
    }

    /// Compares two questions: equal ones have one answer.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(one, _, first), Self::Path(other, _, second)) => {
                one == other && first == second
            }
            (Self::Store(one), Self::Store(other)) => one == other,
            _ => false,
        }
    }
}

/// One look, for all who want to know the same.
#[derive(Debug)]
struct Task {
    question: Question,
    begun: bool,
    pairs: Vec<usize>,
    answer: Arc<Answer>,
}

/// What has been seen, as soon as it has.
type Answer = OnceLock<Fact>;

/// A look that is waited for; dropped by all, it is not begun any more.
#[derive(Debug)]
pub(super) struct Asked(Arc<Answer>);

impl Asked {
    /// What has been seen, as soon as it has.
    pub(super) fn answer(&self) -> Option<Fact> {
        self.0.get().cloned()
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

    /// Has a question answered for a pair. The answer may be there at once.
    // Seldom, as the other two, so that they are to be small rather than fast.
    #[cold]
    pub(super) fn ask(&self, question: Question, pair: usize) -> Asked {
        let mut board = self.0.board();
        board.forget_given_up();
        if let Some(task) = board.tasks.iter_mut().find(|task| task.question.is(&question)) {
            // A dead file system is asked once, however often a job tries again.
            task.pairs.push(pair);
            return Asked(Arc::clone(&task.answer));
        }
        let answer = Arc::default();
        if board.threads < AT_ONCE {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("look".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_) => board.threads += 1,
                Err(_) if board.threads == 0 => {
                    return Asked(Arc::new(question.unanswered(Blind::NoThread).into()));
                }
                Err(_) => {}
            }
        }
        let (pairs, asked) = (vec![pair], Asked(Arc::clone(&answer)));
        board.tasks.push(Task { question, begun: false, pairs, answer });
        asked
    }

    /// The pairs for which something has been seen since this was asked before.
    #[cold]
    pub(super) fn seen(&self) -> Vec<usize> {
        mem::take(&mut self.0.board().seen)
    }
}

impl Board {
    /// Of what nobody waits for any more, only what is under way has to be kept.
    fn forget_given_up(&mut self) {
        self.tasks.retain(|task| task.begun || Arc::strong_count(&task.answer) > 1);
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks until nobody waits.
    #[cold]
    fn work(&self) {
        while let Some((question, answer)) = self.begin() {
            let _ = answer.set(question.answer());
            self.over(&answer);
            // Fails only when the event loop has ended.
            let _ = self.waker.wake();
        }
    }

    /// The next that is to be looked at.
    fn begin(&self) -> Option<(Question, Arc<Answer>)> {
        let mut board = self.board();
        board.forget_given_up();
        let Some(task) = board.tasks.iter_mut().find(|task| !task.begun) else {
            board.threads -= 1;
            return None;
        };
        task.begun = true;
        Some((task.question.clone(), Arc::clone(&task.answer)))
    }

    /// Takes a look that has its answer off the board.
    fn over(&self, answer: &Arc<Answer>) {
        let mut board = self.board();
        if let Some(at) = board.tasks.iter().position(|task| Arc::ptr_eq(&task.answer, answer)) {
            let task = board.tasks.remove(at);
            board.seen.extend(task.pairs);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    use mio::{Events, Poll};

    use super::*;
    use crate::net::daemons::{Daemon, Daemons};

    const TOKEN: Token = Token(7);

    /// Looks that stay stuck below `/dead` until the receiver hears of it.
    fn look(stuck: Receiver<()>) -> Look {
        let stuck = Mutex::new(stuck);
        Look::new(move |path: &str| {
            if path.starts_with("/dead") {
                let _ = stuck.lock().unwrap().recv();
            }
            Relation::Above
        })
    }

    fn path(look: &Look, path: impl Into<String>) -> Question {
        let daemon = Daemons::default().add("/daemon".as_ref()).id();
        Question::Path(daemon, look.clone(), path.into())
    }

    #[test]
    fn each_daemon_has_its_own_answer_for_one_path() {
        let poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let mut daemons = Daemons::default();
        let (free, stuck) = channel::<()>();
        let stuck = Mutex::new(stuck);
        let above = Look::new(move |_: &str| {
            let _ = stuck.lock().unwrap().recv();
            Relation::Above
        });
        let ask = |daemon: &Daemon, look: &Look| {
            looks.ask(Question::Path(daemon.id(), look.clone(), "/dead".to_owned()), 1)
        };
        let first = ask(daemons.add("/one".as_ref()), &above);
        let second = ask(daemons.add("/other".as_ref()), &Look::new(|_: &str| Relation::Socket));
        assert_eq!(awaited(&second), Some(Fact::Path(Ok(Relation::Socket))));
        assert_eq!(first.answer(), None);
        drop(free);
        assert_eq!(awaited(&first), Some(Fact::Path(Ok(Relation::Above))));
    }

    /// The answer, which comes within 30 seconds.
    fn awaited(asked: &Asked) -> Option<Fact> {
        let until = Instant::now() + Duration::from_secs(30);
        while asked.answer().is_none() && Instant::now() < until {
            thread::yield_now();
        }
        asked.answer()
    }

    #[test]
    fn a_look_that_is_stuck_keeps_no_other_from_being_seen() {
        let mut poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let dead = looks.ask(path(&look, "/dead".to_owned()), 1);
        let other = looks.ask(path(&look, "/other".to_owned()), 2);
        let mut events = Events::with_capacity(1);
        poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert!(events.iter().all(|event| event.token() == TOKEN));
        assert_eq!((other.answer(), dead.answer()), (Some(Fact::Path(Ok(Relation::Above))), None));
        assert_eq!((looks.seen(), looks.seen()), (vec![2], vec![]));
        free.send(()).unwrap();
        poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert_eq!((looks.seen(), dead.answer()), (vec![1], Some(Fact::Path(Ok(Relation::Above)))));
    }

    #[test]
    fn no_more_threads_are_stuck_than_there_may_be_and_who_is_given_up_takes_none() {
        let poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let dead: Vec<_> = (0..AT_ONCE)
            .map(|pair| looks.ask(path(&look, format!("/dead/{pair}")), pair))
            .collect();
        let given_up = looks.ask(path(&look, "/given/up".to_owned()), AT_ONCE);
        let waits = looks.ask(path(&look, "/other".to_owned()), AT_ONCE + 1);
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
        assert_eq!(looks.0.board().tasks.len(), 0);
    }

    #[test]
    fn nothing_is_kept_of_who_is_given_up_before_it_began() {
        let poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let ask = |at: String| looks.ask(path(&look, at), 1);
        let _dead: Vec<_> = (0..AT_ONCE).map(|number| ask(format!("/dead/{number}"))).collect();
        for number in 0..100 {
            drop(ask(format!("/other/{number}")));
        }
        assert_eq!(looks.0.board().tasks.len(), AT_ONCE + 1);
        drop(free);
    }

    #[test]
    fn what_many_want_to_know_is_looked_at_once() {
        let poll = Poll::new().unwrap();
        let looks = Looks::new(poll.registry(), TOKEN).unwrap();
        let (free, stuck) = channel();
        let look = look(stuck);
        let first = looks.ask(path(&look, "/dead".to_owned()), 0);
        while !looks.0.board().tasks[0].begun {
            thread::yield_now();
        }
        drop(first);
        let many: Vec<_> =
            (1..9).map(|pair| looks.ask(path(&look, "/dead".to_owned()), pair)).collect();
        assert_eq!(looks.0.board().threads, 1);
        drop(free);
        let mut seen = Vec::new();
        while seen.len() <= many.len() {
            seen.extend(looks.seen());
            thread::yield_now();
        }
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(many.iter().all(|asked| asked.answer() == Some(Fact::Path(Ok(Relation::Above)))));
    }
}
