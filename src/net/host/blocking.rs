//! Blocking at the file system that may take long, each in a thread of its own: one at a server that is dead
//! never ends, and nobody else is to wait for it. The daemon is asked in the same way what the connection
//! of the client cannot ask. The only threads there are.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use mio::{Registry, Token, Waker};

use super::socket_identity::SocketIdentity;
use crate::net::client;
use crate::net::daemons::DaemonId;
use crate::proxy::Blind;
use crate::rules::buildkit::Store;
use crate::rules::socket::Relation;

/// Blocking at once; more wait until one of these is over.
const AT_ONCE: usize = 64;

/// Threads that answer questions, and the pairs that wait.
#[derive(Debug)]
pub(in crate::net) struct Blocking(Arc<Shared>);

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
pub(in crate::net) enum Question {
    /// The relation of a path to the socket of a daemon.
    Path(DaemonId, SocketIdentity, String),
    /// The store of the daemon whose socket is at a path.
    Store(PathBuf),
}

/// An answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) enum Fact {
    Path(Result<Relation, Blind>),
    Store(Store),
}

impl Question {
    /// Finds the answer, however long that takes.
    fn answer(&self) -> Fact {
        match self {
            Self::Path(_, look, path) => Fact::Path(look.at_last(path)),
            Self::Store(daemon) => Fact::Store(client::store(daemon)),
        }
    }

    /// The answer where there can be none.
    pub(in crate::net) fn unanswered(&self, why: Blind) -> Fact {
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
pub(in crate::net) struct Asked(Arc<Answer>);

impl Asked {
    /// What has been seen, as soon as it has.
    pub(in crate::net) fn answer(&self) -> Option<Fact> {
        self.0.get().cloned()
    }
}

impl Blocking {
    /// Nothing is looked at yet. The event loop is woken under `token`.
    ///
    /// # Errors
    /// The kernel gives no descriptor.
    pub(in crate::net) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let (board, waker) = (Mutex::default(), Waker::new(registry, token)?);
        Ok(Self(Arc::new(Shared { board, waker })))
    }

    /// Has a question answered for a pair. The answer may be there at once.
    // Seldom, as the other two, so that they are to be small rather than fast.
    #[cold]
    pub(in crate::net) fn ask(&self, question: Question, pair: usize) -> Asked {
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
    pub(in crate::net) fn seen(&self) -> Vec<usize> {
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

    /// Blocking until nobody waits.
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
mod tests;
