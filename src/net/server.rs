//! The event loop: one poll for signals, the listening socket, all pairs and all timers.
//!
//! Life: accept and serve; at the first SIGTERM or SIGINT stop accepting and let running exchanges
//! end; at the drain time, at the last end or at a second signal, return.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::{debug, error, info, warn};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use super::listener::Listener;
use super::pair::{Pair, Shell, Wants};
use super::peer::Peer;
use super::slab::{MAX_SLOTS, Side, Slab, place, token};
use super::timers::Timers;
use crate::buffer::Pool;
use crate::config::Drain;
use crate::proxy::Common;

const LISTENER: Token = Token(0);
const SIGNALS: Token = Token(1);

/// Events taken from the kernel at once.
const EVENTS: usize = 256;

/// Clients accepted before the others have their turn.
const ACCEPTS: usize = 64;

/// The pause before accepting is tried again when the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Descriptors that are not sockets of pairs: standard streams, epoll, listener, signals, a few
/// that libraries open for a moment.
const OTHER_FILES: u64 = 24;

/// The event loop and all that it moves.
pub struct Server {
    poll: Poll,
    signals: Signals,
    common: Rc<Common>,
    daemon: PathBuf,
    drain: Drain,
    accepting: Accepting,
    pairs: Slab<Pair>,
    /// Pairs that there may be, so that a client is not accepted whose daemon cannot be reached
    /// for want of descriptors.
    max_pairs: usize,
    ready: VecDeque<usize>,
    timers: Timers,
    pool: Pool,
    serial: u32,
}

/// What is done about clients that want to be accepted.
#[derive(Debug)]
enum Accepting {
    /// They are waited for.
    Waiting(Listener),
    /// Some are there.
    Pending(Listener),
    /// Some are there, but not before this time.
    Paused(Listener, Instant),
    /// No more are accepted; what is left is closed at this time.
    Draining(Option<Instant>),
    /// A second signal came.
    Stopping,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off in the middle of an exchange.
    pub cut: usize,
}

