//! The event loop: one poll for signals, the listening sockets, all pairs and all timers.
//!
//! Life: accept and serve; at the first SIGTERM or SIGINT stop accepting and let running exchanges
//! end; at the drain time, at the last end or at a second signal, return. At SIGHUP start the program
//! anew; once that is prepared to serve, let it accept, pass it each client that is owed nothing, and
//! return at the last end.

mod accepting;
mod answering;
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
use super::handover::Program;
use super::listener::Listener;
use super::listeners::Listeners;
use super::looks::Looks;
use super::notify::{Manager, Phase, State};
use super::pair::{Pair, Shell, Wants};
use super::slab::{Side, Slab, place, token};
use super::stores::Stores;
use super::timers::Timers;
use crate::config::Drain;
use crate::proxy::Common;
use accepting::Accepting;
use answering::Answering;
use life::Upgrade;
use passing_on::Passing;

/// All listening sockets.
const LISTENER: Token = Token(0);
const SIGNALS: Token = Token(1);
/// What a new process says that is to take over.
const SUCCESSOR: Token = Token(2);
/// What has been seen of a file system.
const LOOKS: Token = Token(3);
/// Clients of processes before this one.
const PREDECESSORS: Token = Token(4);

/// Events taken from the kernel at once.
const EVENTS: usize = 256;

