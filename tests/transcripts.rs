//! Plays the transcripts through the core: whole, byte by byte, split at every place, with sockets that accept
//! one byte at a time, and with ends that come before the last bytes have been forwarded. The result must be
//! the same.

#![allow(clippy::panic)] // a test may fail so

mod support;

use std::path::Path;

use dockerd_ci_proxy::config::policy::named;
use dockerd_ci_proxy::engine::shapes::Place;
use dockerd_ci_proxy::rules::buildkit::Store;
use dockerd_ci_proxy::rules::caller::Caller;
use dockerd_ci_proxy::rules::paths::PathRules;
use dockerd_ci_proxy::rules::{Inject, Label, Reason, Refusal};
use support::player::{Pace, Player, profile};
use support::transcript::{Line, Transcript, What, all};

/// Position, in all sent bytes of a transcript, at which they are split.
type Cut = Option<usize>;

/// Parameters of a play.
#[derive(Debug, Clone, Copy)]
struct Way {
    pace: Pace,
    cut: Cut,
    /// The last bytes of a side are still in transit when it ends.
    ends_in_haste: bool,
}

impl Way {
    const WHOLE: Self = Self { pace: Pace::WHOLE, cut: None, ends_in_haste: false };

    fn paced(read: usize, write: usize) -> Self {
        Self { pace: Pace { read, write, ..Pace::WHOLE }, ..Self::WHOLE }
    }

    fn past(read: usize, write: usize) -> Self {
        Self { pace: Pace { read, write, ..Pace::PAST }, ..Self::WHOLE }
    }

    /// Returns the bytes that a side got. A half-close directly before a close is seen as a close.
    fn seen(self, got: &[u8]) -> Vec<u8> {
        match got.strip_suffix(b"<end><closed>") {
            Some(bytes) if self.ends_in_haste => [bytes, b"<closed>"].concat(),
            _ => got.to_vec(),
        }
    }
}

/// Plays a transcript up to the first difference.
fn play(transcript: &Transcript, way: Way) -> Result<(), String> {
    let mut player = player(transcript, way.pace);
    let (mut client_got, mut daemon_got) = (Vec::new(), Vec::new());
    let (mut sent, mut expects) = (0, false);
    player.settle();
    for (at, (line, what)) in transcript.lines.iter().enumerate() {
        let sends = matches!(line, Line::ClientSends | Line::DaemonSends);
        if sends && expects {
            compare(transcript, &player, &client_got, &daemon_got, way)?;
        }
        expects = !sends;
        let then = transcript.lines.get(at + 1);
        let ends = matches!(then, Some((next, What::Mark(_))) if next == line);
        player.pace.write = if ends && way.ends_in_haste { 0 } else { way.pace.write };
        match (line, what) {
            (Line::ClientGot, what) => client_got.extend(written(what)),
            (Line::DaemonGot, what) => daemon_got.extend(written(what)),
            (_, What::Mark(mark)) => act(&mut player, *line, mark),
            (_, What::Bytes(bytes)) => {
                let at = way.cut.and_then(|cut| cut.checked_sub(sent));
                send(&mut player, *line, bytes, at);
                sent += bytes.len();
            }
        }
        player.settle();
    }
    compare(transcript, &player, &client_got, &daemon_got, way)
}

