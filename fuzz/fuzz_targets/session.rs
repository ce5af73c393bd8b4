//! Law: what reaches the daemon does not depend on how the client's bytes were cut, and no request
//! in it, as Go reads it, creates anything without what is forced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use support::player::{Pace, Player, injection};
use support::{labelled, naive};

#[path = "../../tests/support/mod.rs"]
mod support;

/// The complete requests that reach a daemon which answers each with 204.
fn requests(bytes: &[u8], cut: impl Fn(u8) -> usize) -> Vec<naive::Request> {
    let mut player = Player::new(Pace::WHOLE);
    let (mut answered, mut rest) = (0, bytes);
    while let [first, ..] = rest {
        let (piece, behind) = rest.split_at(cut(*first).min(rest.len()));
        rest = behind;
        player.client.sends.extend(piece);
        player.settle();
        while answered < naive::requests(&player.daemon.got).len() {
            answered += 1;
            player.daemon.sends.extend(b"HTTP/1.1 204 No Content\r\n\r\n");
            player.settle();
        }
    }
    naive::requests(&player.daemon.got)
}

fuzz_target!(|bytes: &[u8]| {
    let all = requests(bytes, |_| usize::MAX);
    // The bytes themselves say where they are cut, so that any conversation is a seed.
    assert_eq!(requests(bytes, |first| 1 + usize::from(first ^ bytes[0]) % 32), all);
    all.iter().for_each(|request| labelled::assert_labelled(&injection(), request));
});
