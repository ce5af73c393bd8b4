//! The floors: what one hop in user space costs when it parses nothing, when it has heads parsed, and
//! when it does for a create what a proxy cannot leave out that labels all of it.
//!
//! One thread, one edge-triggered epoll; the daemon is connected to when a client is accepted.
//! Written to make as few system calls as there can be: per message one wait, one read, one write.

use std::hint::black_box;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use memchr::memmem;
use rustix::event::epoll::EventFlags;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{Shutdown, SocketFlags, accept_with, shutdown};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use rustix::stdio::stderr;
use serde::de::IgnoredAny;

use super::events::Poll;

/// What a copying relay reads at once.
const BUFFER: usize = 64 * 1024;

/// What comes in such pieces is no head, which a proxy knows by what came before.
const LARGE: usize = 16 * 1024;

/// Field lines of which a parsing relay has room for slices.
const FIELDS: usize = 48;

/// What the pipes of a splicing relay hold; where the system does not allow it, what it gives.
const PIPE: usize = 1024 * 1024;

const LISTENER: u64 = u64::MAX;

const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);

/// Why moving bytes has come to a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The source has nothing more now.
    Empty,
    /// The sink takes nothing more now.
    Stuck,
    /// The source has ended, or the sink is gone.
    End,
}

/// A way to move bytes from one socket to another.
pub(crate) trait Carry: Default {
    /// What has left the source and not yet reached the sink.
    type Held: Default;

    /// Moves what can be moved. `ending`: the source will give no further event, so that it is to
    /// be read to its end.
    fn carry(&mut self, held: &mut Self::Held, from: &OwnedFd, to: &OwnedFd, ending: bool) -> Rest;

    /// A direction is over.
    fn release(&mut self, _held: Self::Held) {}
}

/// What a copying relay does about what it has read.
pub(crate) trait Look {
    /// Before it writes them to `to`.
    fn look(_bytes: &[u8], _to: &OwnedFd) {}

    /// Behind that.
    fn tell(_bytes: &[u8]) {}
}

/// Nothing.
pub(crate) enum Blindly {}

impl Look for Blindly {}

/// It has httparse read heads, and forgets what they say: the least that a proxy does that knows
/// what passes.
pub(crate) enum Parsing {}

impl Look for Parsing {
    fn look(bytes: &[u8], _: &OwnedFd) {
        if bytes.len() >= LARGE {
            return;
        }
        let mut fields = [const { MaybeUninit::uninit() }; FIELDS];
        if bytes.starts_with(b"HTTP/") {
            let mut response = httparse::Response::new(&mut []);
            let parser = httparse::ParserConfig::default();
            let _ = parser.parse_response_with_uninit_headers(&mut response, bytes, &mut fields);
            black_box(response);
        } else {
            let mut request = httparse::Request::new(&mut []);
            let _ = request.parse_with_uninit_headers(bytes, &mut fields);
            black_box(request);
        }
    }
}

/// The same, and for a container create what must be done so that nothing of it comes into being
/// unlabelled, and the operator sees it: its body is parsed, each path that it mounts looked at once, the
/// daemon asked for its image, and a line of log written. Nothing is changed, checked or allocated.
pub(crate) enum Owing {}

impl Look for Owing {
    fn look(bytes: &[u8], to: &OwnedFd) {
        Parsing::look(bytes, to);
        let Some(body) = body_of_create(bytes) else { return };
        serde_json::from_slice::<IgnoredAny>(body).unwrap();
        for path in ["/builds/web/shop", "/cache/web"] {
            let _ = black_box(rustix::fs::stat(path));
        }
        if memmem::find(body, b"\"Image\"").is_some() {
            rustix::io::write(to, IMAGE).unwrap();
            poll(&mut [PollFd::new(to, PollFlags::IN)], None).unwrap();
            let mut answer = [0; 4096];
            let read = rustix::io::read(to, &mut answer).unwrap();
            Parsing::look(&answer[..read], to);
        }
    }

    fn tell(bytes: &[u8]) {
        if bytes.starts_with(CREATED) {
            rustix::io::write(stderr(), LINE).unwrap();
        }
    }
}

