//! Calls through the core between a client and a server of another implementation of HTTP/2 (the `h2` crate),
//! which check every frame, field block and window.
//!
//! With windows of any size and bytes split anywhere, each call arrives complete, nothing stalls, and exactly the
//! calls that create images have the forced values.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use dockerd_ci_proxy::proxy::{Lane, ListenerSettings, Session, Step};
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::support::player::profile;
use crate::support::random::{Random, check};

const SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
const STATUS: &str = "/moby.buildkit.v1.Control/Status";

/// One call: what the client sends, and what the server must get.
struct Call {
    path: &'static str,
    sends: Vec<u8>,
    arrives: Vec<u8>,
    /// The client resets it before its end.
    reset: bool,
    /// Length of the response.
    response: usize,
}

/// Bodies by the number of the call.
type Bodies = Rc<RefCell<BTreeMap<usize, Vec<u8>>>>;

/// The windows of streams on both sides.
#[derive(Clone, Copy)]
struct Windows {
    client: usize,
    server: usize,
}

/// Maximum number of frames of a body, since windows of one byte are slow.
const FRAMES: usize = 300;

fn call(random: &mut Random, windows: Windows) -> Call {
    let solves = random.once_in(2);
    let (mut sends, mut arrives) = (Vec::new(), Vec::new());
    for _ in 0..=random.small(3) {
        let message = solve(random, (windows.server * FRAMES).min(100_000));
        sends.extend(prefixed(&message));
        let forced = [message, forced()].concat();
        arrives.extend(prefixed(&forced));
    }
    let path = if solves { SOLVE } else { STATUS };
    let arrives = if solves { arrives } else { sends.clone() };
    let response = random.small((windows.client * FRAMES).min(50_000));
    Call { path, sends, arrives, reset: random.once_in(8), response }
}

/// Returns a message with a frontend and an option of up to `most` bytes.
fn solve(random: &mut Random, most: usize) -> Vec<u8> {
    let mut message = field(2, b"dockerfile.v0");
    let value = vec![b'v'; random.small(most)];
    message.extend(field(3, &[field(1, b"build-arg:X"), field(2, &value)].concat()));
    message
}

/// Returns the forced values as entries of field 3.
fn forced() -> Vec<u8> {
    let profile = profile();
    let labels = profile
        .inject
        .image_labels()
        .iter()
        .map(|label| (format!("label:{}", label.key), label.value.clone()));
    let parent = profile.inject.build_cgroup_parent();
    let parent = parent.map(|parent| ("cgroup-parent".to_owned(), parent.to_owned()));
    let entry = |(key, value): (String, String)| {
        field(3, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
    };
    labels.chain(parent).flat_map(entry).collect()
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 0x7f {
        field.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    field.push(length.to_le_bytes()[0]);
    field.extend(bytes);
    field
}

fn prefixed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// The core between two streams.
struct Proxy {
    session: Session,
    client: DuplexStream,
    daemon: DuplexStream,
    random: Random,
    /// The server has got bytes. Docker's server sends nothing before that.
    begun: bool,
}

impl Proxy {
    /// Moves bytes as long as possible; ready when the core wants to be dropped.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { session, client, daemon, random, begun } = self;
        loop {
            loop {
                match session.advance(Instant::now()) {
                    Step::Wait => break,
                    Step::Close => return Poll::Ready(()),
                    // Printed if the test fails.
                    Step::Report(outcome) => eprintln!("{outcome:?}"),
                    Step::Warn(..) => {}
                    step @ (Step::Dial | Step::Hangup | Step::Ask(_) | Step::Answer(_)) => {
                        panic!("{step:?}")
                    }
                }
            }
            let mut moved = flush(session.up(), daemon, random, context);
            *begun |= moved;
            moved |= flush(session.down(), client, random, context);
            let limit = session.up_limit();
            moved |= match fill(session.up(), limit, client, random, context) {
                Filled::End => {
                    session.client_ended();
                    true
                }
                filled => filled == Filled::Some,
            };
            let limit = if *begun { session.down_limit() } else { 0 };
            moved |= match fill(session.down(), limit, daemon, random, context) {
                Filled::End => {
                    session.daemon_ended();
                    true
                }
                filled => filled == Filled::Some,
            };
            if !moved {
                return Poll::Pending;
            }
        }
    }
}

#[derive(PartialEq)]
enum Filled {
    Nothing,
    Some,
    End,
}

fn fill(
    lane: &mut Lane,
    limit: usize,
    from: &mut DuplexStream,
    random: &mut Random,
    context: &mut Context<'_>,
) -> Filled {
    let room = lane.room(limit);
    if room.is_empty() {
        return Filled::Nothing;
    }
    let most = room.len().min(1 + random.small(20_000));
    let mut buffer = ReadBuf::new(&mut room[..most]);
    match Pin::new(from).poll_read(context, &mut buffer) {
        Poll::Pending => Filled::Nothing,
        Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
            let n = buffer.filled().len();
            lane.received(n);
            Filled::Some
        }
        Poll::Ready(_) => Filled::End,
    }
}

fn flush(
    lane: &mut Lane,
    to: &mut DuplexStream,
    random: &mut Random,
    context: &mut Context<'_>,
) -> bool {
    let leaving = lane.leaving();
    if leaving.is_empty() {
        if lane.to_finish() {
            let _ = Pin::new(to).poll_shutdown(context);
            lane.finished();
            return true;
        }
        return false;
    }
    let most = leaving.len().min(1 + random.small(20_000));
    match Pin::new(to).poll_write(context, &leaving[..most]) {
        Poll::Ready(Ok(n)) => {
            lane.left(n);
            true
        }
        Poll::Ready(Err(_)) => {
            lane.sink_broke();
            true
        }
        Poll::Pending => false,
    }
}

