//! Plays a client and a daemon against the core, without sockets.

use std::collections::VecDeque;
use std::io::Read;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dockerd_ci_proxy::proxy::{
    Away, Deadline, HostFact, Lane, ListenerSettings, Session, Step, Unreachable, Upstream,
};
use dockerd_ci_proxy::rules::buildkit::Store;
use dockerd_ci_proxy::rules::caller::{Caller, Container, Mount, Source};
use dockerd_ci_proxy::rules::facts::HostQuestion;
use dockerd_ci_proxy::rules::socket::Relation;
use dockerd_ci_proxy::rules::{Injections, Label, Profile, Refusal};

use super::questions;

/// Sizes of reads and writes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Maximum bytes per read.
    pub read: usize,
    /// Maximum bytes per write.
    pub write: usize,
    /// Permitted bytes bypass the inboxes, as with splice.
    pub by: bool,
}

impl Pace {
    /// Everything at once.
    pub const WHOLE: Self = Self { read: usize::MAX, write: usize::MAX, by: false };

    /// Everything at once, past the inboxes where possible.
    pub const PAST: Self = Self { by: true, ..Self::WHOLE };
}

/// One end of the connection: its unread bytes, and the bytes it got. Ends are recorded among the latter, as
/// `<end>` (half-close) and `<closed>`.
#[derive(Debug, Default)]
pub struct End {
    pub sends: VecDeque<u8>,
    /// Sent bytes that bypass the inbox.
    passing: VecDeque<u8>,
    /// Sent bytes that were peeked at and wait for more.
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
    /// The daemon accepts new connections.
    pub daemon_is_up: bool,
    /// The daemon automatically answers the proxy's questions before a create.
    pub answers_questions: bool,
    /// May be changed between two calls of [`settle`](Self::settle); 0 is a socket that is not ready.
    pub pace: Pace,
    /// The daemon's answer about its image store, on a connection of its own.
    pub store: Store,
    /// The client's process.
    pub caller: Result<Caller, Refusal>,
    /// The socket that each container gets, if the rules give it one.
    pub job_socket: Result<String, Refusal>,
    /// The decision of authorization plugins.
    pub authorized: Result<(), Refusal>,
    connected: bool,
    closed: bool,
    now: Instant,
}

/// Returns the configuration of all transcripts.
pub fn profile() -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = [label("ci.job", "7"), label("ci.team", "web")];
    Profile {
        inject: Injections::forced(&labels, &labels, Some("/ci/7"), Some("/ci/7")),
        ..Profile::default()
    }
}

impl Player {
    pub fn new(pace: Pace) -> Self {
        Self::with(profile(), pace)
    }

    /// Creates a player with another configuration.
    pub fn with(profile: Profile, pace: Pace) -> Self {
        let socket = "/run/docker.sock".to_owned();
        let upstream = Upstream { socket, ..Upstream::default() }.into();
        let settings = ListenerSettings { profile, upstream, ..ListenerSettings::default() };
        let mut session = Session::new(Rc::new(settings));
        session.connected();
        Self {
            session,
            client: End::default(),
            daemon: End::default(),
            daemon_is_up: true,
            answers_questions: false,
            store: Store::Unknown,
            caller: Ok(caller()),
            job_socket: Ok("/run/ci.sock.jobs/1".to_owned()),
            authorized: Ok(()),
            pace,
            connected: true,
            closed: false,
            now: Instant::now(),
        }
    }

    /// Returns the current timeout.
    pub fn deadline(&self) -> Deadline {
        self.session.deadline()
    }

    /// Advances the time while no side sends anything. Shorter timeouts expire.
    pub fn waits(&mut self, silence: Duration) {
        self.now += silence;
        if self.deadline().limit().is_some_and(|limit| limit <= silence) {
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

    /// Moves bytes until no more can be moved.
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
                moved |= flushed && self.answers_questions && self.answer_question();
            }
            moved |= self.fill();
            if !moved {
                return;
            }
        }
    }

    /// Returns how many bytes the proxy holds when the client repeats `bytes`, up to `most`, and the daemon reads
    /// nothing.
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

    fn answer_question(&mut self) -> bool {
        let Some((begin, answer)) = questions::answer(&self.daemon.got) else { return false };
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
                Step::Ask(question) => self.session.found(self.fact(question)),
                Step::Answer(_) => unreachable!("no transcript is one of the stats socket"),
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

    /// Answers as a host on which no path has to do with the daemon's socket.
    fn fact(&self, question: HostQuestion) -> HostFact {
        match question {
            HostQuestion::Store => HostFact::Store(self.store),
            HostQuestion::JobSocket => HostFact::JobSocket(self.job_socket.clone()),
            HostQuestion::Caller(_) => HostFact::Caller(self.caller.clone()),
            HostQuestion::Authorize(_) => HostFact::Authorized(self.authorized.clone()),
            HostQuestion::Paths(paths) => {
                let other = |path| (path, Relation::Other);
                HostFact::Paths(paths.into_iter().map(other).collect())
            }
        }
    }

    fn dial(&mut self) {
        if self.daemon_is_up {
            self.connected = true;
            // Unread bytes of the old connection are lost.
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

/// Returns the caller of all sessions: a process in a container with a workspace.
fn caller() -> Caller {
    let mount = Mount::at("/workspace", Source::Path("/srv/jobs/7".to_owned()));
    let container = Container {
        id: "c0ffee".to_owned(),
        name: "job-7".to_owned(),
        labels: vec![("team".to_owned(), "red".to_owned())],
        env: vec![("CI_JOB_ID".to_owned(), "7".to_owned())],
        cgroup_parent: "/jobs/7".to_owned(),
        mounts: vec![mount],
    };
    Caller {
        uid: 1000,
        gid: 100,
        pid: 4242,
        user: Some("ci".to_owned()),
        cgroup: Some("/jobs/7/c0ffee".to_owned()),
        parent: Some("/jobs/7".to_owned()),
        container: Some(Rc::new(container)),
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

/// Fills `lane` with `bytes`, repeated; `at` bytes have already been sent.
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

/// Number of bytes to peek at.
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
    // Spliced bytes for a broken sink are lost.
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
