//! Skips tests that cannot run here, with a message, or fails them where everything has to run.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Reports skipped tests; repeated messages are printed once.
///
/// # Panics
/// With `DCP_TEST_REQUIRE_ENGINE=1`.
pub(crate) fn skip(what: &str, reason: &str) {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let text = format!(
        "\n\
         ******************************************************************\n\
         ** SKIPPED: {what}\n\
         ** {reason}\n\
         ** To run everything, with an engine of its own:  tests/run\n\
         ******************************************************************\n"
    );
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
        // The output of `eprintln!` is hidden when a test passes.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let required = std::env::var("DCP_TEST_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
    assert!(!required, "DCP_TEST_REQUIRE_ENGINE=1, but {reason}");
}