/// Sends `bytes` in pieces, as the window allows.
async fn send(stream: &mut SendStream<Bytes>, mut bytes: &[u8], random: &mut Random) -> Option<()> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len().min(1 + random.small(20_000)));
        let room = poll_fn(|context| stream.poll_capacity(context)).await?.ok()?;
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        bytes = later;
        let ends = later.is_empty() && random.once_in(2);
        stream.send_data(Bytes::copy_from_slice(now), ends).ok()?;
        if ends {
            return Some(());
        }
    }
    stream.send_data(Bytes::new(), true).ok()
}

/// Reads a body, and updates the window now or later.
async fn receive(body: &mut RecvStream, random: &mut Random) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        bytes.extend_from_slice(&piece);
        if random.once_in(3) {
            tokio::task::yield_now().await;
        }
        body.flow_control().release_capacity(piece.len()).ok()?;
    }
    Some(bytes)
}

async fn serve(
    io: DuplexStream,
    mut random: Random,
    window: usize,
    responses: Vec<usize>,
    got: Bodies,
) {
    let mut server = h2::server::Builder::new();
    server.initial_window_size(u32::try_from(window).unwrap());
    server.max_frame_size(16_384 + u32::try_from(random.small(100_000)).unwrap());
    let mut connection = server.handshake::<_, Bytes>(io).await.unwrap();
    while let Some(request) = connection.accept().await {
        let (request, mut respond) = request.unwrap();
        let mut random = Random::new(random.next() >> 1);
        let (got, responses) = (Rc::clone(&got), responses.clone());
        spawn_local(async move {
            let number: usize = request.headers()["number"].to_str().unwrap().parse().unwrap();
            let Some(bytes) = receive(&mut request.into_body(), &mut random).await else { return };
            got.borrow_mut().insert(number, bytes);
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            send(&mut stream, &vec![b'r'; responses[number]], &mut random).await;
        });
    }
}

/// Makes a call, which must be answered.
async fn make(
    call: Call,
    number: usize,
    sender: h2::client::SendRequest<Bytes>,
    mut random: Random,
) {
    let request = Request::post(format!("http://d{}", call.path))
        .header("content-type", "application/grpc")
        .header("number", number)
        .body(())
        .unwrap();
    let mut sender = sender.ready().await.unwrap();
    let (response, mut stream) = sender.send_request(request, false).unwrap();
    if call.reset {
        let part = random.below(call.sends.len());
        // A window update of 0 is never sent.
        let half = random.once_in(2) && part > 0;
        stream.reserve_capacity(part);
        if half && poll_fn(|context| stream.poll_capacity(context)).await.is_some() {
            let now = stream.capacity().min(part);
            let _ = stream.send_data(Bytes::copy_from_slice(&call.sends[..now]), false);
            tokio::task::yield_now().await;
        }
        return stream.send_reset(h2::Reason::CANCEL);
    }
    assert_eq!(send(&mut stream, &call.sends, &mut random).await, Some(()));
    let mut body = response.await.unwrap().into_body();
    let bytes = receive(&mut body, &mut random).await.unwrap();
    assert_eq!(bytes.len(), call.response);
}

async fn converse(random: &mut Random) {
    let mut window = || 1 + random.small(100_000);
    let windows = Windows { client: window(), server: window() };
    let calls: Vec<Call> = (0..=random.below(30)).map(|_| call(random, windows)).collect();
    let wanted: BTreeMap<usize, Vec<u8>> = calls
        .iter()
        .enumerate()
        .filter(|(_, call)| !call.reset)
        .map(|(number, call)| (number, call.arrives.clone()))
        .collect();
    let resets: Vec<usize> = (0..calls.len()).filter(|number| calls[*number].reset).collect();
    let responses = calls.iter().map(|call| call.response).collect();
    let got = Bodies::default();
    let mut fork = || Random::new(random.next() >> 1);

    // More than all bytes of a test: h2 reads nothing while it cannot write, so two of them would stall even
    // without the core when both pipes are full.
    let (client_end, client) = duplex(1 << 25);
    let (daemon_end, daemon) = duplex(1 << 25);
    let settings = ListenerSettings { profile: profile(), ..ListenerSettings::default() };
    let mut session = Session::new(Rc::new(settings));
    session.connected();
    let mut proxy = Proxy { session, client, daemon, random: fork(), begun: false };
    spawn_local(async move { poll_fn(|context| proxy.poll(context)).await });
    spawn_local(serve(daemon_end, fork(), windows.server, responses, Rc::clone(&got)));

    let mut client = h2::client::Builder::new();
    client.initial_window_size(u32::try_from(windows.client).unwrap());
    let (sender, connection) = client.handshake::<_, Bytes>(client_end).await.unwrap();
    let connection = spawn_local(connection);
    let made: Vec<_> = calls
        .into_iter()
        .enumerate()
        .map(|(number, call)| spawn_local(make(call, number, sender.clone(), fork())))
        .collect();
    for made in made {
        made.await.unwrap();
    }
    drop(sender);
    connection.await.unwrap().unwrap();
    got.borrow_mut().retain(|number, _| !resets.contains(number));
    assert!(*got.borrow() == wanted, "other bodies");
}

#[test]
fn calls_arrive_whole_and_labelled_however_small_the_windows_are() {
    check(40, |random| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let conversation = async { timeout(Duration::from_mins(5), converse(random)).await };
        LocalSet::new().block_on(&runtime, conversation).expect("it stalls");
    });
}
