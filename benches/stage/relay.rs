//! The lower bounds: relays in user space that parse nothing, that parse heads, and that do the minimum for a
//! create that labels everything.
//!
//! One thread, one edge-triggered epoll; each client gets its own connection to the daemon. The relays make
//! as few system calls as possible: per message one wait, one read, one write.

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

/// Size of a read of a copying relay.
const BUFFER: usize = 64 * 1024;

/// Reads of this size are not taken for heads. A proxy knows that from the bytes before.
const LARGE: usize = 16 * 1024;

/// Maximum number of field lines for a parsing relay.
const FIELDS: usize = 48;

/// Size of the pipes of a splicing relay, if the system allows it.
const PIPE: usize = 1024 * 1024;

const LISTENER: u64 = u64::MAX;

const WATCHED: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);

/// Reason why no more bytes can be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The source is empty.
    Empty,
    /// The sink is full.
    Stuck,
    /// The source has ended, or the sink is closed.
    End,
}

/// A way to move bytes from one socket to another.
pub(crate) trait Carry: Default {
    /// Bytes between source and sink.
    type Held: Default;

    /// Moves as many bytes as possible. With `ending` the source causes no further event, so it has to be read to
    /// its end.
    fn carry(&mut self, held: &mut Self::Held, from: &OwnedFd, to: &OwnedFd, ending: bool) -> Rest;

    /// Releases the resources of a direction.
    fn release(&mut self, _held: Self::Held) {}
}

/// Inspection of the bytes that a copying relay has read.
pub(crate) trait Look {
    /// Runs before the bytes are written to `to`.
    fn look(_bytes: &[u8], _to: &OwnedFd) {}

    /// Runs after the write.
    fn tell(_bytes: &[u8]) {}
}

/// No inspection.
pub(crate) enum Blindly {}

impl Look for Blindly {}

/// Parses heads with httparse and discards the result: the minimum of a proxy that understands HTTP.
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

/// Parses heads, and for a container create does the minimum for labels on everything: parses the body, looks
/// at each mounted path once, asks the daemon about the image, and writes a line of log. Changes, checks and
/// allocates nothing.
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

/// The request for the image's description.
const IMAGE: &[u8] =
    b"GET /images/registry.example/ci/build-base:12/json HTTP/1.1\r\nHost: docker\r\n\r\n";

/// Start of a response to a create.
const CREATED: &[u8] = b"HTTP/1.1 201 ";

/// A line as long as the proxy's log line of a create.
const LINE: &[u8] = &[b'\n'; 150];

fn body_of_create(bytes: &[u8]) -> Option<&[u8]> {
    let is_create = bytes.starts_with(b"POST /v1.43/containers/create ");
    let end = memmem::find(bytes, b"\r\n\r\n").filter(|_| is_create)?;
    bytes.get(end + 4..)
}

/// Relays by read and write.
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
            // Bytes that come from now on cause a new event.
            if read < BUFFER && !ending {
                return Rest::Empty;
            }
        }
    }
}

/// Relays by splice through pipes, which are reused.
#[derive(Default)]
pub(crate) struct Splicing {
    free: Vec<Pipe>,
}

/// A pipe: the read end, then the write end.
type Pipe = (OwnedFd, OwnedFd);

/// A pipe, taken while there is something to move, and its fill level.
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
    /// There will be no further event from the source.
    ending: bool,
    over: bool,
}

/// A client and its daemon connection, with the direction that starts at each.
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

/// Relays between clients at `listen` and the daemon, until the process is killed.
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
        // Only at the end: there may be events of sockets that are already closed.
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

    /// Handles an event of one side of a pair; returns `true` if the pair has ended.
    fn moved(&mut self, slot: usize, side: usize, flags: EventFlags) -> bool {
        let Some(pair) = &mut self.pairs[slot] else {
            return false;
        };
        let gone = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        let [from, to] = [side, 1 - side];
        pair.directions[from].ending |= gone || flags.contains(EventFlags::RDHUP);
        // Nobody reads the other direction any more.
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
    /// Moves the bytes that come from this side.
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
            // Fails only if the sink is closed.
            let _ = shutdown(sink, Shutdown::Write);
        }
    }
}

fn number(slot: usize, side: usize) -> u64 {
    (slot * 2 + side) as u64
}