/// The question about an image.
const IMAGE: &[u8] =
    b"GET /images/registry.example/ci/build-base:12/json HTTP/1.1\r\nHost: docker\r\n\r\n";

/// What a response to a create begins with.
const CREATED: &[u8] = b"HTTP/1.1 201 ";

/// As long as what the proxy says of a create.
const LINE: &[u8] = &[b'\n'; 150];

fn body_of_create(bytes: &[u8]) -> Option<&[u8]> {
    let is_create = bytes.starts_with(b"POST /v1.43/containers/create ");
    let end = memmem::find(bytes, b"\r\n\r\n").filter(|_| is_create)?;
    bytes.get(end + 4..)
}

/// read and write.
pub(crate) struct Copying<L> {
    buffer: Vec<u8>,
    look: PhantomData<L>,
}

impl<L> Default for Copying<L> {
    fn default() -> Self {
        Self { buffer: vec![0; BUFFER], look: PhantomData }
    }
}

impl<L: Look> Carry for Copying<L> {
    type Held = Vec<u8>;

    fn carry(&mut self, held: &mut Vec<u8>, from: &OwnedFd, to: &OwnedFd, ending: bool) -> Rest {
        while !held.is_empty() {
            match rustix::io::write(to, held) {
                Ok(n) => drop(held.drain(..n)),
                Err(error) => return stopped(error, Rest::Stuck),
            }
        }
        loop {
            let read = match rustix::io::read(from, &mut *self.buffer) {
                Ok(0) => return Rest::End,
                Ok(read) => read,
                Err(error) => return stopped(error, Rest::Empty),
            };
            let mut rest = &self.buffer[..read];
            L::look(rest, to);
            while !rest.is_empty() {
                match rustix::io::write(to, rest) {
                    Ok(n) => rest = &rest[n..],
                    Err(error) => {
                        held.extend_from_slice(rest);
                        return stopped(error, Rest::Stuck);
                    }
                }
            }
            L::tell(&self.buffer[..read]);
            // Whatever comes now makes a new event.
            if read < BUFFER && !ending {
                return Rest::Empty;
            }
        }
    }
}

/// splice through pipes, which are used again.
#[derive(Default)]
pub(crate) struct Splicing {
    free: Vec<Pipe>,
}

/// A pipe, its end to read from first.
type Pipe = (OwnedFd, OwnedFd);

/// A pipe, taken when there is something to move, and how much is in it.
#[derive(Default)]
pub(crate) struct Piped {
    pipe: Option<Pipe>,
    bytes: usize,
}

impl Carry for Splicing {
    type Held = Piped;

    fn carry(&mut self, held: &mut Piped, from: &OwnedFd, to: &OwnedFd, _ending: bool) -> Rest {
        let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
        let (output, input) = held.pipe.get_or_insert_with(|| {
            self.free.pop().unwrap_or_else(|| {
                let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
                let _ = fcntl_setpipe_size(&pipe.1, PIPE);
                pipe
            })
        });
        loop {
            while held.bytes > 0 {
                match splice(&*output, None, to, None, held.bytes, flags) {
                    Ok(n) => held.bytes -= n,
                    Err(error) => return stopped(error, Rest::Stuck),
                }
            }
            match splice(from, None, &*input, None, PIPE, flags) {
                Ok(0) => return Rest::End,
                Ok(n) => held.bytes = n,
                Err(error) => return stopped(error, Rest::Empty),
            }
        }
    }

    fn release(&mut self, held: Piped) {
        self.free.extend(held.pipe.filter(|_| held.bytes == 0));
    }
}

pub(crate) fn stopped(error: Errno, blocked: Rest) -> Rest {
    if error == Errno::AGAIN { blocked } else { Rest::End }
}

/// One direction between the two sockets of a pair.
#[derive(Default)]
struct Direction<H> {
    held: H,
    stuck: bool,
    /// The source will give no further event.
    ending: bool,
    over: bool,
}

