//! Tests that cannot be run here say so, and fail where everything is to be run.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Tells that a test, or some, are skipped; once, however many say the same.
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
        // What goes through `eprintln!` is hidden when a test passes.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
    let required = std::env::var("DCP_TEST_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
    assert!(!required, "DCP_TEST_REQUIRE_ENGINE=1, but {reason}");
}
