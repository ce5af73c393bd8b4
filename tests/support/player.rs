//! Plays a client and a daemon against the core, without sockets.

use std::collections::VecDeque;
use std::io::Read;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dockerd_ci_proxy::proxy::{Away, Common, Lane, Patience, Session, Step, Unreachable};
use dockerd_ci_proxy::rules::buildkit::Store;
use dockerd_ci_proxy::rules::socket::{Blind, Look, LookAt, Relation, Seen};
use dockerd_ci_proxy::rules::{Injection, Injections, Label};

use super::errands;

/// How bytes are handed over.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bytes that one read gets at most.
    pub read: usize,
    /// Bytes that one write takes at most.
    pub write: usize,
    /// Whether what may leave before it has come passes by the inboxes, as a splice does.
    pub by: bool,
}

impl Pace {
    /// All that there is.
    pub const WHOLE: Self = Self { read: usize::MAX, write: usize::MAX, by: false };

    /// All that there is, past the inboxes where that may be.
    pub const PAST: Self = Self { by: true, ..Self::WHOLE };
}

/// One end of the connection: what it has sent that was not read, and what it has got. Ends are
/// written among the bytes it got, as `<end>` (half-close) and `<closed>`.
#[derive(Debug, Default)]
pub struct End {
    pub sends: VecDeque<u8>,
    /// What it has sent that passes by the inbox.
    passing: VecDeque<u8>,
    /// Bytes of what it has sent that were looked at, and wait for more.
    waiting: usize,
    pub ends: bool,
    pub ended: bool,
    pub got: Vec<u8>,
}

/// A core between a client and a daemon.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Player {
    session: Session,
    pub client: End,
    pub daemon: End,
    /// Whether the daemon takes new connections.
    pub daemon_is_up: bool,
    /// Whether the daemon answers by itself what the proxy asks before a create.
    pub answers_errands: bool,
    /// May be changed between two [`settle`](Self::settle); 0 is a socket that is not ready.
    pub pace: Pace,
    /// The daemon's answer about its images when it is asked aside.
    pub store: Store,
    connected: bool,
    closed: bool,
    now: Instant,
}

/// Has no daemon's socket, and tells of what is below `/slow` only when it is asked aside.
struct Disk;

impl LookAt for Disk {
    fn at_once(&self, path: &str, _: &Seen) -> Option<Relation> {
        (!path.starts_with("/slow/")).then_some(Relation::Other)
    }

    fn at_last(&self, _: &str) -> Result<Relation, Blind> {
        Ok(Relation::Other)
    }
}

/// The configuration under which all transcripts are played.
pub fn injection() -> Injection {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = [label("ci.job", "7"), label("ci.team", "web")];
    Injection {
        inject: Injections::forced(&labels, &labels, Some("/ci/7"), Some("/ci/7")),
        look: Look::new(Disk),
        ..Injection::default()
    }
}

impl Player {
    pub fn new(pace: Pace) -> Self {
        Self::with(injection(), pace)
    }

    /// One under another configuration.
    pub fn with(injection: Injection, pace: Pace) -> Self {
        let socket = "/run/docker.sock".to_owned();
        let common = Common { injection, socket, ..Common::default() };
        let mut session = Session::new(Rc::new(common));
        session.connected();
        Self {
            session,
            client: End::default(),
            daemon: End::default(),
            daemon_is_up: true,
            answers_errands: false,
            store: Store::Unknown,
            pace,
            connected: true,
            closed: false,
            now: Instant::now(),
        }
    }

    /// What is timed now.
    pub fn patience(&self) -> Patience {
        self.session.patience()
    }

    /// Passes time in which nobody sends anything. A wait with a shorter limit is over then.
    pub fn waits(&mut self, silence: Duration) {
        self.now += silence;
        if self.patience().limit().is_some_and(|limit| limit <= silence) {
            self.session.expired(self.now);
        }
        self.settle();
    }

    pub fn client_gone(&mut self) {
        self.client.ends = true;
        self.session.client_gone();
    }

    pub fn daemon_gone(&mut self) {
        self.daemon.ends = true;
        if self.connected {
            self.session.daemon_gone();
        }
    }

    /// Moves bytes until nothing moves any more.
    pub fn settle(&mut self) {
        self.fill();
        while !self.closed {
            self.advance();
            if self.closed {
                return;
            }
            unpeek(self.session.up(), &mut self.client);
            unpeek(self.session.down(), &mut self.daemon);
            let pace = self.pace.write;
            let mut moved =
                flush(self.session.down(), &mut self.daemon.passing, &mut self.client.got, pace);
            if self.connected {
                let flushed =
                    flush(self.session.up(), &mut self.client.passing, &mut self.daemon.got, pace);
                moved |= flushed;
                moved |= flushed && self.answers_errands && self.answer_errand();
            }
            moved |= self.fill();
            if !moved {
                return;
            }
        }
    }

    /// How many of the client's bytes are held when it sends `bytes` over and over, up to `most`,
    /// and the daemon takes nothing.
    pub fn flooded_by_client(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut taken = 0;
        while !self.closed && taken < most {
            let limit = self.session.up_limit();
            let n = flood(self.session.up(), bytes, taken, limit);
            self.advance();
            if n == 0 {
                break;
            }
            taken += n;
        }
        self.session.up().held()
    }

