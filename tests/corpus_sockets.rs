//! Plays what real clients and real daemons said to each other through the built program, over
//! real sockets. Every write is awaited at the other side before the next one is made, so what is
//! held back or lost shows as a deadline that passes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may fail so

// Not in `support`: it needs the built program, which fuzz targets and benches do not have.
#[path = "support/process.rs"]
mod process;
mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

use process::Process;
use support::corpus::{Connection, Ending, Recording, Side, Turn, all, shown};
use support::errands;

/// The two ends of a connection; `None` for one that is gone.
struct Ends {
    client: Option<UnixStream>,
    daemon: Option<UnixStream>,
    /// What was written to an end that may not have come to it yet: the start of a head.
    held: Vec<u8>,
}

/// Proxies that run at once, each with a share of the recordings.
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

/// Plays connections one after another up to the first that fails, for each failure takes time.
fn play_all(recordings: &[Recording]) -> Option<String> {
    let proxy = Process::start();
    let mut connections = recordings.iter().flat_map(|recording| &recording.connections);
    connections.find_map(|connection| play(connection, &proxy).err())
}

/// Plays a connection up to the first thing that is not as recorded.
fn play(connection: &Connection, proxy: &Process) -> Result<(), String> {
    let (client, daemon) = proxy.connect();
    let mut ends = Ends { client: Some(client), daemon: Some(daemon), held: Vec::new() };
    for (at, turn) in connection.turns.iter().enumerate() {
        ends.play(turn).map_err(|error| format!("{connection}, turn {at}: {error}"))?;
    }
    ends.close().map_err(|error| format!("{connection}, at the end: {error}"))
}

impl Ends {
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

    /// What one side writes comes to the other as it is. A head comes when it is complete.
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
        thread::scope(|scope| {
            // On its own thread, since more may be written than all buffers on the way hold.
            let writer = scope.spawn(|| write(from, piece));
            read(to, &wanted, by)?;
            writer.join().unwrap()
        })
    }

    /// The client's writes come to the daemon changed, or are answered by the proxy.
    fn change(&mut self, turn: &Turn) -> Result<(), String> {
        let (Some(client), Some(daemon)) = (&self.client, &self.daemon) else {
            return Err("a side is gone".to_owned());
        };
        let (daemon_gets, client_gets) = turn.arrives();
        thread::scope(|scope| {
            let writer = scope.spawn(|| turn.pieces.iter().try_for_each(|one| write(client, one)));
            read(client, &client_gets, Side::Daemon)?;
            read_created(daemon, &daemon_gets)?;
            writer.join().unwrap()
        })
    }

    fn end(&mut self, by: Side, ending: Ending) -> Result<(), String> {
        let (own, other) = match by {
            Side::Client => (&mut self.client, &self.daemon),
            Side::Daemon => (&mut self.daemon, &self.client),
        };
        if ending == Ending::Gone {
            *own = None;
        } else if let Some(own) = own {
            // Fails where the proxy has closed already, as it may behind the other's end.
            let _ = own.shutdown(Shutdown::Write);
        }
        other.as_ref().map_or(Ok(()), |other| read_end(other, by))
    }

    /// When the one has ended and read all, so must the other.
    fn close(self) -> Result<(), String> {
        if let Some(client) = &self.client {
            let _ = client.shutdown(Shutdown::Write);
        }
        if let Some(daemon) = &self.daemon {
            read_end(daemon, Side::Client)?;
            let _ = daemon.shutdown(Shutdown::Write);
        }
        self.client.as_ref().map_or(Ok(()), |client| read_end(client, Side::Daemon))
    }
}

fn write(mut to: &UnixStream, bytes: &[u8]) -> Result<(), String> {
    to.write_all(bytes).map_err(|error| format!("cannot write: {error}"))
}

/// Reads what came from `from`: exactly that, before the deadline.
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

/// Reads a creating request; what the proxy asks before it is answered.
fn read_created(mut stream: &UnixStream, wanted: &[u8]) -> Result<(), String> {
    let mut got = Vec::new();
    let mut piece = [0; 16 * 1024];
    while got.len() < wanted.len() || errands::answer(&got).is_some() {
        if let Some((begin, answer)) = errands::answer(&got) {
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

/// Nothing more comes from `from`, and it has ended.
fn read_end(mut stream: &UnixStream, from: Side) -> Result<(), String> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(0) => Ok(()),
        Ok(_) => Err(format!("too much from the {from:?}: {}", shown(&rest))),
        Err(error) => Err(format!("no end from the {from:?}: {error}")),
    }
}
