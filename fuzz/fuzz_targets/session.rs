//! Law: the bytes that both sides get do not depend on how they were split. As Go reads them, the daemon gets
//! the client's requests: byte for byte if they create nothing, else with the forced values. Only the daemon
//! opens a tunnel. The proxy never holds more than its limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use support::conversation::Script;
use support::player::Pace;

#[path = "../../tests/support/mod.rs"]
mod support;

fuzz_target!(|bytes: &[u8]| {
    let script = Script::read(bytes);
    let whole = script.result(Pace::WHOLE, || usize::MAX);
    script.assert_lawful(&whole);
    // The bytes themselves select the splits, so that any conversation is a seed.
    let mut lengths = bytes.iter().cycle().map(|byte| 1 + usize::from(byte ^ bytes[0]) % 128);
    script.assert_same_in_pieces(&whole, || lengths.next().unwrap_or(1));
    // This check is slow, and few inputs find anything new.
    if bytes.len().is_multiple_of(16) {
        script.assert_bounded();
    }
});
