//! The transcripts, over real sockets.

use std::path::{Path, PathBuf};
use std::thread;

use super::lab::Lab;
use super::stage::Stage;
use super::transcript::{SOCKET, paths, read};

/// Flags of the proxy for all transcripts.
const FLAGS: [&str; 6] =
    ["--label", "ci.job=7", "--label", "ci.team=web", "--cgroup-parent", "/ci/7"];

/// Number of transcripts that are played at the same time.
const AT_ONCE: usize = 8;

#[test]
fn every_transcript_passes_over_sockets_as_through_the_core() {
    let paths = paths();
    let share = paths.len().div_ceil(AT_ONCE);
    let failures: Vec<String> = thread::scope(|scope| {
        let play =
            |paths: &[PathBuf]| -> Vec<_> { paths.iter().filter_map(|path| play(path)).collect() };
        let players: Vec<_> =
            paths.chunks(share).map(|paths| scope.spawn(move || play(paths))).collect();
        players.into_iter().flat_map(|player| player.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Plays a transcript; returns the first difference.
fn play(path: &Path) -> Option<String> {
    let page = read(path.to_owned(), SOCKET);
    // A transcript has one daemon connection at a time; `store.rs` tests questions on another one. Nor can it
    // choose the caller, which is this process.
    if page.store.is_some() || path.parent().is_some_and(|folder| folder.ends_with("callers")) {
        return None;
    }
    let flags = page.flags.iter().map(String::as_str);
    let flags = FLAGS.into_iter().chain(flags).collect::<Vec<_>>();
    let Lab { proxy: _proxy, daemon, folder } = Lab::with(&flags);
    let socket = folder.join("daemon");
    let transcript = read(path.to_owned(), socket.to_str().unwrap());
    let client = std::os::unix::net::UnixStream::connect(folder.join("listen")).unwrap();
    let played = Stage::new(client, daemon, socket).play(&transcript);
    played.err().map(|why| format!("{}: {why}", path.display()))
}