impl Server {
    /// Prepares to serve the clients of `listener`.
    ///
    /// # Errors
    /// The kernel gives no epoll, no signal handling or no registration.
    pub fn new(
        mut listener: Listener,
        daemon: PathBuf,
        common: Common,
        drain: Drain,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            signals,
            common: Rc::new(common),
            daemon,
            drain,
            accepting: Accepting::Waiting(listener),
            pairs: Slab::new(),
            max_pairs: max_pairs(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            pool: Pool::default(),
            serial: 0,
        })
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// The kernel does not wait for events any more.
    pub fn run(mut self) -> io::Result<Stopped> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_done() {
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                self.note(event);
            }
            self.tick();
            self.accept();
            // Those that stop at their budget now have their next turn after the next poll.
            for _ in 0..self.ready.len() {
                if let Some(slot) = self.ready.pop_front() {
                    self.turn(slot);
                }
            }
        }
        Ok(self.stop())
    }

    fn is_done(&self) -> bool {
        match self.accepting {
            Accepting::Draining(until) => {
                self.pairs.len() == 0 || until.is_some_and(|until| until <= Instant::now())
            }
            Accepting::Stopping => true,
            _ => false,
        }
    }

    fn timeout(&self) -> Option<Duration> {
        let now = Instant::now();
        let can_accept = matches!(self.accepting, Accepting::Pending(_)) && self.has_room();
        if can_accept || !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let own = match self.accepting {
            Accepting::Paused(_, until) | Accepting::Draining(Some(until)) => {
                Some(until.saturating_duration_since(now))
            }
            _ => None,
        };
        [own, self.timers.wait(now)].into_iter().flatten().min()
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            // A pause is not cut short: it ends with a look at whoever is there.
            LISTENER if matches!(self.accepting, Accepting::Waiting(_)) => {
                self.set_accepting(Accepting::Pending);
            }
            LISTENER => {}
            SIGNALS => self.signalled(),
            token => {
                let (slot, side) = place(token);
                if self.pairs.get_mut(slot).is_some_and(|pair| pair.note(side, event)) {
                    self.queue(slot);
                }
            }
        }
    }

    fn queue(&mut self, slot: usize) {
        if let Some(pair) = self.pairs.get_mut(slot)
            && !std::mem::replace(&mut pair.queued, true)
        {
            self.ready.push_back(slot);
        }
    }

    fn signalled(&mut self) {
        let count = self.signals.pending().count();
        for _ in 0..count {
            if self.common.draining.get() {
                info!("second signal: stopping at once");
                self.accepting = Accepting::Stopping;
            } else {
                self.start_draining();
            }
        }
    }

    fn start_draining(&mut self) {
        let until = match self.drain {
            Drain::After(time) => Instant::now().checked_add(time),
            Drain::Never => None,
        };
        self.common.draining.set(true);
        // Dropping the listener removes its socket.
        self.accepting = Accepting::Draining(until);
        let slots: Vec<_> = self.pairs.slots().collect();
        info!("stopping: {} connections are open", slots.len());
        for slot in slots {
            self.queue(slot);
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        while let Some(token) = self.timers.due(now) {
            let (slot, _) = place(token);
            if self.with_pair(slot, |pair, shell| {
                let ours = pair.client_token() == token;
                if ours {
                    pair.tick(shell);
                }
                ours
            }) == Some(true)
            {
                self.queue(slot);
            }
        }
    }

    /// Gives a pair its turn; a panic in it is a bug, which ends this pair alone.
    fn turn(&mut self, slot: usize) {
        let turned = catch_unwind(AssertUnwindSafe(|| {
            self.with_pair(slot, |pair, shell| {
                pair.queued = false;
                pair.turn(shell)
            })
        }));
        match turned {
            Ok(Some(Wants::Events)) => self.arm(slot),
            Ok(Some(Wants::Turn)) => self.queue(slot),
            Ok(Some(Wants::Nothing)) => drop(self.pairs.remove(slot)),
            Ok(None) => {}
            Err(_) => {
                error!("a bug ended one connection; please report what stands above");
                self.pairs.remove(slot);
            }
        }
    }

    /// Sees to it that a pair is looked at when its time comes.
    fn arm(&mut self, slot: usize) {
        if let Some(pair) = self.pairs.get_mut(slot)
            && let Some(at) = pair.newly_wakes()
        {
            self.timers.set(at, pair.client_token());
        }
    }

    fn with_pair<T>(
        &mut self,
        slot: usize,
        act: impl FnOnce(&mut Pair, &mut Shell<'_>) -> T,
    ) -> Option<T> {
        let daemon_token = self.next_token(slot, Side::Daemon);
        let pair = self.pairs.get_mut(slot)?;
        let mut shell = Shell {
            registry: self.poll.registry(),
            pool: &mut self.pool,
            common: &self.common,
            daemon: &self.daemon,
            daemon_token,
            now: Instant::now(),
        };
        Some(act(pair, &mut shell))
    }

    fn next_token(&mut self, slot: usize, side: Side) -> Token {
        self.serial = self.serial.wrapping_add(1);
        token(slot, side, self.serial)
    }
}

/// Accepting.
impl Server {
    fn has_room(&self) -> bool {
        self.pairs.len() < self.max_pairs
    }

    fn set_accepting(&mut self, state: impl FnOnce(Listener) -> Accepting) {
        self.accepting = match std::mem::replace(&mut self.accepting, Accepting::Stopping) {
            Accepting::Waiting(listener)
            | Accepting::Pending(listener)
            | Accepting::Paused(listener, _) => state(listener),
            other => other,
        };
    }

    fn accept(&mut self) {
        if matches!(self.accepting, Accepting::Paused(_, until) if until <= Instant::now()) {
            self.set_accepting(Accepting::Pending);
        }
        for _ in 0..ACCEPTS {
            let Accepting::Pending(listener) = &self.accepting else {
                return;
            };
            if !self.has_room() {
                return;
            }
            match listener.accept() {
                Ok(stream) => self.welcome(stream),
                Err(error) => return self.accept_failed(&error),
            }
        }
    }

    fn accept_failed(&mut self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.set_accepting(Accepting::Waiting),
            // The client has given up, or a signal came; the next may be there.
            io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
            _ => {
                warn!("cannot accept a client: {error}; trying again");
                let until = Instant::now() + ACCEPT_PAUSE;
                self.set_accepting(|listener| Accepting::Paused(listener, until));
            }
        }
    }

    fn welcome(&mut self, stream: mio::net::UnixStream) {
        let slot = self.pairs.next();
        let client_token = self.next_token(slot, Side::Client);
        let daemon_token = self.next_token(slot, Side::Daemon);
        let client = match Peer::new(stream, client_token, self.poll.registry()) {
            Ok(client) => client,
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        };
        let mut shell = Shell {
            registry: self.poll.registry(),
            pool: &mut self.pool,
            common: &self.common,
            daemon: &self.daemon,
            daemon_token,
            now: Instant::now(),
        };
        self.pairs.insert(Pair::new(client, &mut shell));
        debug!("client {} accepted; {} are connected", self.serial, self.pairs.len());
        self.queue(slot);
    }

    /// Closes what is left.
    fn stop(mut self) -> Stopped {
        let slots: Vec<_> = self.pairs.slots().collect();
        let mut cut = 0;
        for slot in slots {
            let idle = self.with_pair(slot, |pair, shell| {
                let idle = pair.is_idle();
                pair.abandon(shell);
                idle
            });
            cut += usize::from(idle == Some(false));
        }
        Stopped { cut }
    }
}

/// Raises the soft limit of open files to the hard one, and tells how many pairs that allows.
fn max_pairs() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let pairs = files.map_or(u64::MAX, |files| files.saturating_sub(OTHER_FILES) / 2);
    usize::try_from(pairs).unwrap_or(MAX_SLOTS).clamp(1, MAX_SLOTS)
}
