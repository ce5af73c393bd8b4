//! Waiting for a condition instead of for a time.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow machine, shorter than patience.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks `probe` again and again until it has an answer; fails the test if none comes.
pub(crate) fn until<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    eventually(probe).unwrap_or_else(|| panic!("waited in vain until {what}"))
}

/// The same for clean-up, which must not panic: the test may be failing already.
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
