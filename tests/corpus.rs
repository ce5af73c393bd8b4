//! Plays recordings of real clients and daemons through the core. The core must be invisible: every byte, every
//! end and their order are as recorded, except for requests that create something.

#![allow(clippy::panic, clippy::indexing_slicing)] // a test may fail so

mod support;

use std::fs;

use support::corpus::{Connection, Ending, Side, Turn, all, shown};
use support::judge;
use support::player::{End, Pace, Player};
use support::random::{Random, check};

/// How bytes reach the core and leave it.
enum Way<'r> {
    /// Each write of the recording at once, with these sizes of reads and writes.
    Even(Pace),
    /// Split anywhere, through sockets that accept much, little or nothing for a while.
    Random(&'r mut Random),
}

impl Way<'_> {
    fn pace(&self) -> Pace {
        match self {
            Self::Even(pace) => *pace,
            Self::Random(_) => Pace::WHOLE,
        }
    }

    fn send(&mut self, player: &mut Player, by: Side, piece: &[u8]) {
        let Self::Random(random) = self else {
            end_of(player, by).sends.extend(piece);
            return player.settle();
        };
        // Long pieces are not split into single bytes, which would take too long.
        let unit = piece.len() / 1024 + 1;
        let mut rest = piece;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(unit * (1 + random.small(1024))));
            end_of(player, by).sends.extend(now);
            player.pace = Pace {
                read: unit * random.small(1024),
                write: unit * random.small(1024),
                ..Pace::WHOLE
            };
            player.settle();
            rest = later;
        }
        player.pace = Pace {
            read: unit * (1 + random.small(1024)),
            write: unit * (1 + random.small(1024)),
            ..Pace::WHOLE
        };
        player.settle();
    }
}

fn end_of(player: &mut Player, side: Side) -> &mut End {
    match side {
        Side::Client => &mut player.client,
        Side::Daemon => &mut player.daemon,
    }
}

/// A connection that is being played, and the expected bytes so far.
struct Play {
    player: Player,
    client: Wanted,
    daemon: Wanted,
}

/// Expected bytes and end of one side.
#[derive(Default)]
struct Wanted {
    bytes: Vec<u8>,
    /// The end of this side itself.
    ended: Option<Ending>,
}

/// Plays a connection up to the first difference. The daemon never sends before it has got the same bytes as in
/// the recording; otherwise the play ends there.
fn play(connection: &Connection, way: &mut Way<'_>) -> Result<(), String> {
    let mut player = Player::new(way.pace());
    player.answers_questions = true;
    let mut play = Play { player, client: Wanted::default(), daemon: Wanted::default() };
    play.player.settle();
    for (at, turn) in connection.turns.iter().enumerate() {
        let told = |error| format!("{connection}, turn {at}: {error}");
        let passes = turn.passes();
        for piece in &turn.pieces {
            way.send(&mut play.player, turn.by, piece);
            if passes {
                play.wanted_of(other(turn.by)).bytes.extend(piece);
                play.compare(Some(turn.by)).map_err(told)?;
            }
        }
        if !passes {
            let (daemon_gets, client_gets) = turn.arrives();
            play.daemon.bytes.extend(daemon_gets);
            play.client.bytes.extend(client_gets);
        }
        play.compare(None).map_err(told)?;
        if let Some(ending) = turn.end {
            play.end(turn.by, ending);
            play.compare(None).map_err(told)?;
        }
    }
    Ok(())
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Daemon,
        Side::Daemon => Side::Client,
    }
}

impl Play {
    fn wanted_of(&mut self, side: Side) -> &mut Wanted {
        match side {
            Side::Client => &mut self.client,
            Side::Daemon => &mut self.daemon,
        }
    }

    fn end(&mut self, by: Side, ending: Ending) {
        self.wanted_of(by).ended = Some(ending);
        match (by, ending) {
            (_, Ending::Half) => end_of(&mut self.player, by).ends = true,
            (Side::Client, Ending::Gone) => self.player.client_gone(),
            (Side::Daemon, Ending::Gone) => self.player.daemon_gone(),
        }
        self.player.settle();
    }

    /// Compares the bytes of both sides. While `speaking` is still sending, the start of a head may be missing at
    /// the other side.
    fn compare(&self, speaking: Option<Side>) -> Result<(), String> {
        let partly = |side| speaking == Some(other(side));
        self.daemon
            .compare(&self.player.daemon, self.client.ended, partly(Side::Daemon))
            .map_err(|error| format!("the daemon {error}"))?;
        self.client
            .compare(&self.player.client, self.daemon.ended, partly(Side::Client))
            .map_err(|error| format!("the client {error}"))
    }
}