/// Creates a core with the configuration of a transcript.
fn player(transcript: &Transcript, pace: Pace) -> Player {
    let mut profile = profile();
    let mut rules = profile.inject.rules().to_vec();
    for flag in &transcript.flags {
        match flag.split_once([' ', '=']).unwrap_or((flag, "")) {
            ("--strict", "") => profile.strict = true,
            ("--no-buildkit", "") => profile.no_buildkit = true,
            ("--policy", preset) => profile.policy = named(preset).ok(),
            ("--label", pair) => {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let label = Label { key: key.to_owned(), value: value.to_owned() };
                let both = [Inject::label(label.clone()), Inject::image_label(label)];
                rules.extend(both.map(|rule| Inject { from: "--label".to_owned(), ..rule }));
            }
            ("--cgroup-parent", "caller") => {
                rules.retain(|rule| rule.at != Place::CgroupParent);
                rules.push(Inject::cgroup_parent("{cgroup.parent}"));
            }
            ("--job-socket", path) => profile.job_socket = Some(path.to_owned()),
            other => panic!("{other:?} is no flag of a transcript"),
        }
    }
    let profile = profile.with(rules, PathRules::default(), "");
    let mut player = Player::with(profile, pace);
    player.caller = match transcript.caller.as_deref() {
        None => player.caller,
        Some("host") => Ok(Caller { pid: 4242, ..Caller::default() }),
        Some("unknown") => Err(Refusal::new(Reason::CallerUnknown, "the caller is not known")),
        Some(other) => panic!("{other} is no caller"),
    };
    if transcript.flags.iter().any(|flag| flag == "--job-socket /full") {
        let refusal = Refusal::new(Reason::JobSocket, "the socket cannot be made");
        player.job_socket = Err(refusal);
    }
    player.store = match transcript.store.as_deref() {
        Some("containerd") => Store::Containerd,
        Some("graph driver") => Store::GraphDriver,
        Some("unknown") | None => Store::Unknown,
        Some(other) => panic!("{other} is no store"),
    };
    player
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
    way: Way,
) -> Result<(), String> {
    for (who, got, wanted) in
        [("client", &player.client.got, client), ("daemon", &player.daemon.got, daemon)]
    {
        let (got, wanted) = (way.seen(got), way.seen(wanted));
        if got != wanted {
            let (path, got, wanted) = (&transcript.path, got.escape_ascii(), wanted.escape_ascii());
            let path = path.display();
            return Err(format!(
                "{path}, {way:?}\n  the {who} got        {got}\n  and should have {wanted}\n"
            ));
        }
    }
    Ok(())
}

/// Plays all transcripts in one way, and reports all failures.
fn play_all(played: impl Fn(&Transcript) -> Result<(), String>) {
    let failures: Vec<String> = all().iter().filter_map(|page| played(page).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn whole() {
    play_all(|page| play(page, Way::WHOLE));
}

/// Returns the size of a piece: one byte, or a few for a long transcript.
fn crumb(page: &Transcript) -> usize {
    if page.length() < 50_000 { 1 } else { 61 }
}

#[test]
fn byte_by_byte() {
    play_all(|page| play(page, Way::paced(crumb(page), usize::MAX)));
}

#[test]
fn into_sockets_that_take_one_byte_at_a_time() {
    play_all(|page| play(page, Way::paced(usize::MAX, crumb(page))));
    play_all(|page| play(page, Way::paced(crumb(page), crumb(page))));
}

#[test]
fn with_the_last_bytes_still_on_their_way() {
    play_all(|page| play(page, Way { ends_in_haste: true, ..Way::WHOLE }));
}

#[test]
fn past_the_inboxes() {
    play_all(|page| play(page, Way::past(usize::MAX, usize::MAX)));
    play_all(|page| play(page, Way::past(crumb(page), crumb(page))));
}

#[test]
fn cut_at_every_place() {
    play_all(|page| {
        // Long transcripts are split at some places only.
        let most = if page.length() < 50_000 { 500 } else { 40 };
        let step = (page.length() / most).max(1) | 1;
        for cut in (0..page.length()).step_by(step) {
            play(page, Way { cut: Some(cut), ..Way::WHOLE })?;
            if cut % 3 == 0 {
                play(page, Way { cut: Some(cut), ..Way::past(usize::MAX, usize::MAX) })?;
            }
        }
        Ok(())
    });
}

/// Each cell of the table of ends in `src/proxy/session.rs` has a transcript of that name.
#[test]
fn every_end_in_every_state_is_a_page() {
    let mut rows = include_str!("../src/proxy/session.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .map(|row| row.trim_end_matches('|').split('|').map(str::trim));
    let ends: Vec<&str> = rows.next().unwrap().skip(1).collect();
    assert_eq!(ends.len(), 4, "{ends:?}");
    let mut pages = Vec::new();
    for mut row in rows {
        let state = row.next().unwrap();
        pages.extend(ends.iter().map(|end| format!("{end} {state}").replace([' ', '-'], "_")));
    }
    assert!(pages.len() >= 40, "{pages:?}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/endings");
    pages.retain(|page| !folder.join(page).with_extension("txt").exists());
    assert!(pages.is_empty(), "there are no pages for {pages:?}");
}
