//! Blocking questions, each answered in its own thread: a look-up in a file system whose server is dead
//! never ends, and must not delay others. Questions to the daemon that cannot use the client's connection
//! are asked here too, and the configuration is read again. The only other threads are those that remove what containers created.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use mio::{Registry, Token, Waker};

use super::authz::{Plugins, undecided};
use super::caller::{Answer as CallerAnswer, Inquiry, owner};
use super::socket_identity::SocketIdentity;
use crate::net::client;
use crate::net::daemons::DaemonId;
use crate::proxy::{Blind, LOOK_LIMIT};
use crate::rules::Refusal;
use crate::rules::authz::Authorization;
use crate::rules::buildkit::Store;
use crate::rules::caller::{Container, Unknown};
use crate::rules::socket::Relation;

/// Maximum number of threads. Further questions wait.
const AT_ONCE: usize = 64;

/// Maximum number of threads that ask authorization plugins. The others stay free while a plugin hangs.
const PLUGINS_AT_ONCE: usize = 16;

/// Threads that answer questions, and the pairs that wait.
#[derive(Debug)]
pub(in crate::net) struct Blocking(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    board: Mutex<Board>,
    plugins: Plugins,
    /// Wakes the event loop.
    waker: Waker,
}

#[derive(Debug, Default)]
struct Board {
    /// The open questions, in their order.
    tasks: Vec<Task>,
    /// Number of threads.
    threads: usize,
    /// Pairs with new answers.
    seen: Vec<usize>,
}

/// A question of a pair.
#[derive(Debug, Clone)]
pub(in crate::net) enum Question {
    /// The relation of a path to the socket of a daemon.
    Path(DaemonId, SocketIdentity, String),
    /// The store of the daemon whose socket is at a path.
    Store(PathBuf),
    /// The container of a caller.
    Caller(Inquiry),
    /// The container of the daemon at the first path that mounts the socket at the second.
    Owner(PathBuf, PathBuf),
    /// The decision of authorization plugins.
    Authorization(Box<Authorization>),
}

/// An answer to a [`Question`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::net) enum Fact {
    Path(Result<Relation, Blind>),
    Store(Store),
    Caller(Box<Result<CallerAnswer, Unknown>>),
    Owner(Result<Box<Container>, Unknown>),
    Authorized(Result<(), Refusal>),
}

impl Question {
    /// Finds the answer, which may block.
    fn answer(&self, plugins: &Plugins) -> Fact {
        match self {
            Self::Path(_, look, path) => Fact::Path(look.at_last(path)),
            Self::Store(daemon) => Fact::Store(client::store(daemon)),
            Self::Caller(inquiry) => Fact::Caller(Box::new(inquiry.answer())),
            Self::Owner(daemon, socket) => Fact::Owner(owner(daemon, socket).map(Box::new)),
            Self::Authorization(question) => Fact::Authorized(plugins.decide(question)),
        }
    }

    /// Returns the answer if no other can be found.
    pub(in crate::net) fn unanswered(&self, why: Blind) -> Fact {
        match self {
            Self::Path(..) => Fact::Path(Err(why)),
            Self::Store(_) => Fact::Store(Store::Unknown),
            Self::Caller(_) => Fact::Caller(Box::new(Err(unknown(why)))),
            Self::Owner(..) => Fact::Owner(Err(unknown(why))),
            Self::Authorization(question) => Fact::Authorized(Err(undecided(question, &why))),
        }
    }

    /// Returns the time for which an answer is waited for. The thread that asks plugins has less, and knows more.
    pub(in crate::net) fn limit(&self) -> Duration {
        match self {
            Self::Authorization(_) => LOOK_LIMIT + Duration::from_secs(1),
            _ => LOOK_LIMIT,
        }
    }

    /// Returns `true` if both questions have the same answer.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(one, _, first), Self::Path(other, _, second)) => {
                one == other && first == second
            }
            (Self::Store(one), Self::Store(other)) => one == other,
            (Self::Caller(one), Self::Caller(other)) => one == other,
            (Self::Owner(one, first), Self::Owner(other, second)) => {
                one == other && first == second
            }
            _ => false,
        }
    }
}

