//! Actions of clients, complete or abandoned.

use std::os::unix::net::UnixStream;
use std::path::Path;

use super::daemon::{CREATED, NOISE, chunked, crashed, sized};
use super::ends::End;
use super::lab::{ATTACH, PING, PONG, UPGRADED};
use super::random::Random;

const SIZES: usize = 300_000;

/// One action of a client, on its own connection.
type Visit = fn(End, &mut Random);

const VISITS: &[Visit] = &[
    pings,
    pings,
    creates,
    creates,
    expects,
    streams,
    downloads,
    uploads,
    tunnels,
    is_refused,
    sees_a_crash,
    goes_away,
    goes_away,
];

/// Performs a random action with the proxy at `listen`.
pub(crate) fn visit(listen: &Path, random: &mut Random) {
    let client = End::new(UnixStream::connect(listen).unwrap());
    random.pick(VISITS)(client, random);
}

pub(crate) fn ping(client: &mut End) {
    client.sends(PING);
    client.gets(PONG);
}

/// Keep-alive, sometimes pipelined.
fn pings(mut client: End, random: &mut Random) {
    for _ in 0..random.below(20) {
        let times = 1 + random.small(5);
        client.sends(PING.repeat(times));
        client.gets(PONG.repeat(times));
    }
}

fn creates(mut client: End, random: &mut Random) {
    for _ in 0..=random.below(3) {
        client.sends(create(random));
        client.gets(CREATED);
    }
}

/// Returns a creating request, with a length or in chunks.
fn create(random: &mut Random) -> Vec<u8> {
    let path = random.pick(&["/containers/create", "/volumes/create"]);
    let body = create_body(random);
    if random.once_in(2) {
        let head = format!("POST {path} HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n");
        return [head.as_bytes(), &in_chunks(body.as_bytes(), random)].concat();
    }
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}").into()
}

fn create_body(random: &mut Random) -> String {
    format!(r#"{{"Image":"x","Env":["LONG={}"]}}"#, "y".repeat(random.small(SIZES)))
}

fn in_chunks(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut chunks = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(1 + random.small(rest.len()));
        chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
        rest = behind;
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}

/// Sends the body of a create only when it is asked for.
fn expects(mut client: End, random: &mut Random) {
    expects_with(&mut client, &create_body(random));
}

pub(crate) fn expects_with(client: &mut End, body: &str) {
    let length = body.len();
    client.sends(format!(
        "POST /volumes/create HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\n\
         Content-Length: {length}\r\n\r\n"
    ));
    client.gets("HTTP/1.1 100 Continue\r\n\r\n");
    client.sends(body);
    client.gets(CREATED);
}

fn streams(mut client: End, random: &mut Random) {
    let count = random.below(30);
    client.sends(format!("GET /containers/x/logs?n={count} HTTP/1.1\r\nHost: d\r\n\r\n"));
    client.gets(chunked(count));
    ping(&mut client);
}

fn downloads(mut client: End, random: &mut Random) {
    let size = random.small(SIZES);
    client.sends(download(size));
    client.gets(sized(&NOISE[..size]));
    ping(&mut client);
}

pub(crate) fn download(size: usize) -> String {
    format!("GET /images/get?n={size} HTTP/1.1\r\nHost: d\r\n\r\n")
}

fn uploads(mut client: End, random: &mut Random) {
    let body = &NOISE[..random.small(SIZES)];
    if random.once_in(2) {
        client.sends(upload(body));
    } else {
        let size = body.len();
        let head = format!("POST /images/load?n={size} HTTP/1.1\r\nHost: d\r\n");
        client.sends(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
        client.sends(in_chunks(body, random));
    }
    client.gets(PONG);
    ping(&mut client);
}

pub(crate) fn upload(body: &[u8]) -> Vec<u8> {
    let size = body.len();
    let head = format!("POST /images/load?n={size} HTTP/1.1\r\nHost: d\r\n");
    [format!("{head}Content-Length: {size}\r\n\r\n").as_bytes(), body].concat()
}

fn tunnels(mut client: End, random: &mut Random) {
    client.sends(ATTACH);
    client.gets(UPGRADED);
    for _ in 0..random.below(10) {
        // Less than the sockets hold, since the daemon answers during the write.
        let piece = &NOISE[..random.small(50_000)];
        client.sends(piece);
        client.gets(piece);
    }
    client.half_closes();
    client.gets_end();
}

fn is_refused(mut client: End, random: &mut Random) {
    let (request, status) = random.pick(&[
        ("nonsense\r\n\r\n", "400"),
        ("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n[]", "400"),
        ("POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 99999999\r\n\r\n", "413"),
    ]);
    client.sends(request);
    let head = client.gets_head();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    client.gets_rest();
}

fn sees_a_crash(mut client: End, random: &mut Random) {
    let size = 1 + random.small(SIZES);
    client.sends(format!("GET /containers/x/crash?n={size} HTTP/1.1\r\nHost: d\r\n\r\n"));
    client.gets(crashed(size));
    client.gets_end();
}

/// Disconnects within a request or its answer.
fn goes_away(mut client: End, random: &mut Random) {
    let size = random.small(SIZES);
    let request = match random.below(5) {
        0 => download(size).into(),
        1 => upload(&NOISE[..size]),
        2 => create(random),
        3 => b"GET /containers/x/logs?n=50 HTTP/1.1\r\nHost: d\r\n\r\n".to_vec(),
        _ => [ATTACH.as_bytes(), &NOISE[..1000]].concat(),
    };
    let sent = if random.once_in(2) { request.len() } else { random.below(request.len()) };
    client.sends(&request[..sent]);
    if sent == request.len() && random.once_in(2) {
        client.gets("HTTP/1.1 ");
    }
}
