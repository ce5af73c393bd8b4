//! A daemon with a thread for each connection. The request selects the response.
//!
//! A thread cannot fail a test, so an unexpected request gets a 500.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::LazyLock;
use std::thread;

use super::ends::noise;
use super::lab::{CHUNKED, PONG, UPGRADED};

/// The bytes of every body, up to this length.
pub(crate) static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(4 * 1024 * 1024));

pub(crate) const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
const BAD: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// The label that every create must contain.
const LABEL: &[u8] = br#""ci.job":"7""#;

/// Answers all connections, until the listener is shut down or the process ends.
pub(crate) fn answer_all(daemon: &UnixListener) {
    let daemon = daemon.try_clone().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = daemon.accept() {
            // Errors of clients that disconnect are ignored.
            thread::spawn(move || answer(&stream));
        }
    });
}

/// Answers the requests of one connection.
pub(crate) fn answer(mut stream: &UnixStream) -> io::Result<()> {
    let mut requests = BufReader::new(stream);
    while let Some(head) = read_head(&mut requests)? {
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/_ping" => stream.write_all(PONG.as_bytes())?,
            "/images/x/json" => {
                stream.write_all(&sized(br#"{"Os":"linux","Config":{"Volumes":null}}"#))?;
            }
            "/images/get" => stream.write_all(&sized(&NOISE[..number(query)]))?,
            "/images/load" => {
                let body = read_body(&head, &mut requests)?;
                let good = body == NOISE[..number(query)];
                stream.write_all(if good { PONG } else { BAD }.as_bytes())?;
            }
            "/containers/create" | "/volumes/create" => {
                let body = read_body(&head, &mut requests)?;
                let labelled = body.windows(LABEL.len()).any(|window| window == LABEL);
                let good = labelled && !head.contains("Expect");
                stream.write_all(if good { CREATED } else { BAD }.as_bytes())?;
            }
            "/containers/x/logs" => chunks(stream, number(query))?,
            // Like a daemon that crashes.
            "/containers/x/crash" => {
                stream.write_all(CHUNKED.as_bytes())?;
                chunk(stream, number(query))?;
                return stream.shutdown(Shutdown::Both);
            }
            "/containers/x/attach" => return echo(stream, &mut requests),
            _ => stream.write_all(BAD.as_bytes())?,
        }
    }
    Ok(())
}

/// Returns the number after `n=` in a query.
fn number(query: &str) -> usize {
    let (_, number) = query.rsplit_once("n=").unwrap_or_default();
    number.parse().unwrap_or_default()
}

fn read_head(requests: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if requests.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

fn read_body(head: &str, requests: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if let Some((_, length)) = head.split_once("Content-Length: ") {
        let length = length.lines().next().unwrap_or_default();
        body.resize(length.parse().unwrap_or_default(), 0);
        requests.read_exact(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut line = String::new();
        requests.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        requests.by_ref().take(size).read_to_end(&mut body)?;
        // The line end after the chunk.
        requests.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// Returns a response with `body`.
pub(crate) fn sized(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Sends the stream of `count` chunks that [`chunked`] returns.
fn chunks(mut stream: &UnixStream, count: usize) -> io::Result<()> {
    stream.write_all(CHUNKED.as_bytes())?;
    for number in 0..count {
        chunk(stream, chunk_size(number))?;
    }
    stream.write_all(b"0\r\n\r\n")
}

fn chunk(mut stream: &UnixStream, size: usize) -> io::Result<()> {
    stream.write_all(&one_chunk(size))
}

fn one_chunk(size: usize) -> Vec<u8> {
    [format!("{size:x}\r\n").as_bytes(), &NOISE[..size], b"\r\n"].concat()
}

/// Returns sizes of many magnitudes, never 0.
fn chunk_size(number: usize) -> usize {
    1 + number * 7919 % 20_011
}

/// Returns the bytes that a client gets of a stream of `count` chunks.
pub(crate) fn chunked(count: usize) -> Vec<u8> {
    let mut whole = CHUNKED.as_bytes().to_vec();
    for number in 0..count {
        whole.extend(one_chunk(chunk_size(number)));
    }
    whole.extend(b"0\r\n\r\n");
    whole
}

/// Returns the bytes that a client gets of a stream that breaks off.
pub(crate) fn crashed(size: usize) -> Vec<u8> {
    [CHUNKED.as_bytes(), &one_chunk(size)].concat()
}

/// Echoes the bytes of a tunnel, and ends when the client does.
fn echo(mut stream: &UnixStream, heard: &mut impl BufRead) -> io::Result<()> {
    stream.write_all(UPGRADED.as_bytes())?;
    loop {
        let piece = heard.fill_buf()?;
        if piece.is_empty() {
            return stream.shutdown(Shutdown::Write);
        }
        stream.write_all(piece)?;
        let length = piece.len();
        heard.consume(length);
    }
}
