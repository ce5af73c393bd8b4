//! Waiting for a condition instead of for a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time limit, long enough for a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Calls `probe` until it returns a value; fails the test at the time limit.
pub(crate) fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    eventually(probe).unwrap_or_else(|| panic!("timed out waiting until {what}"))
}

/// The same for cleanup, which must not panic, since the test may already be failing.
pub(crate) fn eventually<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = probe();
        if answer.is_some() || Instant::now() > deadline {
            return answer;
        }
        sleep(Duration::from_millis(10));
    }
}
