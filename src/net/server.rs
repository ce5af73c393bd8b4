//! The event loop: one poll for signals, the listening sockets, all pairs and all timers.
//!
//! Life: accept and serve; at the first SIGTERM or SIGINT stop accepting and let running exchanges
//! end; at the drain time, at the last end or at a second signal, return. At SIGHUP start the program
//! anew; once that is prepared to serve, let it accept, pass it each client that is owed nothing, and
//! return at the last end.

mod accepting;
mod guests;
mod life;
mod passing_on;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::error;
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_mio::v1_0::Signals;

use super::daemons::{DaemonId, Daemons};
use super::fd_limits::FdLimits;
use super::slab::{Side, Slab, is_paired, place, token};
use super::timers::Timers;
use crate::config::Drain;
use crate::net::host::blocking::Blocking;
use crate::net::host::socket_identity::SocketIdentity;
use crate::net::listen::Listener;
use crate::net::listen::listeners::Listeners;
use crate::net::service::handover::Program;
use crate::net::service::notify::{Manager, Phase, State};
use crate::net::wire::pair::Pair;
use crate::net::wire::pools::Pools;
use crate::net::wire::pumps::Pumps;
use crate::net::wire::shell::{Shell, Wants};
use crate::proxy::{ListenerSettings, Shared};
use crate::rules::Profile;
use crate::stats::Counters;
use accepting::Accepting;
use guests::{Guests, since_epoch};
use life::Upgrade;
use passing_on::Passing;

const SIGNALS: Token = Token(1);
/// What a new process says that is to take over.
const SUCCESSOR: Token = Token(2);
/// What has been seen of a file system.
const LOOKS: Token = Token(3);
/// Clients of processes before this one.
const PREDECESSORS: Token = Token(4);

/// Events taken from the kernel at once.
const EVENTS: usize = 256;

/// Listening sockets whose clients are served alike.
#[derive(Debug)]
pub struct ListenerGroup {
    /// The sockets.
    pub listeners: Vec<Listener>,
    /// What is forced into the requests of their clients.
    pub profile: Profile,
    /// The path of the socket of their daemon.
    pub daemon: PathBuf,
    /// Knows that socket under all its names.
    pub look: SocketIdentity,
}

impl ListenerGroup {
    /// Serves the clients of `listeners` by the daemon whose socket is at `daemon`.
    #[must_use]
    pub fn new(listeners: Vec<Listener>, profile: Profile, daemon: PathBuf) -> Self {
        let look = SocketIdentity::for_socket(daemon.clone());
        Self { listeners, profile, daemon, look }
    }
}

/// The settings of the clients of a listening socket.
#[derive(Debug)]
struct Served {
    settings: Rc<ListenerSettings>,
    daemon: DaemonId,
    look: SocketIdentity,
}

/// The event loop and all that it moves.
pub struct Server {
    poll: Poll,
    signals: Signals,
    /// The settings by listening socket, which outlive the socket.
    served: Vec<Served>,
    daemons: Daemons,
    shared: Rc<Shared>,
    drain: Drain,
    manager: Manager,
    counters: Counters,
    guests: Guests,
    /// The time since the Unix epoch at which the process began to serve.
    started: Duration,
    /// When the last wait for events ended. The clock is read once for all that is done then.
    woke: Instant,
    accepting: Accepting,
    /// What is started at SIGHUP, to take over. Without it that signal is not heeded.
    program: Option<Program>,
    /// A new process that is to take over.
    upgrade: Option<Upgrade>,
    passing: Passing,
    pairs: Slab<Pair>,
    /// Pairs that there may be, so that a client is not accepted whose daemon cannot be reached
    /// for want of descriptors.
    max_pairs: usize,
    /// When somebody was told that there are as many.
    full_told: Option<Instant>,
    ready: VecDeque<usize>,
    timers: Timers,
    pools: Pools,
    pumps: Pumps,
    blocking: Blocking,
    serial: u32,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off in the middle of an exchange.
    pub cut: usize,
    /// Connections that another process has taken over.
    pub handed_over: usize,
}