/// The event loop and all that it moves.
pub struct Server {
    poll: Poll,
    signals: Signals,
    common: Rc<Common>,
    daemon: DaemonId,
    daemons: Daemons,
    drain: Drain,
    manager: Manager,
    answering: Answering,
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
    stores: Stores,
    looks: Looks,
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
    /// Prepares to serve the clients of all `listeners` alike, to tell the `manager` of it, and to let
    /// the `program` take over at SIGHUP, which is not heeded without one.
    ///
    /// # Errors
    /// The kernel gives no epoll, no signal handling or no registration.
    pub fn new(
        listeners: Vec<Listener>,
        daemon: PathBuf,
        common: Common,
        drain: Drain,
        manager: Manager,
        program: Option<Program>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let files = FdLimits::beside(listeners.len());
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        if program.is_some() {
            signals.add_signal(SIGHUP)?;
        }
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        let mut listeners = Listeners::new(listeners);
        let passing = Passing::new(listeners.len());
        poll.registry().register(&mut listeners, LISTENER, Interest::READABLE)?;
        let looks = Looks::new(poll.registry(), LOOKS)?;
        let mut daemons = Daemons::default();
        let images = Rc::clone(daemons.add(&daemon).images());
        Ok(Self {
            poll,
            signals,
            common: Rc::new(Common { images, ..common }),
            daemon: daemons.add(&daemon).id(),
            daemons,
            drain,
            manager,
            max_pairs: files.pairs,
            full_told: None,
            accepting: Accepting::Waiting(listeners),
            answering: Answering::new(),
            woke: Instant::now(),
            program,
            upgrade: None,
            passing,
            pairs: Slab::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            stores: Stores::new(files.pipes),
            looks,
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
            self.answer();
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
        let can_accept = matches!(self.accepting, Accepting::Pending(_)) && self.has_room();
        if can_accept || self.can_adopt() || !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let own = self.next_stage().map(|at| at.saturating_duration_since(now));
        let manager = self.manager.wait(now, self.state());
        let answering = self.answering.wait(now);
        let events = self.daemons.wait(now);
        [own, manager, answering, events, self.timers.wait(now)].into_iter().flatten().min()
    }

    fn state(&self) -> State {
        let phase = match self.accepting.serves() {
            false => Phase::Ending,
            true if self.upgrade.is_some() => Phase::Reloading,
            true => Phase::Serving,
        };
        State { connections: self.pairs.len(), daemon: self.daemons.reach(), phase }
    }

    fn note(&mut self, event: &Event) {
        match event.token() {
            // A pause is not cut short: it ends with a look at whoever is there.
            LISTENER if matches!(self.accepting, Accepting::Waiting(_)) => {
                self.set_accepting(Accepting::Pending);
            }
            LISTENER => {}
            SIGNALS => self.signalled(),
            SUCCESSOR if self.upgrade.is_some() => self.successor_spoke(),
            SUCCESSOR => self.recipient_spoke(event),
            PREDECESSORS => self.passing.note_predecessors(),
            // A pair that has taken the place of the one that asked has a turn in vain.
            LOOKS => self.looks.seen().into_iter().for_each(|slot| self.queue(slot)),
            // Before the turns, so that no client is served by what is out of date.
            token if self.daemons.note(token) => {}
            token if self.answering.note(token) => {}
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
            self.with_pair(slot, |pair, shell| {
                pair.queued = false;
                (pair.turn(shell), pair.wakes())
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
        self.pairs.remove(slot);
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
            stores: &mut self.stores,
            common: &self.common,
            daemon: self.daemons.get_mut(self.daemon)?,
            counters: self.answering.counters(),
            looks: &self.looks,
            daemon_token,
            now: self.woke,
        };
        Some(act(pair, &mut shell))
    }

    fn next_token(&mut self, slot: usize, side: Side) -> Token {
        self.serial = self.serial.wrapping_add(1);
        token(slot, side, self.serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Mutex;

    use crate::config::SocketAccess;
    use crate::rules::{Injection, Injections, Label};

    /// A log that panics where a labelled create is told, which happens in the turn of its pair.
    struct Bomb;

    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

    impl log::Log for Bomb {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            let line = record.args().to_string();
            assert!(!line.contains("boom"), "the bomb of this test");
            LINES.lock().unwrap().push(line);
        }

        fn flush(&self) {}
    }

    fn serve(folder: &std::path::Path) {
        let (listen, daemon) = (folder.join("listen"), folder.join("daemon"));
        let label = Label { key: "boom".to_owned(), value: "7".to_owned() };
        let inject = Injections::forced(&[label], &[], None, None);
        let injection = Injection { inject, ..Injection::default() };
        let listener = Listener::bind(&listen, SocketAccess::default(), &daemon).unwrap();
        // Runs until the tests end.
        std::thread::spawn(move || {
            let common = Common { injection, ..Common::default() };
            let nobody = Manager::nobody();
            Server::new(vec![listener], daemon, common, Drain::Never, nobody, None).unwrap().run()
        });
    }

    fn end(stream: UnixStream) -> UnixStream {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn gets(mut end: &UnixStream, wanted: &str) {
        let mut got = vec![0; wanted.len()];
        end.read_exact(&mut got).unwrap();
        assert_eq!(str::from_utf8(&got), Ok(wanted));
    }

    #[test]
    fn a_panic_ends_one_pair_alone() {
        log::set_logger(&Bomb).unwrap();
        log::set_max_level(log::LevelFilter::Info);
        let folder = std::env::temp_dir().join(format!("dcp-panic-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
        serve(&folder);
        let connect = || {
            let client = UnixStream::connect(folder.join("listen")).unwrap();
            (end(client), end(daemon.accept().unwrap().0))
        };
        let (other, others_daemon) = connect();
        let (client, its_daemon) = connect();
        let create = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
        (&client).write_all(create.as_bytes()).unwrap();
        assert_ne!((&its_daemon).read(&mut [0; 4096]).unwrap(), 0);
        (&its_daemon).write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
        (&client).read_to_end(&mut Vec::new()).unwrap();
        (&its_daemon).read_to_end(&mut Vec::new()).unwrap();
        assert!(LINES.lock().unwrap().iter().any(|line| line.starts_with("a bug ended one")));
        let later = connect();
        for (client, end) in [&(other, others_daemon), &later] {
            let request = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
            (&*client).write_all(request.as_bytes()).unwrap();
            gets(end, request);
            let response = "HTTP/1.1 204 No Content\r\n\r\n";
            (&*end).write_all(response.as_bytes()).unwrap();
            gets(client, response);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