    /// The same with the sides exchanged.
    pub fn flooded_by_daemon(&mut self, bytes: &[u8], most: usize) -> usize {
        let mut taken = 0;
        while !self.closed && self.connected && taken < most {
            let limit = self.session.down_limit();
            let n = flood(self.session.down(), bytes, taken, limit);
            self.advance();
            if n == 0 {
                break;
            }
            taken += n;
        }
        self.session.down().held()
    }

    fn answer_errand(&mut self) -> bool {
        let Some((begin, answer)) = errands::answer(&self.daemon.got) else { return false };
        self.daemon.got.truncate(begin);
        self.daemon.sends.extend(answer);
        true
    }

    fn fill(&mut self) -> bool {
        let mut moved = false;
        let limit = self.session.up_limit();
        moved |= fill(self.session.up(), &mut self.client, limit, self.pace);
        if self.client.sends.is_empty() && self.client.ends && !self.client.ended {
            self.client.ended = true;
            self.session.client_ended();
            moved = true;
        }
        if self.connected {
            let limit = self.session.down_limit();
            moved |= fill(self.session.down(), &mut self.daemon, limit, self.pace);
            if self.daemon.sends.is_empty() && self.daemon.ends && !self.daemon.ended {
                self.daemon.ended = true;
                self.session.daemon_ended();
                moved = true;
            }
        }
        moved
    }

    fn advance(&mut self) {
        loop {
            match self.session.advance(self.now) {
                Step::Wait => return,
                Step::Dial => self.dial(),
                Step::Hangup => self.hang_up(),
                Step::Look(path) => self.session.looked(Disk.at_last(&path)),
                Step::AskForStore => self.session.learned(self.store),
                Step::Report(_) | Step::Warn(..) => {}
                Step::Close => {
                    if self.connected {
                        self.hang_up();
                    }
                    self.client.got.extend(b"<closed>");
                    self.closed = true;
                    return;
                }
            }
        }
    }

    fn dial(&mut self) {
        if self.daemon_is_up {
            self.connected = true;
            // What was said on the old connection is lost with it.
            self.daemon.sends.clear();
            self.daemon.ends = false;
            self.daemon.ended = false;
            self.daemon.got.extend(b"<dialled>");
            self.session.connected();
        } else {
            let socket = "/run/docker.sock".into();
            self.session.away(Away { socket, why: Unreachable::Missing });
        }
    }

    fn hang_up(&mut self) {
        self.connected = false;
        self.daemon.sends.clear();
        self.daemon.got.extend(b"<closed>");
    }
}

fn fill(lane: &mut Lane, from: &mut End, limit: usize, pace: Pace) -> bool {
    let most = from.sends.len().min(pace.read);
    match lane.ahead().filter(|_| pace.by) {
        Some(0) => {
            let room = lane.room(limit);
            let come = from.sends.len().min(from.waiting.saturating_add(pace.read));
            let n = come.min(room.len()).min(LOOK);
            if n == from.waiting && !from.ends {
                return false;
            }
            room.iter_mut().zip(&from.sends).take(n).for_each(|(to, from)| *to = *from);
            lane.peek(n);
            n > 0
        }
        Some(ahead) => {
            let n = usize::try_from(ahead).unwrap_or(usize::MAX).min(most);
            from.passing.extend(from.sends.drain(..n));
            lane.passes(n);
            n > 0
        }
        None => {
            let room = lane.room(limit);
            let n = room.len().min(most);
            from.sends.read_exact(&mut room[..n]).unwrap();
            lane.received(n);
            n > 0
        }
    }
}

/// Fills the room of `lane` with `bytes`, over and over, `at` bytes of which have come.
fn flood(lane: &mut Lane, bytes: &[u8], at: usize, limit: usize) -> usize {
    let room = lane.room(limit);
    let n = if bytes.is_empty() { 0 } else { room.len() };
    let mut free = &mut room[..n];
    let mut rest = bytes.get(at % bytes.len().max(1)..).unwrap_or_default();
    while !free.is_empty() {
        let (now, later) = free.split_at_mut(rest.len().min(free.len()));
        now.copy_from_slice(&rest[..now.len()]);
        (free, rest) = (later, bytes);
    }
    lane.received(n);
    n
}

/// Bytes that are looked at in the source.
const LOOK: usize = 8;

fn unpeek(lane: &mut Lane, from: &mut End) {
    let peeked = lane.peeked();
    if peeked < LOOK && !from.ends && lane.forget_cut() {
        from.waiting = if lane.ahead() == Some(0) { peeked } else { 0 };
        return;
    }
    if peeked > 0 {
        from.waiting = 0;
    }
    let thrown_away = lane.unpeek(1).min(from.sends.len());
    from.sends.drain(..thrown_away);
}

fn flush(lane: &mut Lane, passing: &mut VecDeque<u8>, to: &mut Vec<u8>, pace: usize) -> bool {
    // What passed by for a sink that broke is lost.
    passing.truncate(lane.passing());
    let first = passing.len().min(pace);
    to.extend(passing.drain(..first));
    lane.passed(first);
    let n = if lane.passing() == 0 { lane.leaving().len().min(pace - first) } else { 0 };
    to.extend(&lane.leaving()[..n]);
    lane.left(n);
    if lane.to_finish() {
        lane.finished();
        to.extend(b"<end>");
        return true;
    }
    first + n > 0
}
