//! Plays recordings of real clients and daemons through the built program, over real sockets. Each write must
//! arrive at the other side before the next one, so delayed or lost bytes exceed a deadline.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail so

// Not in `support`, since it needs the built program, which fuzz targets and benches do not have.
#[path = "support/process.rs"]
mod process;
mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use process::Process;
use support::corpus::{Connection, Ending, Recording, Side, Turn, all, shown};
use support::questions;

/// The two ends of a connection; `None` for a closed one.
struct Ends<'p> {
    proxy: &'p Process,
    client: Option<UnixStream>,
    daemon: Option<UnixStream>,
    /// Written bytes that may not arrive yet: the start of a head.
    held: Vec<u8>,
}

/// Number of simultaneous proxies, each with a share of the recordings.
const PROXIES: usize = 4;

#[test]
fn real_sockets_pass_what_was_recorded() {
    let recordings = all();
    let share = recordings.len().div_ceil(PROXIES);
    let failures: Vec<String> = thread::scope(|scope| {
        let players: Vec<_> =
            recordings.chunks(share).map(|share| scope.spawn(|| play_all(share))).collect();
        players.into_iter().filter_map(|player| player.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Plays connections in turn up to the first failure, since each failure takes time.
fn play_all(recordings: &[Recording]) -> Option<String> {
    let proxy = Process::start();
    let mut connections = recordings.iter().flat_map(|recording| &recording.connections);
    connections.find_map(|connection| play(connection, &proxy).err())
}

/// Plays a connection up to the first difference.
fn play(connection: &Connection, proxy: &Process) -> Result<(), String> {
    let (client, daemon) = proxy.connect();
    let mut ends = Ends { proxy, client: Some(client), daemon: Some(daemon), held: Vec::new() };
    for (at, turn) in connection.turns.iter().enumerate() {
        ends.play(turn).map_err(|error| format!("{connection}, turn {at}: {error}"))?;
    }
    ends.close().map_err(|error| format!("{connection}, at the end: {error}"))
}

impl Ends<'_> {
    fn play(&mut self, turn: &Turn) -> Result<(), String> {
        if turn.passes() {
            for piece in &turn.pieces {
                self.pass(turn.by, piece)?;
            }
        } else {
            self.change(turn)?;
        }
        if !self.held.is_empty() {
            return Err(format!("ends inside the head {}", shown(&self.held)));
        }
        match turn.end {
            Some(ending) => self.end(turn.by, ending),
            None => Ok(()),
        }
    }

    /// Passes bytes that must arrive unchanged. A head arrives when it is complete.
    fn pass(&mut self, by: Side, piece: &[u8]) -> Result<(), String> {
        let (Some(client), Some(daemon)) = (&self.client, &self.daemon) else {
            return Err("a side is gone".to_owned());
        };
        let (from, to) = match by {
            Side::Client => (client, daemon),
            Side::Daemon => (daemon, client),
        };
        self.held.extend(piece);
        let begins_head = by == Side::Daemon && self.held.starts_with(b"HTTP/1.");
        if begins_head && !self.held.windows(4).any(|four| four == b"\r\n\r\n") {
            return write(from, piece);
        }
        let wanted = std::mem::take(&mut self.held);
        let instead = thread::scope(|scope| {
            // In a thread, since the bytes may exceed all buffers on the way.
            let writer = scope.spawn(|| write(from, piece));
            let instead = if by == Side::Client { self.proxy.after_events(to) } else { None };
            read(instead.as_ref().unwrap_or(to), &wanted, by)?;
            writer.join().unwrap().map(|()| instead)
        })?;
        self.use_instead(instead);
        Ok(())
    }

    /// Takes this connection for the daemon's, if the one before was that for events.
    fn use_instead(&mut self, instead: Option<UnixStream>) {
        if instead.is_some() {
            self.daemon = instead;
        }
    }

    /// Passes bytes that arrive changed, or that the proxy answers.
    fn change(&mut self, turn: &Turn) -> Result<(), String> {
        let (Some(client), Some(daemon)) = (&self.client, &self.daemon) else {
            return Err("a side is gone".to_owned());
        };
        let (daemon_gets, client_gets) = turn.arrives();
        let instead = thread::scope(|scope| {
            let from = if turn.by == Side::Client { client } else { daemon };
            let writer = scope.spawn(|| turn.pieces.iter().try_for_each(|one| write(from, one)));
            read(client, &client_gets, Side::Daemon)?;
            let reads = !daemon_gets.is_empty();
            let instead = if reads { self.proxy.after_events(daemon) } else { None };
            read_created(instead.as_ref().unwrap_or(daemon), &daemon_gets)?;
            writer.join().unwrap().map(|()| instead)
        })?;
        self.use_instead(instead);
        Ok(())
    }

    fn end(&mut self, by: Side, ending: Ending) -> Result<(), String> {
        let own = match by {
            Side::Client => &mut self.client,
            Side::Daemon => &mut self.daemon,
        };
        if ending == Ending::Gone {
            *own = None;
        } else if let Some(own) = own {
            // Fails if the proxy has already closed, as it may after the other side's end.
            let _ = own.shutdown(Shutdown::Write);
        }
        match by {
            Side::Client => self.read_end_at_daemon(),
            Side::Daemon => self.read_end_at_client(),
        }
    }

    fn read_end_at_client(&self) -> Result<(), String> {
        self.client.as_ref().map_or(Ok(()), |client| read_end(client, Side::Daemon))
    }

    fn read_end_at_daemon(&mut self) -> Result<(), String> {
        let Some(daemon) = &self.daemon else { return Ok(()) };
        self.use_instead(self.proxy.after_events(daemon));
        self.daemon.as_ref().map_or(Ok(()), |daemon| read_end(daemon, Side::Client))
    }

    /// Closes one end after it has read everything; the other must end, too.
    fn close(mut self) -> Result<(), String> {
        if let Some(client) = &self.client {
            let _ = client.shutdown(Shutdown::Write);
        }
        self.read_end_at_daemon()?;
        if let Some(daemon) = &self.daemon {
            let _ = daemon.shutdown(Shutdown::Write);
        }
        self.read_end_at_client()
    }
}

fn write(mut to: &UnixStream, bytes: &[u8]) -> Result<(), String> {
    to.write_all(bytes).map_err(|error| format!("cannot write: {error}"))
}

/// Reads exactly these bytes from `from`, before the deadline.
fn read(mut stream: &UnixStream, wanted: &[u8], from: Side) -> Result<(), String> {
    let mut got = vec![0; wanted.len()];
    stream
        .read_exact(&mut got)
        .map_err(|error| format!("did not come from the {from:?}: {error}\n  {}", shown(wanted)))?;
    let same = wanted.iter().zip(&got).take_while(|(one, two)| one == two).count();
    if same < wanted.len() {
        let (wanted, got) = (shown(&wanted[same..]), shown(&got[same..]));
        return Err(format!("from the {from:?} came at {same}\n  {got}\n  and not\n  {wanted}"));
    }
    Ok(())
}

/// Reads a creating request, and answers the proxy's questions before it.
fn read_created(mut stream: &UnixStream, wanted: &[u8]) -> Result<(), String> {
    let mut got = Vec::new();
    let mut piece = [0; 16 * 1024];
    while got.len() < wanted.len() || questions::answer(&got).is_some() {
        if let Some((begin, answer)) = questions::answer(&got) {
            got.truncate(begin);
            write(stream, &answer)?;
            continue;
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return Err(format!("has only got {}", shown(&got))),
            Ok(n) => got.extend(&piece[..n]),
        }
    }
    if got == wanted { Ok(()) } else { Err(format!("has got\n  {}", shown(&got))) }
}

/// Fails unless `from` ends without more bytes.
fn read_end(mut stream: &UnixStream, from: Side) -> Result<(), String> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(0) => Ok(()),
        Ok(_) => Err(format!("too much from the {from:?}: {}", shown(&rest))),
        Err(error) => Err(format!("no end from the {from:?}: {error}")),
    }
}
