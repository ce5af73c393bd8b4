//! Law: the bytes that client and daemon get on a connection with BuildKit's calls do not depend on how the
//! bytes of both were split; and in every Solve that the daemon gets, the forced values follow the frontend; and
//! options of builds get into it.
//!
//! The input is the client's bytes after the preface and, after the first `D> `, the daemon's bytes after
//! its own.
#![no_main]

use dockerd_ci_proxy::rules::buildkit::{Method, edit};
use libfuzzer_sys::fuzz_target;
use support::player::{Pace, Player};
use support::{build_rules, calls};

#[path = "../../tests/support/mod.rs"]
mod support;

const UPGRADE: &[u8] = b"POST /grpc HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n";
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The field block of a Solve in the transcripts.
const SOLVE: &[u8] = b"\0\x07:method\x04POST\0\x07:scheme\x04http\0\x05:path\x2a\
                       /moby.buildkit.v1.frontend.LLBBridge/Solve";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const FRONTEND: &[u8] = b"\x12\x0ddockerfile.v0";
/// The forced values after the client's last field.
const FORCED: &[u8] = b"\x0a\x0dcgroup-parent\x12\x05/ci/7";

/// Returns the bytes that client and daemon get.
fn play(client: &[u8], daemon: &[u8], cut: usize) -> (Vec<u8>, Vec<u8>) {
    let mut player = Player::new(Pace::WHOLE);
    player.client.sends.extend(UPGRADE);
    player.settle();
    player.daemon.sends.extend(SWITCHED);
    player.settle();
    player.client.sends.extend(PREFACE);
    player.daemon.sends.extend(SETTINGS);
    player.settle();
    for piece in daemon.chunks(cut) {
        player.daemon.sends.extend(piece);
        player.settle();
    }
    for piece in client.chunks(cut) {
        player.client.sends.extend(piece);
        player.settle();
    }
    (player.client.got, player.daemon.got)
}

fuzz_target!(|bytes: &[u8]| {
    let mark = bytes.windows(3).position(|three| three == b"D> ");
    let (client, daemon) = bytes.split_at(mark.unwrap_or(bytes.len()));
    let daemon = daemon.get(3..).unwrap_or_default();
    let (client_got, daemon_got) = play(client, daemon, usize::MAX);
    for cut in [1, 7] {
        let (client_too, daemon_too) = play(client, daemon, cut);
        assert_eq!(client_too, client_got);
        // Unsent bytes of a stopped connection are lost.
        let open = daemon_got.strip_suffix(b"<closed>").unwrap_or(&daemon_got);
        assert!(daemon_too.starts_with(open));
    }
    // A message that starts with its frontend, in one frame on the stream of a Solve.
    let mut solves = Vec::new();
    let mut rest = daemon_got.get(UPGRADE.len() + 24..).unwrap_or_default();
    while let [l0, l1, l2, kind, flags, s0, s1, s2, s3, behind @ ..] = rest {
        let length = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
        let Some((payload, behind)) = behind.split_at_checked(length) else { break };
        let stream = [*s0, *s1, *s2, *s3];
        if *kind == 1 && flags & 0x28 == 0 && payload.starts_with(SOLVE) {
            solves.push(stream);
        }
        let message = payload.get(5..).filter(|_| *kind == 0 && solves.contains(&stream));
        if message.is_some_and(|message| message.starts_with(FRONTEND)) {
            let length = u32::from_be_bytes(payload[1..5].try_into().unwrap()) as usize;
            let whole = payload.get(5..5 + length);
            assert!(whole.is_none_or(|message| message.ends_with(FORCED)));
            if let Some(message) = whole {
                let edited = edit(&build_rules::profile(), Method::BridgeSolve, message, None);
                let entries = |message| calls::entries(message, 3);
                if let Ok(edited) = edited {
                    build_rules::assert_attributes(&entries(message), &entries(&edited.message));
                }
            }
        }
        rest = behind;
    }
});
