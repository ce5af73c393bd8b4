//! Plays the transcripts through the core: whole, byte by byte, cut at every place, and with
//! sockets that take one byte at a time. The result must be the same.

#![allow(clippy::panic)] // a test may fail so

mod support;

use support::player::{Pace, Player};
use support::transcript::{Line, Transcript, What, all};

/// Where the bytes that are sent in a transcript are cut in two, counted through the transcript.
type Cut = Option<usize>;

/// Plays a transcript up to the first thing that is not as expected.
fn play(transcript: &Transcript, pace: Pace, cut: Cut) -> Result<(), String> {
    let mut player = Player::new(pace);
    let (mut client_got, mut daemon_got) = (Vec::new(), Vec::new());
    let (mut sent, mut expects) = (0, false);
    player.settle();
    for (line, what) in &transcript.lines {
        let sends = matches!(line, Line::ClientSends | Line::DaemonSends);
        if sends && expects {
            compare(transcript, &player, &client_got, &daemon_got, cut)?;
        }
        expects = !sends;
        match (line, what) {
            (Line::ClientGot, what) => client_got.extend(written(what)),
            (Line::DaemonGot, what) => daemon_got.extend(written(what)),
            (_, What::Mark(mark)) => act(&mut player, *line, mark),
            (_, What::Bytes(bytes)) => {
                let at = cut.and_then(|cut| cut.checked_sub(sent));
                send(&mut player, *line, bytes, at);
                sent += bytes.len();
            }
        }
        player.settle();
    }
    compare(transcript, &player, &client_got, &daemon_got, cut)
}

fn send(player: &mut Player, line: Line, bytes: &[u8], cut: Cut) {
    let cut = cut.filter(|at| *at < bytes.len()).unwrap_or(0);
    let (first, second) = bytes.split_at(cut);
    for piece in [first, second] {
        let end = match line {
            Line::ClientSends => &mut player.client,
            _ => &mut player.daemon,
        };
        end.sends.extend(piece);
        player.settle();
    }
}

fn act(player: &mut Player, line: Line, mark: &str) {
    match (line, mark) {
        (Line::ClientSends, "end") => player.client.ends = true,
        (Line::ClientSends, "gone") => player.client_gone(),
        (Line::DaemonSends, "end") => player.daemon.ends = true,
        (Line::DaemonSends, "gone") => player.daemon_gone(),
        (Line::DaemonSends, "away") => player.daemon_is_up = false,
        other => panic!("{other:?} means nothing"),
    }
}

fn written(what: &What) -> Vec<u8> {
    match what {
        What::Bytes(bytes) => bytes.clone(),
        What::Mark(mark) => format!("<{mark}>").into_bytes(),
    }
}

fn compare(
    transcript: &Transcript,
    player: &Player,
    client: &[u8],
    daemon: &[u8],
    cut: Cut,
) -> Result<(), String> {
    for (who, got, wanted) in
        [("client", &player.client.got, client), ("daemon", &player.daemon.got, daemon)]
    {
        if got != wanted {
            let (path, got, wanted) = (&transcript.path, got.escape_ascii(), wanted.escape_ascii());
            let path = path.display();
            return Err(format!(
                "{path}, cut at {cut:?}\n  the {who} got        {got}\n  and should have {wanted}\n"
            ));
        }
    }
    Ok(())
}

/// Plays all transcripts in one way, and tells of all that fail.
fn play_all(way: impl Fn(&Transcript) -> Result<(), String>) {
    let failures: Vec<String> = all().iter().filter_map(|page| way(page).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whole() {
    play_all(|page| play(page, Pace::WHOLE, None));
}

/// One byte at a time, or few where a page has very many.
fn crumb(page: &Transcript) -> usize {
    if page.length() < 50_000 { 1 } else { 61 }
}

#[test]
fn byte_by_byte() {
    play_all(|page| play(page, Pace { read: crumb(page), write: usize::MAX, ..Pace::WHOLE }, None));
}

#[test]
fn into_sockets_that_take_one_byte_at_a_time() {
    play_all(|page| play(page, Pace { read: usize::MAX, write: crumb(page), ..Pace::WHOLE }, None));
    play_all(|page| {
        play(page, Pace { read: crumb(page), write: crumb(page), ..Pace::WHOLE }, None)
    });
}

#[test]
fn past_the_inboxes() {
    play_all(|page| play(page, Pace::PAST, None));
    play_all(|page| play(page, Pace { read: crumb(page), write: crumb(page), ..Pace::PAST }, None));
}

#[test]
fn cut_at_every_place() {
    play_all(|page| {
        // Long ones are cut at some places only.
        let most = if page.length() < 50_000 { 500 } else { 40 };
        let step = (page.length() / most).max(1) | 1;
        for cut in (0..page.length()).step_by(step) {
            play(page, Pace::WHOLE, Some(cut))?;
            play(page, Pace::PAST, Some(cut))?;
        }
        Ok(())
    });
}