/// A client and its daemon connection, and what goes away from each.
struct Pair<H> {
    sockets: [OwnedFd; 2],
    directions: [Direction<H>; 2],
}

struct Relay<C: Carry> {
    carry: C,
    poll: Poll,
    daemon: PathBuf,
    pairs: Vec<Option<Pair<C::Held>>>,
    free: Vec<usize>,
}

/// Relays between the clients at `listen` and `daemon`, until it is killed.
pub(crate) fn run<C: Carry>(listen: &Path, daemon: PathBuf) -> ! {
    super::way::raise_limit();
    let listener = UnixListener::bind(listen).unwrap();
    rustix::net::listen(&listener, 4096).unwrap();
    let poll = Poll::new();
    poll.add(&listener, LISTENER, EventFlags::IN);
    let (pairs, free) = (Vec::new(), Vec::new());
    let mut relay = Relay { carry: C::default(), poll, daemon, pairs, free };
    loop {
        let mut ended = Vec::new();
        for at in 0..relay.poll.wait(None) {
            let (number, flags) = relay.poll.event(at);
            if number == LISTENER {
                relay.accept(&listener).unwrap();
                continue;
            }
            let number = usize::try_from(number).unwrap();
            if relay.moved(number / 2, number % 2, flags) {
                ended.push(number / 2);
            }
        }
        // Not before the end: an event of a socket that is closed already may be among them.
        relay.free.append(&mut ended);
    }
}

impl<C: Carry> Relay<C> {
    fn accept(&mut self, listener: &UnixListener) -> io::Result<()> {
        let client = accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
        let daemon = UnixStream::connect(&self.daemon)?;
        daemon.set_nonblocking(true)?;
        let sockets = [client, OwnedFd::from(daemon)];
        let slot = self.free.pop().unwrap_or_else(|| {
            self.pairs.push(None);
            self.pairs.len() - 1
        });
        for (side, socket) in sockets.iter().enumerate() {
            self.poll.add(socket, number(slot, side), WATCHED);
        }
        let directions = Default::default();
        self.pairs[slot] = Some(Pair { sockets, directions });
        Ok(())
    }

    /// Does what an event of one side of a pair calls for; tells whether the pair has ended by it.
    fn moved(&mut self, slot: usize, side: usize, flags: EventFlags) -> bool {
        let Some(pair) = &mut self.pairs[slot] else {
            return false;
        };
        let gone = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        let [from, to] = [side, 1 - side];
        pair.directions[from].ending |= gone || flags.contains(EventFlags::RDHUP);
        // Nobody is there to read what the other side says.
        pair.directions[to].over |= gone;
        if !pair.directions[from].stuck {
            pair.pump(slot, from, &self.poll, &mut self.carry);
        }
        if flags.contains(EventFlags::OUT) {
            pair.pump(slot, to, &self.poll, &mut self.carry);
        }
        let ended = pair.directions.iter().all(|direction| direction.over);
        if ended && let Some(pair) = self.pairs[slot].take() {
            pair.directions.into_iter().for_each(|way| self.carry.release(way.held));
        }
        ended
    }
}

impl<H> Pair<H> {
    /// Moves what goes away from the socket of this side.
    fn pump<C: Carry<Held = H>>(&mut self, slot: usize, from: usize, poll: &Poll, carry: &mut C) {
        let direction = &mut self.directions[from];
        if direction.over {
            return;
        }
        let to = 1 - from;
        let sink = &self.sockets[to];
        let rest = carry.carry(&mut direction.held, &self.sockets[from], sink, direction.ending);
        let stuck = rest == Rest::Stuck;
        if direction.stuck != stuck {
            direction.stuck = stuck;
            let flags = if stuck { WATCHED | EventFlags::OUT } else { WATCHED };
            poll.change(sink.as_fd(), number(slot, to), flags);
        }
        if rest == Rest::End {
            direction.over = true;
            // Fails only when nobody is there any more.
            let _ = shutdown(sink, Shutdown::Write);
        }
    }
}

fn number(slot: usize, side: usize) -> u64 {
    (slot * 2 + side) as u64
}