fn unknown(why: Blind) -> Unknown {
    match why {
        Blind::Late => Unknown::Late(LOOK_LIMIT.as_secs()),
        Blind::NoThread => Unknown::NoThread,
        Blind::Failed(why) => Unknown::Daemon(why),
    }
}

/// One question, for all pairs that ask it.
#[derive(Debug)]
struct Task {
    question: Question,
    begun: bool,
    pairs: Vec<usize>,
    answer: Arc<Answer>,
}

/// The answer, once it is known.
type Answer = OnceLock<Fact>;

/// A pending question. It is dropped from the board once no pair waits for it, unless it was begun.
#[derive(Debug)]
pub(in crate::net) struct Asked(Arc<Answer>);

impl Asked {
    /// Returns the answer, once it is known.
    pub(in crate::net) fn answer(&self) -> Option<Fact> {
        self.0.get().cloned()
    }
}

impl Blocking {
    /// Makes an empty board, which wakes the event loop with `token`.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(in crate::net) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let (board, waker) = (Mutex::default(), Waker::new(registry, token)?);
        Ok(Self(Arc::new(Shared { board, plugins: Plugins::default(), waker })))
    }

    /// Asks a question for a pair. The answer may be known at once.
    pub(in crate::net) fn ask(&self, question: Question, pair: usize) -> Asked {
        let mut board = self.0.board();
        board.forget_given_up();
        if let Some(task) = board.tasks.iter_mut().find(|task| task.question.is(&question)) {
            // A dead file system is asked only once, even if a job tries again and again.
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

    /// Runs `work` in a thread of its own, and then wakes the event loop. The result is for the receiver,
    /// which gets none if `work` panics.
    ///
    /// # Errors
    /// No thread can be started.
    pub(in crate::net) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Receiver<T>> {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::clone(&self.0);
        thread::Builder::new().name("work".to_owned()).spawn(move || {
            if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
                // This fails only if nobody waits any more.
                let _ = sender.send(result);
            }
            drop(sender);
            let _ = shared.waker.wake();
        })?;
        Ok(receiver)
    }

    /// Returns a function that wakes the event loop, for other threads.
    pub(in crate::net) fn waker(&self) -> impl Fn() + Send + use<> {
        let shared = Arc::clone(&self.0);
        // This fails only after the event loop has ended.
        move || drop(shared.waker.wake())
    }

    /// Takes the pairs with new answers.
    pub(in crate::net) fn seen(&self) -> Vec<usize> {
        mem::take(&mut self.0.board().seen)
    }
}

impl Board {
    /// Drops questions that no pair waits for, unless a thread works on them.
    fn forget_given_up(&mut self) {
        self.tasks.retain(|task| task.begun || Arc::strong_count(&task.answer) > 1);
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers questions until none is left.
    fn work(&self) {
        while let Some((question, answer)) = self.begin() {
            let _ = answer.set(question.answer(&self.plugins));
            self.over(&answer);
            // This fails only after the event loop has ended.
            let _ = self.waker.wake();
        }
    }

    /// Takes the next question.
    fn begin(&self) -> Option<(Question, Arc<Answer>)> {
        let mut board = self.board();
        board.forget_given_up();
        let asks_plugins = |task: &Task| matches!(task.question, Question::Authorization(_));
        let asking = board.tasks.iter().filter(|task| task.begun && asks_plugins(task)).count();
        let may_begin =
            |task: &&mut Task| !task.begun && (asking < PLUGINS_AT_ONCE || !asks_plugins(task));
        let Some(task) = board.tasks.iter_mut().find(may_begin) else {
            board.threads -= 1;
            return None;
        };
        task.begun = true;
        Some((task.question.clone(), Arc::clone(&task.answer)))
    }

    /// Removes an answered question from the board.
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
