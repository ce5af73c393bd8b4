//! Law: what both sides get does not depend on how the bytes were cut. What reaches the daemon is
//! what the client sent, as Go reads it: to the byte where it creates nothing, with what is forced
//! where it does. A tunnel is opened by the daemon alone. And no more is held than may be.
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
    // The bytes themselves say where they are cut, so that any conversation is a seed.
    let mut lengths = bytes.iter().cycle().map(|byte| 1 + usize::from(byte ^ bytes[0]) % 128);
    script.assert_same_in_pieces(&whole, || lengths.next().unwrap_or(1));
    // It is slow, and few inputs have anything new to say about it.
    if bytes.len().is_multiple_of(16) {
        script.assert_bounded();
    }
});