impl Wanted {
    fn compare(&self, end: &End, other: Option<Ending>, partly: bool) -> Result<(), String> {
        let (missing, more) = behind_the_same(&self.bytes, &end.got);
        let to_come = partly && more.is_empty() && is_start_of_head(missing);
        if !missing.is_empty() && !to_come {
            let at = self.bytes.len() - missing.len();
            return Err(format!(
                "has at {at}\n  {}\n  and should have\n  {}",
                shown(more),
                shown(missing)
            ));
        }
        let closed = matches!(more, b"<closed>" | b"<end><closed>");
        match (more, self.ended, other) {
            // The connection of a side is closed once the other side has gone.
            (_, None | Some(Ending::Half), Some(Ending::Gone)) if !closed => {
                Err("was not told that the other is gone".to_owned())
            }
            (b"", None | Some(Ending::Half), Some(_)) => Err("was not told of the end".to_owned()),
            (b"", ..) => Ok(()),
            // A side that has ended may be closed before the other ends, if nothing is outstanding.
            (b"<end>", ..) if self.ended.is_some() || other.is_some() => Ok(()),
            _ if closed && (self.ended.is_some() || other.is_some()) => Ok(()),
            _ => Err(format!("has got too much: {}", shown(more))),
        }
    }
}

/// Removes the common prefix of both.
fn behind_the_same<'a>(one: &'a [u8], two: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    if let Some(more) = two.strip_prefix(one) {
        return (&[], more); // much faster than byte by byte
    }
    let same = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    (&one[same..], &two[same..])
}

fn is_start_of_head(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/1.") && !bytes.windows(4).any(|four| four == b"\r\n\r\n")
}

/// Plays all connections at one pace, and reports all failures.
fn play_all(pace: impl Fn(&Connection) -> Pace) {
    let mut failures = Vec::new();
    for connection in all().iter().flat_map(|recording| &recording.connections) {
        failures.extend(play(connection, &mut Way::Even(pace(connection))).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the size of a piece: one byte, or a few for a long connection.
fn crumb(connection: &Connection) -> usize {
    connection.length() / 50_000 + 1
}

#[test]
fn whole() {
    play_all(|_| Pace::WHOLE);
}

#[test]
fn past_the_inboxes() {
    play_all(|_| Pace::PAST);
}

#[test]
fn byte_by_byte() {
    play_all(|one| Pace { read: crumb(one), write: usize::MAX, ..Pace::WHOLE });
}

#[test]
fn into_sockets_that_take_one_byte_at_a_time() {
    play_all(|one| Pace { read: usize::MAX, write: crumb(one), ..Pace::WHOLE });
}

#[test]
fn cut_anywhere_through_moody_sockets() {
    let recordings = all();
    check(5, |random| {
        for connection in recordings.iter().flat_map(|recording| &recording.connections) {
            play(connection, &mut Way::Random(random)).unwrap_or_else(|error| panic!("{error}"));
        }
    });
}

/// The program itself wrote the expectations in the corpus; this test reviews them.
#[test]
fn what_creates_carries_what_is_forced_and_nothing_else_is_changed() {
    let mut judged = 0;
    for connection in all().iter().flat_map(|recording| &recording.connections) {
        let mut written = Vec::new();
        for turn in connection.turns.iter().filter(|turn| turn.by == Side::Client) {
            written.extend(turn.written());
            if turn.daemon_gets.as_ref().is_some_and(Vec::is_empty) {
                continue; // the request goes on in the next turn
            }
            match &turn.daemon_gets {
                Some(edited) => {
                    judged += 1;
                    judge::judge(&written, edited)
                        .unwrap_or_else(|error| panic!("{connection}: {error}"));
                }
                None => assert!(!judge::creates(&written), "{connection} passes a create"),
            }
            written.clear();
        }
    }
    assert!(judged > 50, "only {judged}");
}

/// Returns the bytes that the other side gets in each turn.
fn other_got(connection: &Connection) -> Vec<Vec<u8>> {
    let mut player = Player::new(Pace::WHOLE);
    player.answers_questions = true;
    let mut play = Play { player, client: Wanted::default(), daemon: Wanted::default() };
    let mut way = Way::Even(Pace::WHOLE);
    let turn = |turn: &Turn| {
        let before = end_of(&mut play.player, other(turn.by)).got.len();
        for piece in &turn.pieces {
            way.send(&mut play.player, turn.by, piece);
        }
        let got = end_of(&mut play.player, other(turn.by)).got[before..].to_vec();
        if let Some(ending) = turn.end {
            play.end(turn.by, ending);
        }
        got
    };
    connection.turns.iter().map(turn).collect()
}

/// Run after a change of the forced values: `git diff` then shows its effect on real clients.
#[test]
#[ignore = "writes into tests/corpus"]
fn write_expectations() {
    for recording in all() {
        fs::write(&recording.path, recording.with_expectations(other_got)).unwrap();
    }
}
