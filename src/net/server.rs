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
use super::pump::Pump;
use super::slab::{MAX_SLOTS, Side, Slab, place, token};
use super::stores::Stores;
use super::timers::Timers;
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
    stores: Stores,
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
            stores: Stores::default(),
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
        while let Some(slot) = self.timers.due(now) {
            self.queue(slot);
        }
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
            Wants::Events => {}
            Wants::Turn => self.queue(slot),
            Wants::Nothing => {
                self.timers.set(slot, None);
                self.pairs.remove(slot);
            }
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
            stores: &mut self.stores,
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
        let token = self.next_token(slot, Side::Client);
        let client = match Peer::new(stream, token, self.poll.registry()) {
            Ok(client) => client,
            Err(error) => return warn!("cannot watch a client: {error}; closed"),
        };
        let pump = self.stores.pump(Pump::new(&self.common, Instant::now()));
        self.pairs.insert(Pair::new(client, pump));
        debug!("a client was accepted; {} are connected", self.pairs.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::Mutex;

    use crate::config::SocketAccess;
    use crate::rules::{Injection, Label};

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
        let injection = Injection { labels: vec![label], ..Injection::default() };
        let listener = Listener::bind(&listen, SocketAccess::default(), &daemon).unwrap();
        // Runs until the tests end.
        std::thread::spawn(move || {
            let common = Common { injection, ..Common::default() };
            Server::new(listener, daemon, common, Drain::Never).unwrap().run()
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