impl Server {
    /// Prepares to serve the clients of all `groups`, to report to the `manager`, and to have the
    /// `program` take over at SIGHUP, which is ignored without one.
    ///
    /// # Errors
    /// The kernel gives no epoll, no signal handling or no registration.
    pub fn new(
        groups: Vec<ListenerGroup>,
        drain: Drain,
        manager: Manager,
        program: Option<Program>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let (mut daemons, shared) = (Daemons::default(), Rc::default());
        let (listeners, served) = prepare(groups, &mut daemons, &shared);
        // There is room for the events of one daemon.
        let files = FdLimits::beside(served.len() + daemons.len().saturating_sub(1));
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        if program.is_some() {
            signals.add_signal(SIGHUP)?;
        }
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let mut listeners = Listeners::new(listeners);
        listeners.register(poll.registry())?;
        let blocking = Blocking::new(poll.registry(), LOOKS)?;
        Ok(Self {
            poll,
            signals,
            served,
            daemons,
            shared,
            drain,
            manager,
            max_pairs: files.pairs,
            full_told: None,
            accepting: Accepting::Open(listeners),
            counters: Counters::default(),
            guests: Guests::default(),
            started: since_epoch(),
            woke: Instant::now(),
            program,
            upgrade: None,
            passing: Passing::new(),
            pairs: Slab::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            pools: Pools::new(files.pipes),
            pumps: Pumps::default(),
            blocking,
            serial: 0,
        })
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// The kernel does not wait for events any more.
    pub fn run(mut self) -> io::Result<Stopped> {
        let mut events = Events::with_capacity(EVENTS);
        self.manager.ready();
        while !self.is_done() {
            // In every turn of the loop, so that a loop that is stuck is not heard of.
            self.manager.tell(self.state());
            let timeout = self.timeout();
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    // Else the next wait would be as long again.
                    self.woke = Instant::now();
                    continue;
                }
                result => result?,
            }
            for event in &events {
                self.note(event);
            }
            self.tick();
            // First, since these are clients for longer.
            self.adopt();
            self.accept();
            self.accept_guest();
            // Those that stop at their budget now have their next turn after the next poll.
            for _ in 0..self.ready.len() {
                if let Some(slot) = self.ready.pop_front() {
                    self.turn(slot);
                }
            }
            self.daemons.tend(self.poll.registry(), self.woke);
        }
        Ok(self.stop())
    }

    fn timeout(&self) -> Option<Duration> {
        // Later by what the turns have taken; the next wait is not that exact either.
        let now = self.woke;
        let can_accept = || self.accepting.is_pending() && self.has_room();
        if !self.ready.is_empty() || can_accept() || self.can_adopt() {
            return Some(Duration::ZERO);
        }
        let own = self.next_stage().map(|at| at.saturating_duration_since(now));
        let manager = self.manager.wait(now, self.state());
        let guests = self.guests.wait(now);
        let events = self.daemons.wait(now);
        [own, manager, guests, events, self.timers.wait(now)].into_iter().flatten().min()
    }

    fn state(&self) -> State {
        let phase = match self.accepting.serves() {
            false => Phase::Ending,
            true if self.upgrade.is_some() => Phase::Reloading,
            true => Phase::Serving,
        };
        State { connections: self.clients(), daemon: self.daemons.reach(), phase }
    }

    fn note(&mut self, event: &Event) {
        let token = event.token();
        // First, since nearly all events are those of pairs.
        if is_paired(token) {
            let (slot, side) = place(token);
            if self.pairs.get_mut(slot).is_some_and(|pair| pair.note(side, event)) {
                self.queue(slot);
            }
            return;
        }
        match token {
            SIGNALS => self.signalled(),
            SUCCESSOR if self.upgrade.is_some() => self.successor_spoke(),
            SUCCESSOR => self.recipient_spoke(event),
            PREDECESSORS => self.passing.note_predecessors(),
            // A pair that has taken the place of the one that asked has a turn in vain.
            LOOKS => self.blocking.seen().into_iter().for_each(|slot| self.queue(slot)),
            token if Listeners::has(token) => {
                let both = [self.accepting.listeners(), self.guests.listeners()];
                both.into_iter().flatten().for_each(|listeners| listeners.note(token));
            }
            // Before the turns, so that no client is served by what is out of date.
            token => self.daemons.note(token),
        }
    }

    fn queue(&mut self, slot: usize) {
        if let Some(pair) = self.pairs.get_mut(slot)
            && !std::mem::replace(&mut pair.queued, true)
        {
            self.ready.push_back(slot);
        }
    }

    fn tick(&mut self) {
        self.woke = Instant::now();
        while let Some(slot) = self.timers.due(self.woke) {
            self.queue(slot);
        }
        self.next_stages();
    }

    /// Gives a pair its turn, in which all that is done for it is done, so that a panic, which is
    /// a bug, ends this pair alone.
    fn turn(&mut self, slot: usize) {
        let turned = catch_unwind(AssertUnwindSafe(|| {
            self.with_pair(slot, |pair, pumps, shell| {
                pair.queued = false;
                (pair.turn(pumps, shell), pair.wakes())
            })
        }));
        let (wants, wakes) = match turned {
            Ok(Some(turned)) => turned,
            Ok(None) => return,
            Err(_) => {
                error!("a bug ended one connection; please report what stands above");
                (Wants::Nothing, None)
            }
        };
        self.timers.set(slot, wakes);
        match wants {
            Wants::Events => self.pass_on(slot),
            Wants::Turn => self.queue(slot),
            Wants::Nothing => self.remove(slot),
        }
    }

    fn remove(&mut self, slot: usize) {
        self.timers.set(slot, None);
        if let Some(pair) = self.pairs.remove(slot) {
            self.forget_guest(pair.listener());
        }
    }

    fn with_pair<T>(
        &mut self,
        slot: usize,
        act: impl FnOnce(&mut Pair, &mut Pumps, &mut Shell<'_>) -> T,
    ) -> Option<T> {
        let daemon_token = self.next_token(slot, Side::Daemon);
        let present = (self.guests.count() > 0).then(|| self.present());
        let pair = self.pairs.get_mut(slot)?;
        let Served { settings, daemon, look } = self.served.get(pair.listener())?;
        let mut shell = Shell {
            registry: self.poll.registry(),
            pools: &mut self.pools,
            settings,
            daemon: self.daemons.get_mut(*daemon)?,
            present,
            counters: &mut self.counters,
            look,
            blocking: &self.blocking,
            daemon_token,
            now: self.woke,
        };
        Some(act(pair, &mut self.pumps, &mut shell))
    }

    fn next_token(&mut self, slot: usize, side: Side) -> Token {
        self.serial = self.serial.wrapping_add(1);
        token(slot, side, self.serial)
    }
}

/// Returns the listening sockets, and the settings of each at the same place.
fn prepare(
    groups: Vec<ListenerGroup>,
    daemons: &mut Daemons,
    shared: &Rc<Shared>,
) -> (Vec<Listener>, Vec<Served>) {
    let (mut all, mut served) = (Vec::new(), Vec::new());
    for ListenerGroup { listeners, profile, daemon: path, look } in groups {
        let daemon = daemons.add(&path);
        let settings = Rc::new(ListenerSettings {
            profile,
            answers: false,
            upstream: daemon.upstream(),
            shared: Rc::clone(shared),
        });
        for listener in listeners {
            all.push(listener);
            let (settings, look) = (Rc::clone(&settings), look.clone());
            served.push(Served { settings, daemon: daemon.id(), look });
        }
    }
    (all, served)
}

#[cfg(test)]
mod tests;
